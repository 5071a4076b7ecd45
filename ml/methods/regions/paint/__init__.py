"""Regions from strokes (Paint)."""
