"""MixPatch."""
