"""Which number a statement gives.

digits.py has the ways to write a number and number_words.py those to spell one; numbers.py compares
numbers. reading.py reads the number of a statement, parts.py those of one part of it.
"""
