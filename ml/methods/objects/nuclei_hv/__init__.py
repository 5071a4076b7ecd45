"""Nuclei (by offsets)."""
