"""The model as it is kept: what is saved, how it is loaded. No JAX here."""
