"""Tools that make or convert training data."""
