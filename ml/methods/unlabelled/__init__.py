"""Methods that learn an encoder from tiles without labels."""
