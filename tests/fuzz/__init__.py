"""Mutated files of each format, read in children: no parent is harmed. ``make fuzz`` reads 10,000 of each."""
