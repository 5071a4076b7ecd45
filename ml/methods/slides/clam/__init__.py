"""Attention with clustered instances."""
