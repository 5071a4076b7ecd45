"""Cases and slides, as users edit them."""
