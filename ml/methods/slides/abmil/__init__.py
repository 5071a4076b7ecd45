"""Attention over tiles."""
