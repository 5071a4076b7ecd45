"""Methods that classify whole slides."""
