"""Ensemble of heads."""
