"""The report's tables, in files by subject.

table.py builds a table from its columns. identity.py, verdicts.py and notes.py have what several
tables share. text.py writes numbers, markup.py Markdown and LaTeX.
"""
