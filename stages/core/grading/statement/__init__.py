"""Where an answer makes its final statement.

- visible.py makes plain text of a response; boxes.py and candidates.py find statements in it.
- final.py chooses among them; closing.py reads the last sentence; retraction.py sees what takes a
  statement back.
- sentences.py cuts texts; words.py, denial.py, phrases.py and beside.py hold the words.
"""
