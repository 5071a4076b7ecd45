"""Methods that classify patches."""
