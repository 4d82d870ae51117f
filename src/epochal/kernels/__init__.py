"""The operations of a training step on a CPU: C kernels called through XLA's FFI, or XLA's own."""

from epochal.kernels.library import load, warn_if_slower
from epochal.kernels.relu_network import c_backend, cpu_backend

__all__ = ["c_backend", "cpu_backend", "load", "warn_if_slower"]
