"""Model folders, hashes of files, names of files, and writing that leaves nothing half-written."""
