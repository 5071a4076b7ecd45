"""Quality maps of slides."""
