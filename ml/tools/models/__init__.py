"""Tools that measure or explain a fitted model."""
