"""Base classes of recipes, one module for each way of reading a slide, and their encoders."""
