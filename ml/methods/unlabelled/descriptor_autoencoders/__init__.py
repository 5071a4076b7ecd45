"""Auto-encoders of descriptors."""
