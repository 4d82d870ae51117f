"""From what a person has (files, frames, arrays) to tables and arrays."""
