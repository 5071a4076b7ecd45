"""Slide and clinical fields."""
