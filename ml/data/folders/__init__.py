"""Readers of folders of labelled material."""
