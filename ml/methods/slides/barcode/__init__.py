"""Barcode: the histogram of a slide's tile clusters."""
