"""Background work as job rows that users see."""
