"""Every background run as a row that a user sees."""
