"""Export of labels as files for other programs."""
