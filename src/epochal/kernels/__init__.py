"""The operations of a training step and of predictions on a CPU: C kernels, or XLA's own operations."""
