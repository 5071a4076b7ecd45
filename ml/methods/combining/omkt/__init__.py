"""Mutual transfer with feature fusion."""
