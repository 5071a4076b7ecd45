"""Sparse key patches."""
