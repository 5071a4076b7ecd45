"""Tools that measure or change slides."""
