"""Tiles of slides: the bare application that answers them, and the sources of their pixels."""
