"""Catalogue of recipes and tools with their settings. Free of torch, so that a web process may import it."""
