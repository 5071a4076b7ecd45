"""Regions (MUSA-UNet)."""
