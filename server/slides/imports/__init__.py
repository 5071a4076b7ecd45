"""Steps of an import: sort files, decide how they are read, check the pixels, store them."""
