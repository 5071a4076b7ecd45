"""What people draw: annotations and their revisions, finished regions."""
