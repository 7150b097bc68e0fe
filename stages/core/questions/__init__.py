"""Question sets: rows become questions."""
