"""Mutual learning."""
