"""What every app stands on. No domain noun."""
