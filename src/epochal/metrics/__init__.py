"""Metrics: classification figures and ROC curves, streaming."""
