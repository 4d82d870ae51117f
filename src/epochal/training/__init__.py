"""Training: the compiled step, the ensemble, the epoch loop, early stopping, optimizers."""
