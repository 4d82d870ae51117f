"""From files and frames to arrays: NumPy and Arrow; no JAX here."""
