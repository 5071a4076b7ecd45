"""Methods of pathology image analysis in plain PyTorch and NumPy: no web framework, no database."""
