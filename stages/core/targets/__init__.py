"""What a student is taught: compressed, cut and assembled traces."""
