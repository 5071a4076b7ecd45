"""Training material of a round: marks and verdicts, split and stored as an immutable file."""
