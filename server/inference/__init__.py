"""Running a model version over slides."""
