"""Viewing of slides and measuring on them: scale, and viewing records."""
