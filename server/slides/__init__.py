"""Cases, slides, uploads, import, tiles."""
