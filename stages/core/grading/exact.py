"""Reading a statement as plain words."""

import re

from stages.core.grading.choice import options
from stages.core.grading.statement import sentences, words
from stages.core.grading.statement.candidates import Statement
from stages.core.grading.statement.visible import BULLET

_GIVES = r"(?:is|are|was|were|be|becomes|called|named|faces|equals)"


def same(value: str, wanted: str) -> bool:
    """Whether the words are the gold's, or a sentence ends with them: "the capital of Kenya is
    Nairobi".
    """
    if value == wanted:
        return True
    ends = re.fullmatch(
        rf"(.*\b{_GIVES} )(?:the |an? )?{re.escape(wanted)}", sentences.clause(value)
    )
    return ends is not None and not words.denies(ends[1])


class ExactReader:
    """Reads the words of a statement in one spelling."""

    opens = False

    def read(self, statement: Statement) -> str | None:
        """A statement's words in lower case, without emphasis, quotes, article and closing
        punctuation.
        """
        if statement.form == "box":
            return options.exact(statement.text)
        return options.exact(sentences.first_sentence(statement.text).strip().removeprefix(BULLET))

    def bare(self, text: str) -> str | None:
        """None: of words alone nobody can say whether they are the answer."""
        return None

    def names_another(self, text: str, value: str) -> bool:
        """Whether `text` says something: after "but" and the like, that is another answer."""
        return True
