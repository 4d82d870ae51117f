"""From arrays to parameters: pure functions; JAX only where programs are compiled."""
