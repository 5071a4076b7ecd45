"""Live events of jobs and projects: stored as rows, streamed to browsers and programs."""
