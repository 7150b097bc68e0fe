"""Which option a statement names.

options.py knows a question's options; choosing.py has the words beside an option's name;
mentions.py finds options in a text; choices.py reads a statement.
"""
