"""Model versions: weights, provenance, metrics, promotion."""
