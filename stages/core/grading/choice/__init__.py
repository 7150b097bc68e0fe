"""Which option a statement names."""
