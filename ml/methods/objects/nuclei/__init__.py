"""Nuclei."""
