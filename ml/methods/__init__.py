"""One folder per method: ``ml/methods/<family>/<method>/{info,recipe,network}.py``."""
