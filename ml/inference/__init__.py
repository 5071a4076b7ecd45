"""From slide to prediction: reading patches ahead, and writing results."""
