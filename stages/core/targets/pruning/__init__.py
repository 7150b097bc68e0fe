"""Pruning: a shorter reasoning made by leaving out units of the raw one.

`settings.Prune` are the params, `pruner.Pruner` does the work. A criterion says in which order the
units go (`order.py`), and a budget says when to stop (`removal.py`).
"""
