"""Methods that detect or outline objects."""
