"""Inference: runs of a model version over slides."""
