"""Regions (U-Net)."""
