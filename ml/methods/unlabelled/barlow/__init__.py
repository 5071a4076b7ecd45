"""Self-supervised encoder of tiles by Barlow Twins."""
