"""Transformer over tiles."""
