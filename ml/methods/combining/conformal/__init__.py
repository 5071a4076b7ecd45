"""Conformal prediction: label sets with guaranteed coverage."""
