"""Configuration: every setting with its default and constraint, presets, CSV options."""
