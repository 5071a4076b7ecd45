"""Slides of several channels: the planes of the file, and the reader."""
