"""Loss of power: a file system that forgets unflushed data, and an installation on it."""
