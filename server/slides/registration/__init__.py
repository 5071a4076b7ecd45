"""Registration of slides."""
