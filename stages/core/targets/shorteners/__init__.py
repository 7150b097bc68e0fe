"""Shorteners: what brings a trace down to a budget of one student's tokens."""
