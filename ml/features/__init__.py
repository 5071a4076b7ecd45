"""Encoders from patches to features, and the store of those features."""
