r"""Where an answer says what its final value is, and whether it takes that back.

`final_value` tries the statements of a text, best first:

1. the last `\boxed{}`, or the last statement led by an answer phrase ("the answer is", "Answer:",
   "####", a heading), whichever comes later, then the ones before it;
2. the last sentence that says something ("I hope this helps." says nothing);
3. the first sentence, where it is a value and nothing else.

A statement that its reader cannot read as a value of the wanted kind yields to the next. One that
is denied, or taken back by what follows it, ends the search among what stands before it.
retraction.py finds what takes a statement back; closing.py does steps 2 and 3.
"""

import re
from dataclasses import replace

from stages.core.grading.statement import boxes, closing, denial, retraction, words
from stages.core.grading.statement.candidates import Reader, Statement, UnclearError, Value, strong
from stages.core.grading.statement.sentences import sentence_end

# Where the last clause before a lead begins: after "." or "so"
_CLAUSE_START = re.compile(
    r"[.!?;:\n\u2014,]|\b(?:so|thus|therefore|hence|but|and|then|now)\b", re.IGNORECASE
)
_BOUNDS = words.any_of(
    "not cannot never neither nor isn't wasn't aren't at_least at_most "
    "(?:more|less|fewer|greater)_than about around approximately nearly almost roughly between "
    "over under up_to"
)
_LOOK_BEFORE_A_BOX = 60  # characters
_LOOK_BEFORE_A_LEAD = 200
_BEFORE_A_BOX = re.compile(
    rf"(?:\b{_BOUNDS}|n't)\s(?:be |equal |the |an? )?[$\s(\\\[]*$"  # "It is not ", "at least "
    r"|(?:^|[.!\n]\s*)(?:is it|suppose|assume|say)\b[^.\n]*$",  # "Is it "
    re.IGNORECASE,
)
_ASSUMED = re.compile(
    # "If $x = 1$, " before "the answer is 5"; "if we add them, the answer is 5" assumes nothing
    r"(?:^|[.!?\n]\s*)(?:(?:if|suppose|assume|assuming)\b[^.!?\n;]*=|let's assume\b"
    # "Unless it rains, ", "If it were raining, "
    r"|(?:unless|suppose|were|without|had)\b"
    r"|if\b[^.!?\n;]*\b(?:were|is|was|had|pointed|rains)\b)[^.!?\n;]*$",
    re.IGNORECASE,
)
# "Let us check if "
_IN_QUESTION = re.compile(
    r"\b(?:unclear|check|see|wonder|know|decide|determine|question)\b.*\bif\b", re.IGNORECASE
)
# "No, even though many people believe the answer is yes": not what the writer says
_CONCEDED = re.compile(r"\b(?:even though|even if|although)\b[^.!?\n]*$", re.IGNORECASE)


def final_value(text: str, reader: Reader[Value]) -> Value | None:
    """The value that `text` finally states, None where it states none.

    Raises UnclearError where the value is unclear.
    """
    earliest = 0  # what stands before it was denied, taken back or is unclear
    unclear = False
    for statement in strong(text):
        if statement.begin < earliest:
            break
        value = None
        try:
            value = _read(text, statement, reader)
        except UnclearError:  # what follows may be clearer
            unclear = True
        if value is None and not unclear:
            continue
        if value is not None and not retraction.withdrawn(text, statement, value, reader):
            return value
        earliest = statement.end if statement.form == "box" else sentence_end(text, statement.begin)
    value = closing.closing_value(text[earliest:], reader)
    if value is None and unclear:
        raise UnclearError
    return value


def _read(text: str, statement: Statement, reader: Reader[Value]) -> Value | None:
    """The statement's value. Raises UnclearError where it has none although it is about one."""
    if statement.form == "lead" and _CONCEDED.search(text[: statement.lead][-_LOOK_BEFORE_A_LEAD:]):
        return None
    if statement.text == boxes.UNREADABLE or _denied(text, statement):
        raise UnclearError
    if statement.form == "lead":
        statement = replace(statement, text=denial.without_contrast(statement.text))
    return reader.read(statement)


def _denied(text: str, statement: Statement) -> bool:
    """Whether the words before a statement deny it, or give it as a thought or a mistake."""
    if statement.form == "box":
        before = text[max(0, statement.begin - _LOOK_BEFORE_A_BOX) : statement.begin]
        return _BEFORE_A_BOX.search(before) is not None
    before = text[max(0, statement.lead - _LOOK_BEFORE_A_LEAD) : statement.lead]
    clause = _last_clause(before)
    if denial.denies(clause) or denial.rejects(clause):
        return True
    return _IN_QUESTION.search(clause) is not None or _ASSUMED.search(before) is not None


def _last_clause(before: str) -> str:
    """The last clause of `before`, which stands before a lead such as "the answer is"."""
    before = before.rstrip(" :=\"'-#")
    starts = [match.end() for match in _CLAUSE_START.finditer(before)]
    return before[starts[-1] if starts else 0 :]
