"""Counts of a round's training material, kept up to date so that a request reads no shape."""
