"""Metrics with intervals, comparison of two models, the model card."""
