"""Splits: holdout, folds, bootstrap, groups, time; feature masks."""
