"""Decision states: which objects of a set have which decision."""
