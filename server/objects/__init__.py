"""What machines make: object sets, their tiles, heat maps."""
