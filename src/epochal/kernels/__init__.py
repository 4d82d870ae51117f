"""Operations of a training step in C, for CPUs; XLA does the same where they have not been built."""

from epochal.learn.native.calls import able
from epochal.learn.native.network import best, kernels

__all__ = ["able", "best", "kernels"]
