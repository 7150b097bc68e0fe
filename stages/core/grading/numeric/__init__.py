"""Which number a statement gives."""
