"""Points on cells or lesions."""
