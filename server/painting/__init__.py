"""Live painting: the regions of an open slide, repainted after each stroke."""
