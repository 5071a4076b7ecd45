"""Colour and texture."""
