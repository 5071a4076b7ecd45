"""Annotations, their revisions, and finished regions."""
