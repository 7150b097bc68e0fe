"""Reading the mathematics of a statement: its formulas, or the number that its words give."""

import re
from dataclasses import dataclass
from fractions import Fraction

from stages.core.grading.mathematics import latex, predicates
from stages.core.grading.numeric import numbers
from stages.core.grading.numeric.reading import NumberReader
from stages.core.grading.statement import sentences
from stages.core.grading.statement.boxes import FORMULA
from stages.core.grading.statement.candidates import Statement, UnclearError

# "..., or about 4.47", "(approximately 4.47)"
_APPROXIMATION = re.compile(
    r"(?<=[\d$)}])(?: units)?,? \(?"
    r"(?:or |which is )?(?:approximately|about|roughly|approx\.?) [^()A-Za-z]*"
    r"(?:cm|units|m)?\)?(?=\W*$)"
)
# "\text{the answer is } 5" in a box
_ANSWER_IS = re.compile(r"^\\text\{ ?(?:the )?(?:final )?answer(?: is)?:? ?\}")


@dataclass(frozen=True, eq=False)
class Formula:
    """The mathematics of a statement, and the number that it gives, if any.

    Two formulas with the same number are equal.
    """

    text: str
    number: Fraction | None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Formula):
            return False
        if self.number is not None and other.number is not None:
            return self.number == other.number
        return latex.canonical(latex.simple(self.text)) == latex.canonical(latex.simple(other.text))


class FormulaReader:
    """Reads formulas; words give a number where the gold is one."""

    opens = False

    def __init__(self, gold: str) -> None:
        self.gold = numbers.gold(gold.replace("\\%", "%"))
        self._numbers = NumberReader()

    def read(self, statement: Statement) -> Formula | None:
        """A statement's mathematics. Raises UnclearError where it is denied or asked."""
        if statement.form == "box":
            text = _ANSWER_IS.sub("", statement.text.strip())
            return Formula(text, self._number(statement)) if text else None
        sentence = _APPROXIMATION.sub("", sentences.first_sentence(statement.text).strip())
        if sentence.endswith("?"):
            raise UnclearError
        number = self._number(statement)
        has_formula = FORMULA.search(sentence) is not None
        if self.gold is not None and not has_formula and re.search(r"[A-Za-z]{4}", sentence):
            return Formula("", number) if number is not None else None  # words around a number
        reads = predicates.after_a_lead if statement.form == "lead" else predicates.concluded
        text = reads(sentence)
        if has_formula and "," not in text:  # "3 of the 8, so a probability of $3/8$"
            inside = numbers.gold(text.rpartition("=")[2])
            number = number if inside is None else inside
        return Formula(text, number) if text or number is not None else None

    def bare(self, text: str) -> Formula | None:
        """The formula or the number that `text` is."""
        match = FORMULA.fullmatch(text.rstrip(". "))
        formula = predicates.inner(match) if match else text
        number = numbers.gold(formula.rpartition("=")[2])
        if match or (number is not None and "=" not in formula):
            return Formula(formula, number)
        return None

    def names_another(self, text: str, value: Formula) -> bool:
        """Whether a formula or another number stands in `text`."""
        if value.number is not None:
            return self._numbers.names_another(text, value.number)
        return FORMULA.search(text) is not None or re.search(r"\d", text) is not None

    def _number(self, statement: Statement) -> Fraction | None:
        """The number that the statement gives; None where the gold is no number."""
        if self.gold is None:
            return None
        try:
            return self._numbers.read(statement)
        except UnclearError:
            return None
