"""Inference: reading patches ahead, and writing predictions."""
