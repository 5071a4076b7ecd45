"""Explanations of suggestions."""
