"""Several magnifications."""
