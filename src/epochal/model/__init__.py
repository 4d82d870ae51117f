"""The model file: description, tensors, archive; saving and loading. No JAX here."""
