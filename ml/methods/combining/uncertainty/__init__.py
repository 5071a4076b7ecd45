"""Uncertainty-informed prediction."""
