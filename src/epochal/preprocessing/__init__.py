"""Preprocessing: column statistics, bins, standardisation, encoded features."""
