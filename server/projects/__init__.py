"""Projects, members and their roles, the label schema."""
