"""Network modules only: no data, no training."""
