"""Regions from tile labels (SA-MIL)."""
