"""Data profiling: what looks wrong in columns and rows before training."""
