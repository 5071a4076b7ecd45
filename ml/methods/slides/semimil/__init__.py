"""Semi-supervised training on labelled and unlabelled slides."""
