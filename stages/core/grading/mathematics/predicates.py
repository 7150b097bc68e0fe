"""Which formulas of a sentence are what it says: those after its lead, or at its end.

"The roots of $x^2 = 4$ are $2$ and $-2$." says $2$ and $-2$. Prepositions lead to formulas that
only explain, and words beside a formula may make its value another one.
"""

import re

from stages.core.grading.statement import beside, denial, phrases, sentences, words
from stages.core.grading.statement.boxes import FORMULA
from stages.core.grading.statement.candidates import UnclearError

_LEADS = words.any_of(
    "equal_to given_by simply just therefore thus exactly then that the an? either indeed both"
)
# ": therefore x = " between a lead and its formula
_BEFORE = re.compile(rf"[\s,:;(*_]*(?:(?:{_LEADS}|[A-Za-z] ?=)[\s:*_]*)*", re.IGNORECASE)
# ", and " between two formulas that are listed together
_BETWEEN = re.compile(
    r"[\s.*_]*(?:,|;|\b(?:and|or)\b)+[\s*_]*(?:\b(?:and|or|[A-Za-z] ?=)\b)?[\s*_]*", re.IGNORECASE
)
# " square units." after a formula
_AFTER = re.compile(r"[A-Za-z\s,.;:!*_()'/\u00b2\u00b3^23-]*")
# Words beside a formula that make its value another one
_CHANGING = words.any_of(
    "million billion thousand hundred dozen squared cubed half twice more_than less_than at_least "
    "at_most or_(?:more|less|so) not never times plus minus over between about approximately "
    "undefined except but to_the base than percent_of log ln sin cos tan pi sqrt mod divides "
    "exceeds multiple factor divisor one_of bound big small example"
)
_CHANGES = re.compile(rf"\b{_CHANGING}\b|n't\b", re.IGNORECASE)
# Makes the formula before it a subject: "$x$ is odd", "$x$ has"; not "$x$ is the answer"
_SUBJECT_OF = re.compile(
    r"\s*(?:is (?!(?:the|our|a solution|what|your|correct|right)\b)"
    r"|(?:has|have|lies|must|leads|fails)\b|does)"
)
_GIVE = words.any_of("is are was equals? be becomes gives get have has obtain find yields")
# "is equal to"
_VERB = re.compile(rf"\b{_GIVE}\b(?: equal to| given by)?\s*:?", re.IGNORECASE)
_PREPOSITIONS = words.any_of(
    "at for of in by from with when where since because if than unlike on between to using as"
)
# "for ", "of the "
_PREPOSITION = re.compile(rf"\b(?<!is )(?<!lies ){_PREPOSITIONS}\s(?:[a-z]+ )?$", re.IGNORECASE)
# "for a total of 11", "giving a probability of 3/8"
_AMOUNT_OF = re.compile(rf"\ban? (?:\w+ )?{words.any_of(beside.AMOUNTS)} of $", re.IGNORECASE)
# "Twice the number is "
_MULTIPLE_OF = re.compile(
    r"\b(?:twice|half|double|triple|square)\b[^$]* (?:is|equals) $", re.IGNORECASE
)
# "(the other root, x = -2, is extraneous)"
_PARENTHESIS = re.compile(r"\s\((?=[A-Za-z]{2})(?:[^()$]|\$[^$]*\$)*\)")
# "Since x is even, "
_REASON = re.compile(r"^(?:since|because|as|when)\b[^,]*,\s", re.IGNORECASE)
# "Evelyn has the greatest speed.", "Evelyn's speed is the largest."
_SUPERLATIVE = re.compile(
    r"(?P<subject>[A-Z][a-z]+)(?:'s(?: \w+){1,4} is|\s(?:has|is|had|was)) "
    r"the (?:\w{2,}est|most|least|best|only)\b"
)
# "Vertex: (3, -4)"
_LABEL = re.compile(r"^[A-Z][a-z]+(?: [a-z]+){0,3}:\s")
# "exactly 5"
_LEAD_WORD = re.compile(r"(?:either|equal to|given by|simply|just|exactly)\b", re.IGNORECASE)
# `\implies`, `=>`
_IMPLIES = re.compile(r"\\(?:implies|Rightarrow|Longrightarrow)(?![A-Za-z])|=>")


def after_a_lead(sentence: str) -> str:
    """The formulas that follow a lead such as "the answer is", else all of the clause.

    The words beside the formulas must leave them as they are. Raises UnclearError where words deny
    them.
    """
    clause = sentences.clause(sentence)
    first_words = FORMULA.sub(" ", clause).split()[:4]
    if denial.denies(" ".join(first_words)):
        raise UnclearError
    formulas = list(FORMULA.finditer(clause))
    if not formulas:
        return _without_lead_words(clause)
    led_directly = _BEFORE.fullmatch(clause, 0, formulas[0].start())
    all_listed = led_directly and _listed_together(clause, formulas) == formulas
    if all_listed and _unchanged(clause[formulas[-1].end() :]):
        return ", ".join(map(inner, formulas))
    return _conclusion_of(clause, formulas) or _without_lead_words(clause)


def concluded(sentence: str) -> str:
    """The formulas of a sentence's end or predicate; without any, the words after its last verb.

    Raises UnclearError where words deny them.
    """
    if phrases.SUPPOSES.match(phrases.without_leading(sentence)):
        return ""
    clause = sentences.clause(_PARENTHESIS.sub("", sentence))
    if not re.search(r"[\d$\\]", clause):
        clause = sentence
    formulas = list(FORMULA.finditer(clause))
    if formulas:
        return _conclusion_of(clause, formulas)
    if denial.denies(clause):
        raise UnclearError
    clause = _REASON.sub("", phrases.without_leading(clause))
    if superlative := _SUPERLATIVE.match(clause):
        return superlative["subject"]
    return _without_lead_words(_VERB.split(clause)[-1])


def inner(formula: re.Match[str]) -> str:
    """What a match of FORMULA holds: after its last arrow, and of several equations the last."""
    content = next(group for group in formula.groups() if group is not None).strip()
    content = _IMPLIES.split(content)[-1].strip() or content
    lines = [line.strip() for line in content.splitlines() if line.strip()]
    return lines[-1] if len(lines) > 1 and all("=" in line for line in lines) else content


def _conclusion_of(clause: str, formulas: list[re.Match[str]]) -> str:
    """The last formulas that no preposition leads to; "" for none, or where words change them.

    Raises UnclearError where words deny them.
    """
    formulas = _without_explaining(clause, formulas)
    if not formulas:
        return ""
    listed = _listed_together(clause, formulas)
    before, after = clause[: listed[0].start()], clause[listed[-1].end() :]
    if denial.rejects(before) or _MULTIPLE_OF.search(before):
        raise UnclearError
    nearest_words = " ".join(before.split()[-3:])
    if _CHANGES.search(nearest_words) or re.search(r"[-+*/\d]\s?$", nearest_words):
        return ""
    if not _unchanged(FORMULA.sub(" ", after)):
        return ""
    return ", ".join(map(inner, listed))


def _without_explaining(clause: str, formulas: list[re.Match[str]]) -> list[re.Match[str]]:
    """Formulas up to the last one that no preposition leads to.

    A single formula after "at", "as" or "to" stays: "They meet at $(1, 2)$."
    """
    meets_at = re.search(r"\b(?:at|as|to)\s(?:the |[a-z]+ )?$", clause[: formulas[-1].start()])
    if len(formulas) == 1 and meets_at:
        return formulas
    while formulas and _led_by_a_preposition(clause[: formulas[-1].start()]):
        formulas = formulas[:-1]
    return formulas


def _led_by_a_preposition(before: str) -> bool:
    if _AMOUNT_OF.search(before) or re.search(rf"\b{_GIVE}\s$", before):
        return False
    return _PREPOSITION.search(before) is not None


def _listed_together(text: str, formulas: list[re.Match[str]]) -> list[re.Match[str]]:
    """The last of `formulas`, with those before it that it is listed with."""
    listed = formulas[-1:]
    for formula in reversed(formulas[:-1]):
        if not _BETWEEN.fullmatch(text, formula.end(), listed[0].start()):
            break
        listed.insert(0, formula)
    return listed


def _unchanged(after: str) -> bool:
    """Whether the words after a formula leave it as it is."""
    if _AFTER.fullmatch(after) is None:
        return False
    return not _CHANGES.search(after) and not _SUBJECT_OF.match(after)


def _without_lead_words(text: str) -> str:
    """A text without the words that lead to a formula and the marks around it."""
    text = text.strip().strip("*_` \"'").removeprefix("=>").rstrip(".!").strip()
    text = _LABEL.sub("", text)
    return _BEFORE.sub("", text, count=1) if _LEAD_WORD.match(text) else text
