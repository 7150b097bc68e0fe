"""Accuracy against training tokens, a line for each way of shortening that has several budgets."""
