"""Reading a statement as plain words."""

import re

from stages.core.grading.choice import options
from stages.core.grading.statement import denial, sentences
from stages.core.grading.statement.candidates import Statement
from stages.core.grading.statement.visible import BULLET

_GIVES = r"(?:is|are|was|were|be|becomes|called|named|faces|equals)"


def same(value: str, gold: str) -> bool:
    """Whether the words are the gold's, or a sentence ends with them.

    An example is "the capital of Kenya is Nairobi".
    """
    if value == gold:
        return True
    ends_with_gold = re.fullmatch(
        rf"(.*\b{_GIVES} )(?:the |an? )?{re.escape(gold)}", sentences.clause(value)
    )
    return ends_with_gold is not None and not denial.denies(ends_with_gold[1])


class ExactReader:
    """Reads the words of a statement in one spelling."""

    opens = False

    def read(self, statement: Statement) -> str | None:
        """A statement's words in lower case; None for no words.

        Emphasis, quotes, a leading article and closing punctuation go.
        """
        if statement.form == "box":
            return options.exact(statement.text)
        sentence = sentences.first_sentence(statement.text).strip()
        return options.exact(sentence.removeprefix(BULLET))

    def bare(self, text: str) -> str | None:
        """None: of words alone nobody can say whether they are the answer."""
        return None

    def names_another(self, text: str, value: str) -> bool:
        """Whether `text` says something: after "but" and the like, that is another answer."""
        return True
