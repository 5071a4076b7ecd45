"""Readers of other programs' file formats into the rows of ``shapes``."""
