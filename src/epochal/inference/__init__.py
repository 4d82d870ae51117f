"""What is done with a model: siblings, each answers one question."""
