"""Registration of two slides, and transfer of labels from one to the other."""
