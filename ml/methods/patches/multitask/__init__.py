"""Multi-task network of type, grade and a property."""
