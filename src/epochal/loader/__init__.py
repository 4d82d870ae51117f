"""The data loader: encoded rows in memory or on disk, shuffled epochs, batches, the validation set."""
