"""Test-time averaging."""
