"""Augmentation of training patches, mixtures of patches, selection of drawn tiles, and sampling orders."""
