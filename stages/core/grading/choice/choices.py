"""Reading a statement as one of several options.

An option is named by its letter, its label or number, its ordinal, or its text. A letter and a text
beside it must agree. Two different options make a statement unclear, and so does a denial. In a
sentence without an answer phrase an option counts in three cases: where it is said to be right ("B
is the best choice"), where it is chosen ("I pick B"), and where the sentence ends with its text and
names no other.
"""

import re

from stages.core.grading.choice import choosing
from stages.core.grading.choice.mentions import Mention, Options
from stages.core.grading.choice.options import exact, unwrapped
from stages.core.grading.numeric.reading import NumberReader
from stages.core.grading.statement import denial, phrases, sentences
from stages.core.grading.statement.candidates import Statement, UnclearError
from stages.core.grading.statement.visible import BULLET

# "The correct answer is: "
_ANSWER_IS = re.compile(r"^(?:the )?(?:correct |final )?answer(?: is)?: ", re.IGNORECASE)
# "Yes, "
_TRUTH_FIRST = re.compile(r"(yes|no|true|false)[,:;.]\s", re.IGNORECASE)
# ", which is " after an option, before the same one again
_RESTATED = re.compile(r",? (?:which|that) is,? ")
# "None of the options from A to F fits."
_NONE_OF = re.compile(r"none of (?:the|these|those|them)\b", re.IGNORECASE)
_JOINED_WITH = re.compile(r"\s?(?:[&+/]|and\b|or\b)")
# Where a word begins: at the text's start, after a space, ",", ":" or "("
_WORD_START = re.compile(r"(?:^|(?<=[\s,:(]))(?=\S)")
# The same without ",", and with a quotation mark
_LAST_WORD_START = re.compile(r"(?:^|(?<=[\s:(\"]))(?=\S)")
# "the only option " before "B"
_ONLY = re.compile(r"\bonly (?:option |choice )?$", re.IGNORECASE)


class ChoiceReader:
    """Reads the position of an option, from 1."""

    opens = True

    def __init__(self, options: tuple[str, ...], labelled: bool = True) -> None:
        """`labelled`: whether options are also named by letters and positions."""
        self._options = Options(options, labelled)

    def read(self, statement: Statement) -> int | None:
        """The option that a statement names.

        Raises UnclearError where it names several or denies one.
        """
        text = unwrapped(statement.text)
        if statement.form == "lead" and self._options.same(text) is None:
            text = self._first_sentence(text, statement.text)
        same = self._options.same(text)
        if same is not None:
            return same
        is_question = statement.text.rstrip(" .\"'").endswith("?")
        if is_question or choosing.ENDS_WRONG.search(text) or _NONE_OF.match(text):
            raise UnclearError
        truth_first = self._first_word(text)
        if truth_first is not None:
            return truth_first
        if statement.form != "sentence":
            return self._named(_ANSWER_IS.sub("", text), led=True)
        position = self._concluded(text)
        if position is None and not statement.opening:
            return self._equal_to(text)
        return position

    def bare(self, text: str) -> int | None:
        """The option that `text` is: a letter, a label, a text, or a label and a text."""
        text = unwrapped(text)
        try:
            same = self._options.same(text)
        except UnclearError:
            return None
        text_to_name = text.lstrip(" (") if re.match(r"\(\w{2}", text) else text
        naming = self._options.naming(text_to_name)
        if same is None and naming and choosing.ENDS.match(text, naming.end):
            return naming.position
        return same

    def names_another(self, text: str, value: int) -> bool:
        """Whether `text` names an option other than `value` without saying that it is wrong."""
        for part in re.split("[,;]", unwrapped(text)):
            if self._options.anywhere(part) - {value} and not denial.denies(part):
                return True
        return False

    def _first_sentence(self, text: str, raw_text: str) -> str:
        """The first sentence of a led statement, or all of an option that has several sentences."""
        # The space is there because "B." at a text's beginning would end no sentence
        sentence = unwrapped(sentences.first_sentence(f" {raw_text}"))
        naming = self._options.naming(text)
        return text[: naming.end] if naming and naming.end > len(sentence) else sentence

    def _first_word(self, text: str) -> int | None:
        """The option "Yes", "No" and the like that a sentence begins with, if it names no other."""
        first_word = _TRUTH_FIRST.match(text)
        if not first_word:
            return None
        for position, option in enumerate(self._options.texts, 1):
            if exact(option) == exact(first_word[1]):
                return position if self._options.anywhere(text) <= {position} else None
        return None

    def _named(self, text: str, led: bool = False) -> int | None:
        """The one option that `text` begins with, after words such as "most likely".

        `led`: by an answer phrase. Raises UnclearError where it names several or denies one.
        """
        text = choosing.DENIED_ASIDE.sub(_without_denied, text)
        mention, rest = self._naming_after_leading(text)
        if denial.denies(_up_to_aside(_with_pronoun(text, mention, rest))):
            raise UnclearError
        if mention is None:
            return None
        positions, rest = self._options.listed(mention, rest)
        if len(positions) > 1 or not self._stands(positions, rest):
            raise UnclearError
        label = text[: len(text) - len(rest)]
        # "C) and what it says"
        ends_in_bracket = re.search(r"\)\s*$", label) and (led or "(" not in label)
        if not (choosing.TAIL.match(rest) or ends_in_bracket) or _JOINED_WITH.match(rest):
            return None
        if choosing.VERB.match(rest) and not choosing.SAID_RIGHT.match(rest):
            return None
        return positions.pop()

    def _stands(self, positions: set[int], rest: str) -> bool:
        """Whether what follows an option neither asks it, marks it wrong, nor names another."""
        if rest.strip(" .)").startswith("?") or choosing.MARKED_WRONG.match(rest):
            return False
        restated = _RESTATED.match(rest)
        other = self._options.naming(rest[restated.end() :]) if restated else None
        return other is None or other.position in positions

    def _naming_after_leading(self, text: str) -> tuple[Mention | None, str]:
        """The option that a text begins with, and the text from its name on."""
        leading, mention = choosing.LEADING.match(text), self._options.naming(text)
        if mention is None and leading:
            rest = text[leading.end() :]
            return self._options.naming(rest), rest
        return mention, text

    def _concluded(self, sentence: str) -> int | None:
        """The option that a sentence without a lead says to be right. Raises UnclearError."""
        sentence = sentence.removeprefix(BULLET)
        text = phrases.without_leading(sentence)
        leading_words = sentence[: len(sentence) - len(text)].lower().split()
        if not any(exact(option) in leading_words for option in self._options.texts):
            same = self._options.same(text)
            if same is not None:
                return same
        conclusion = choosing.CONCLUDES.split(text)[-1]
        for part in dict.fromkeys((conclusion, text)):
            position = self._concluded_by(part)
            if position is not None:
                return position
            names_an_option = part != text and self._options.anywhere(sentences.clause(part))
            if names_an_option and re.search(r"\bbut\b", text):
                raise UnclearError
        return self._only_named(text) if leading_words else None

    def _concluded_by(self, part: str) -> int | None:
        """The option that a part of a sentence says to be right. Raises UnclearError."""
        clause = sentences.clause(part)
        if denial.denies(clause) or choosing.ENDS_WRONG.search(part):
            raise UnclearError
        position = self._said_right(clause) or self._ended(clause)
        if position is not None:
            return position
        if choosing.WEAKENS.search(clause) or not self._options.may_be_answer(part):
            return None
        return self._named(part)

    def _equal_to(self, text: str) -> int | None:
        """The option with the number of a sentence, where all options are different numbers."""
        values = self._options.values
        if None in values or len(values) < 2 or len(set(values)) < len(values):
            return None
        value = NumberReader().read(Statement(text=text))
        return values.index(value) + 1 if value in values else None

    def _only_named(self, text: str) -> int | None:
        """The option of a sentence that names no other, and in which nothing weakens it."""
        clause = sentences.clause(text)
        positions = self._options.anywhere(clause)
        if len(positions) != 1 or phrases.SUPPOSES.match(text):
            return None
        if choosing.WEAKENS.search(clause) or choosing.NAMED_AFTER.search(clause):
            return None
        return positions.pop()

    def _said_right(self, text: str) -> int | None:
        """The one option that stands before "is the correct answer" or the like."""
        positions = set[int]()
        for start in _WORD_START.finditer(text):
            before, rest = text[: start.start()], text[start.start() :]
            naming = self._options.naming(rest)
            if not naming or choosing.NAMED_AFTER.search(before):
                continue
            name_end = start.start() + naming.end
            if _ONLY.search(before) or choosing.SAID_RIGHT.match(text, name_end):
                positions.add(naming.position)
        return positions.pop() if len(positions) == 1 else None

    def _ended(self, text: str) -> int | None:
        """The one option that a sentence ends with.

        It is chosen by a verb, or its text stands there and no other option is named.
        """
        for start in _LAST_WORD_START.finditer(text):
            before, rest = text[: start.start()], text[start.start() :]
            naming = self._options.naming(rest)
            if not naming or not choosing.ENDS.match(rest, naming.end):
                continue
            if choosing.WEAKENS.search(before) or self._options.anywhere(text) != {naming.position}:
                return None
            if choosing.CHOSEN.search(before):
                return naming.position
            is_text = self._options.is_text_of(naming.position, rest)
            if is_text and before and choosing.BEFORE_THE_TEXT.search(before):
                return naming.position
        return None


def _without_denied(aside: re.Match[str]) -> str:
    """An aside, unless it denies something."""
    return "" if denial.denies(aside[0]) else aside[0]


def _with_pronoun(text: str, mention: Mention | None, rest: str) -> str:
    """A text with "it" in place of the option that it names: the option's own text may deny."""
    if mention is None:
        return text
    return text[: len(text) - len(rest)] + "it" + rest[mention.end :]


def _up_to_aside(text: str) -> str:
    """The first clause of a text; of one that begins with a label, of its first line."""
    if re.match(r"\(?[A-Za-z][.)]", text):
        return sentences.clause(text.partition("\n")[0])
    return sentences.clause(sentences.first_sentence(text))
