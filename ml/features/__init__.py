"""Encoders that turn patches into numbers, and the store that keeps those numbers."""
