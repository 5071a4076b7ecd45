"""Dataset snapshots and rounds of the loop."""
