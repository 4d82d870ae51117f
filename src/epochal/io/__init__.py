"""Input: files, data frames and arrays become tables; column roles."""
