"""Methods that combine several models of patches, or calibrate their confidence."""
