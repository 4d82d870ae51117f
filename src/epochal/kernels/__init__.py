"""The operations of a training step on a CPU: in C, called by XLA; or by XLA itself."""

from epochal.kernels.library import load, warn_if_slower
from epochal.kernels.relu_network import c_backend, cpu_backend

__all__ = ["c_backend", "cpu_backend", "load", "warn_if_slower"]
