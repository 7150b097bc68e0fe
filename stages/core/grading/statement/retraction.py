"""Whether what follows a statement takes it back, or gives another value as the last word."""

import re

from stages.core.grading.statement import denial
from stages.core.grading.statement.candidates import Reader, Statement, UnclearError, Value
from stages.core.grading.statement.sentences import sentence_end, sentences

_LOOK_AFTER_AN_OBJECTION = 300  # characters
# "Adding them, ", "I choose", "B is correct"
_CONCLUSION = re.compile(
    r"(?:so|thus|therefore|hence|finally|then|adding|after|with|i choose|now)\b"
    r"|(?-i:[A-Z]) is (?:correct|right)\b",
    re.IGNORECASE,
)


def withdrawn(text: str, statement: Statement, value: Value, reader: Reader[Value]) -> bool:
    """Whether what follows takes the statement back, or gives another value as the last word."""
    is_box = statement.form == "box"
    # An option's own words may be "it depends" or "don't tell it": they take nothing back
    is_only_the_value = reader.bare(statement.text) == value
    after = text[statement.end if is_box or is_only_the_value else statement.begin :]
    if taken_back(after, value, reader) or denial.UNDECIDED.search(after):
        return True
    if is_box and re.match(r"[\s$)]*\?", after):  # the box is asked
        return True
    end = statement.end
    if not is_box:
        end = min(end, sentence_end(text, statement.begin))
    last_sentences = sentences(text[end:])[-1:]
    return any(_concludes_otherwise(sentence, value, reader) for sentence in last_sentences)


def taken_back(after: str, value: Value, reader: Reader[Value]) -> bool:
    """Whether `after` takes back the value that stands before it, or objects with another one."""
    if denial.RETRACTED.search(after) and not denial.CONFIRMED.search(after):
        return True
    for objection in denial.OBJECTION.finditer(after):
        begin = objection.start()
        objected = after[begin : begin + _LOOK_AFTER_AN_OBJECTION].lstrip(" .!?;)\n")
        if reader.names_another(objected.partition("\n")[0], value):
            return True
    return False


def _concludes_otherwise(sentence: str, value: Value, reader: Reader[Value]) -> bool:
    """Whether a last sentence is another value, or concludes with "so" and the like to one."""
    if reader.bare(sentence) not in (None, value):
        return True
    if not _CONCLUSION.match(sentence):
        return False
    try:
        return reader.read(Statement(text=sentence)) not in (None, value)
    except UnclearError:
        return False
