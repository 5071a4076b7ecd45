"""Recurrent network over the tiles with the highest scores."""
