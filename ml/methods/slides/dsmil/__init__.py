"""Critical tile, and attention by similarity to it (DSMIL)."""
