"""The model artifact: description, tensors, archive; saving and loading. No JAX here."""
