"""Uploads by the tus resumable upload protocol."""
