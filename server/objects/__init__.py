"""Output of models: object sets, their tiles, heat maps."""
