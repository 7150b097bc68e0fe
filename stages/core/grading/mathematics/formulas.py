"""Reading the mathematics of a statement: its formulas, or the number that its words give."""

import re
from dataclasses import dataclass
from fractions import Fraction

from stages.core.grading.mathematics import latex
from stages.core.grading.numeric import numbers
from stages.core.grading.numeric.numbers import NumberReader
from stages.core.grading.statement import beside, sentences, words
from stages.core.grading.statement.boxes import FORMULA
from stages.core.grading.statement.candidates import Statement, UnclearError

_LEADS = words.any_of(
    "equal_to given_by simply just therefore thus exactly then that the an? either indeed both"
)
_BEFORE = re.compile(rf"[\s,:;(*_]*(?:(?:{_LEADS}|[A-Za-z] ?=)[\s:*_]*)*", re.IGNORECASE)
_BETWEEN = re.compile(
    r"[\s.*_]*(?:,|;|\b(?:and|or)\b)+[\s*_]*(?:\b(?:and|or|[A-Za-z] ?=)\b)?[\s*_]*", re.IGNORECASE
)
_AFTER = re.compile(r"[A-Za-z\s,.;:!*_()'/\u00b2\u00b3^23-]*")
# Words beside a formula that make its value another one
_CHANGING = words.any_of(
    "million billion thousand hundred dozen squared cubed half twice more_than less_than at_least at_most "
    "or_(?:more|less|so) not never times plus minus over between about approximately undefined except but to_the base "
    "than percent_of log ln sin cos tan pi sqrt mod"
    " divides exceeds multiple factor divisor one_of bound big small example"
)
# "..., or about 4.47", "(approximately 4.47)"
_APPROXIMATION = re.compile(
    r"(?<=[\d$)}])(?: units)?,? \(?(?:or |which is )?(?:approximately|about|roughly|approx\.?) [^()A-Za-z]*"
    r"(?:cm|units|m)?\)?(?=\W*$)"
)
_SUBJECT = re.compile(
    r"\s*(?:is (?!(?:the|our|a solution|what|your|correct|right)\b)|(?:has|have|lies|must|leads|fails)\b|does)"
)
_CHANGES = re.compile(rf"\b{_CHANGING}\b|n't\b", re.IGNORECASE)
_GIVE = words.any_of("is are was equals? be becomes gives get have has obtain find yields")
_VERB = re.compile(rf"\b{_GIVE}\b(?: equal to| given by)?\s*:?", re.IGNORECASE)
_PREPOSITIONS = words.any_of(
    "at for of in by from with when where since because if than unlike on between to using as"
)
_PREPOSITION = re.compile(rf"\b(?<!is )(?<!lies ){_PREPOSITIONS}\s(?:[a-z]+ )?$", re.IGNORECASE)
# "for a total of 11", "giving a probability of 3/8"
_AMOUNT_OF = re.compile(rf"\ban? (?:\w+ )?{words.any_of(beside.AMOUNTS)} of $", re.IGNORECASE)
_MULTIPLE_OF = re.compile(
    r"\b(?:twice|half|double|triple|square)\b[^$]* (?:is|equals) $", re.IGNORECASE
)
# "(the other root, x = -2, is extraneous)"
_PARENTHESIS = re.compile(r"\s\((?=[A-Za-z]{2})(?:[^()$]|\$[^$]*\$)*\)")


# "Evelyn has the greatest speed.", "Evelyn's speed is the largest."
_SUPERLATIVE = re.compile(
    r"(?P<subject>[A-Z][a-z]+)(?:'s(?: \w+){1,4} is|\s(?:has|is|had|was)) the (?:\w{2,}est|most|least|best|only)\b"
)


@dataclass(frozen=True, eq=False)
class Formula:
    """The mathematics of a statement, and the number that it gives, if any. Two with the same
    number are equal.
    """

    text: str
    number: Fraction | None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Formula):
            return False
        if None not in (self.number, other.number):
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
            text = re.sub(
                r"^\\text\{ ?(?:the )?(?:final )?answer(?: is)?:? ?\}", "", statement.text.strip()
            )
            return Formula(text, self._number(statement)) if text else None
        sentence = _APPROXIMATION.sub("", sentences.first_sentence(statement.text).strip())
        if sentence.endswith("?"):
            raise UnclearError
        number = self._number(statement)
        if (
            self.gold is not None
            and not FORMULA.search(sentence)
            and re.search(r"[A-Za-z]{4}", sentence)
        ):
            return Formula("", number) if number is not None else None  # words around a number
        text = _led(sentence) if statement.form == "lead" else _concluded(sentence)
        inside = (
            numbers.gold(text.rpartition("=")[2])
            if FORMULA.search(sentence) and "," not in text
            else None
        )
        number = number if inside is None else inside  # "3 of the 8, so a probability of $3/8$"
        return Formula(text, number) if text or number is not None else None

    def bare(self, text: str) -> Formula | None:
        """The formula or the number that `text` is."""
        match = FORMULA.fullmatch(text.rstrip(". "))
        inner = _inner(match) if match else text
        number = numbers.gold(inner.rpartition("=")[2])
        return (
            Formula(inner, number) if match or (number is not None and "=" not in inner) else None
        )

    def names_another(self, text: str, value: Formula) -> bool:
        """Whether a formula or another number stands in `text`."""
        if value.number is not None:
            return self._numbers.names_another(text, value.number)
        return FORMULA.search(text) is not None or re.search(r"\d", text) is not None

    def _number(self, statement: Statement) -> Fraction | None:
        """The number that the statement gives; only asked where the gold is one."""
        if self.gold is None:
            return None
        try:
            return self._numbers.read(statement)
        except UnclearError:
            return None


def _led(sentence: str) -> str:
    """The formulas that a lead is followed by, if the words beside them leave them as they are;
    else all of it.
    """
    clause = sentences.clause(sentence)
    if words.denies(" ".join(FORMULA.sub(" ", clause).split()[:4])):
        raise UnclearError
    spans = list(FORMULA.finditer(clause))
    if (
        spans
        and _BEFORE.fullmatch(clause, 0, spans[0].start())
        and _listed(clause, spans) == spans
        and _unchanged(clause[spans[-1].end() :])
    ):
        return ", ".join(map(_inner, spans))
    if spans and (inside := _conclusion_of(clause, spans)):
        return inside
    return _bare(clause)


def _concluded(sentence: str) -> str:
    """The formulas of a sentence's end or predicate; without any, the words after its last verb."""
    if words.SUPPOSES.match(words.without_leading(sentence)):
        return ""
    clause = sentences.clause(_PARENTHESIS.sub("", sentence))
    if not re.search(r"[\d$\\]", clause):
        clause = sentence
    spans = list(FORMULA.finditer(clause))
    if spans:
        return _conclusion_of(clause, spans)
    if words.denies(clause):
        raise UnclearError
    clause = re.sub(
        r"^(?:since|because|as|when)\b[^,]*,\s",
        "",
        words.without_leading(clause),
        flags=re.IGNORECASE,
    )
    if superlative := _SUPERLATIVE.match(clause):
        return superlative["subject"]
    return _bare(_VERB.split(clause)[-1])


def _conclusion_of(clause: str, spans: list[re.Match[str]]) -> str:
    """The last formulas that no preposition leads, if nothing beside them changes them; "" for
    none.
    """
    if len(spans) > 1 or not re.search(
        r"\b(?:at|as|to)\s(?:the |[a-z]+ )?$", clause[: spans[-1].start()]
    ):
        while spans and _led_by_a_preposition(clause[: spans[-1].start()]):
            spans = spans[:-1]
    if not spans:
        return ""
    listed = _listed(clause, spans)
    if words.rejects(clause[: listed[0].start()]) or _MULTIPLE_OF.search(
        clause[: listed[0].start()]
    ):
        raise UnclearError
    before, after = " ".join(clause[: listed[0].start()].split()[-3:]), clause[listed[-1].end() :]
    if (
        _CHANGES.search(before)
        or re.search(r"[-+*/\d]\s?$", before)
        or not _unchanged(FORMULA.sub(" ", after))
    ):
        return ""
    return ", ".join(map(_inner, listed))


def _led_by_a_preposition(before: str) -> bool:
    if _AMOUNT_OF.search(before) or re.search(rf"\b{_GIVE}\s$", before):
        return False
    return _PREPOSITION.search(before) is not None


def _listed(text: str, spans: list[re.Match[str]]) -> list[re.Match[str]]:
    """The last of `spans`, with those before it that it is listed with."""
    found = spans[-1:]
    for span in reversed(spans[:-1]):
        if not _BETWEEN.fullmatch(text, span.end(), found[0].start()):
            break
        found.insert(0, span)
    return found


def _unchanged(after: str) -> bool:
    """Whether the words after a formula leave it as it is."""
    return (
        _AFTER.fullmatch(after) is not None
        and not _CHANGES.search(after)
        and not _SUBJECT.match(after)
    )


def _bare(text: str) -> str:
    """Without the words that lead to a formula and the marks around it."""
    text = text.strip().strip("*_` \"'").removeprefix("=>").rstrip(".!").strip()
    text = re.sub(r"^[A-Z][a-z]+(?: [a-z]+){0,3}:\s", "", text)  # "Vertex: (3, -4)"
    return (
        _BEFORE.sub("", text, count=1)
        if re.match(r"(?:either|equal to|given by|simply|just|exactly)\b", text, re.IGNORECASE)
        else text
    )


def _inner(match: re.Match[str]) -> str:
    inner = next(group for group in match.groups() if group is not None).strip()
    inner = (
        re.split(r"\\(?:implies|Rightarrow|Longrightarrow)(?![A-Za-z])|=>", inner)[-1].strip()
        or inner
    )
    lines = [line.strip() for line in inner.splitlines() if line.strip()]
    return lines[-1] if len(lines) > 1 and all("=" in line for line in lines) else inner
