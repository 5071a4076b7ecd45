"""Self-supervised encoder of tiles by SimCLR."""
