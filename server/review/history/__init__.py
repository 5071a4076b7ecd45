"""Decisions by tile, slide and reviewer."""
