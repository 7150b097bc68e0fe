"""The kinds of chart that the figures are made of, and what these charts have in common."""
