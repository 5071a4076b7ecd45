"""Methods that classify each pixel into regions."""
