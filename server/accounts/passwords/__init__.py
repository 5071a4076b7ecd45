"""Limits of wrong passwords, and the queue of password checks."""
