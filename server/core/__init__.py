"""Foundation of every app, free of domain nouns."""
