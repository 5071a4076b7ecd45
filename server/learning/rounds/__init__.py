"""Rounds of training: readiness, execution, metrics of the version."""
