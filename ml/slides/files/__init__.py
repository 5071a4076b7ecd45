"""Slide files: formats, companion files, focal planes."""
