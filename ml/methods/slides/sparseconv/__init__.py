"""Sparse convolutions over the map of tiles."""
