"""The atlas of a project: a two-dimensional embedding of its patches."""
