"""Selective augmentation."""
