"""Transformer over tissue types."""
