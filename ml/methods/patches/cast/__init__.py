"""Cross-scale transformer."""
