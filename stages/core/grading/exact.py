"""Reading a statement as plain words."""

from stages.core.grading.choice import options
from stages.core.grading.statement import sentences
from stages.core.grading.statement.candidates import Statement
from stages.core.grading.statement.visible import BULLET


class ExactReader:
    """Reads the words of a statement in one spelling."""

    opens = False

    def read(self, statement: Statement) -> str | None:
        """A statement's words in lower case, without emphasis, quotes, article and closing punctuation."""
        if statement.form == "box":
            return options.exact(statement.text)
        return options.exact(sentences.first_sentence(statement.text).strip().removeprefix(BULLET))

    def bare(self, text: str) -> str | None:
        """None: of words alone nobody can say whether they are the answer."""
        return None

    def names_another(self, text: str, value: str) -> bool:
        """Whether `text` says something: after "but" and the like, that is another answer."""
        return True
