"""Import of files of very many objects into object sets."""
