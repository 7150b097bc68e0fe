"""The one error that a stage shows to its user."""


class StageError(Exception):
    """One line that names the file, row or parameter, what was expected, and the remedy."""
