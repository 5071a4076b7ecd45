"""Quality of a slide: sharpness, pen, folds, air bubbles, tissue."""
