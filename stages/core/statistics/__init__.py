"""Numbers about graded answers."""
