"""Inference: predictions, out-of-bag predictions, calibration."""
