"""The mathematics of an answer, from its text to its comparison with the gold.

- formulas.py finds the formula that a statement gives.
- latex.py writes a formula in one way; symbols.py has the names that it uses.
- structure.py takes it apart: lists, tuples, relations, terms.
- equal.py compares an answer with a gold; comparison.py does so part by part, with the help of
  naming.py (what the left side of an equation may be) and intervals.py (inequalities).
- terms.py compares two terms; rationals.py reads exact numbers.
- literal.py compares words, and numbers in a named base.
"""
