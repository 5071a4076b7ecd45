"""The queue of suggestions, and verdicts."""
