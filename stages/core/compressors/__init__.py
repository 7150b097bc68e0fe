"""Compressors: what rewrites a reasoning trace into a shorter one."""
