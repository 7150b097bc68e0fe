"""Where a text names the options of a question, by letter, label, number, ordinal or text."""

import re
from fractions import Fraction
from typing import NamedTuple

from stages.core.grading.choice import choosing
from stages.core.grading.choice.options import exact, pattern, position_of
from stages.core.grading.numeric import numbers
from stages.core.grading.statement.candidates import UnclearError

_MOST_OPTIONS = 26  # where a question's options are not known, they may have all letters
_SHORTEST_TEXT = 3  # letters of an option's text that counts within a sentence
# "12", "$3.50", "1/2", "50%"
_NUMERIC_OPTION = re.compile(r"[-$\d.,/% ]+")


class Mention(NamedTuple):
    """An option that a text begins with: its position from 1, and where its name ends."""

    position: int
    end: int


class Options:
    """The options of a question, as a text may name them."""

    def __init__(self, texts: tuple[str, ...], labelled: bool = True) -> None:
        """`labelled`: whether options are also named by letters and positions."""
        self.texts, self.labelled = texts, labelled
        self.count = len(texts) or _MOST_OPTIONS
        self.values = [numbers.gold(text) for text in texts]
        longest_first = sorted(enumerate(texts, 1), key=lambda item: -len(item[1]))
        self._patterns = [
            (position, pattern(text)) for position, text in longest_first if exact(text)
        ]
        self._numeric = any(_NUMERIC_OPTION.fullmatch(text.strip()) for text in texts)

    def same(self, text: str) -> int | None:
        """The option whose text `text` repeats, or that its one letter means.

        Texts are compared to the letter, or else ignoring case. Raises UnclearError where several
        options are meant.
        """
        plain = text.strip(" .!$")
        if self._numeric and not re.fullmatch("[1-9]", plain):
            value = numbers.gold(plain)
            if value is not None:
                return self._only_position_of(value)
        positions = self._positions_with_text(plain)
        label = re.fullmatch(r"([A-Z])|([1-9])", plain)
        if positions and label:  # the option in this position, or the one that says so
            labelled_position = position_of(label[1]) if label[1] else int(label[2])
            if labelled_position <= self.count:
                positions.add(labelled_position)
        if len(positions) > 1:
            raise UnclearError
        return positions.pop() if positions else None

    def mention(self, text: str) -> Mention | None:
        """The option that `text` begins with; a text counts where a boundary follows it."""
        for position, option in self._patterns:
            match = option.match(text)
            if match and choosing.TAIL.match(text, match.end()):
                return Mention(position, match.end())
        label = choosing.LABEL.match(text) if self.labelled else None
        if label is None or (label["digit"] and not label["noun"] and self._numeric):
            return None
        position = _position_of_label(label)
        position = self.count if position < 0 and self.texts else position  # "the last option"
        return Mention(position, label.end()) if 0 < position <= self.count else None

    def naming(self, text: str) -> Mention | None:
        """The option that `text` begins with, with all of its name: label, text, or both."""
        mention = self.mention(text)
        if mention is None:
            return None
        separator = choosing.SEPARATOR.match(text, mention.end)
        begin = separator.end() if separator else mention.end
        second = self.mention(text[begin:])
        if second and second.position == mention.position:
            return Mention(mention.position, begin + second.end)
        return mention

    def listed(self, mention: Mention, text: str) -> tuple[set[int], str]:
        """The option that `text` begins with and those listed with it; the rest of the text."""
        positions = {mention.position}
        rest = text[mention.end :]
        while True:
            between = choosing.BETWEEN.match(rest)
            following = rest[between.end() :] if between and between.end() else ""
            listed = self.mention(following) if not choosing.ARTICLE.match(following) else None
            if listed and not choosing.LISTED_TOO.match(following, listed.end):
                listed = None
            if listed is None:
                if choosing.LOWER_CASE_NEXT.match(rest):
                    raise UnclearError
                return positions, rest
            positions.add(listed.position)
            rest = following[listed.end :]

    def anywhere(self, text: str) -> set[int]:
        """All options that stand in a text by letter, label or text."""
        positions = set[int]()
        rest = text
        for position, option in self._patterns:
            within = re.compile(rf"(?<![\w-])(?:{option.pattern})", re.IGNORECASE)
            for match in within.finditer(rest):
                if len(exact(match[0]) or "") >= _SHORTEST_TEXT:
                    positions.add(position)
            rest = within.sub(" \0 ", rest)
        return positions | self._labelled_anywhere(rest) if self.labelled else positions

    def is_text_of(self, position: int, text: str) -> bool:
        """Whether `text` begins with the text of the option in `position`."""
        return any(number == position and option.match(text) for number, option in self._patterns)

    def may_be_answer(self, text: str) -> bool:
        """Whether a sentence that begins with an option has at most a reason after it.

        That is not so of "Wet palms, oil and ...". It is so where no option begins it.
        """
        for _, option in self._patterns:
            match = option.match(text)
            if match and choosing.TAIL.match(text, match.end()):
                return choosing.REASON.match(text, match.end()) is not None
        return True

    def _only_position_of(self, value: Fraction) -> int | None:
        """The one option that is a number; None where several or none are."""
        equal = [position for position, number in enumerate(self.values, 1) if number == value]
        return equal[0] if len(equal) == 1 else None

    def _positions_with_text(self, plain: str) -> set[int]:
        """The options with this text, to the letter or else ignoring case."""
        alike = {
            position: text
            for position, text in enumerate(self.texts, 1)
            if exact(text) == exact(plain)
        }
        same_letters = {position for position, text in alike.items() if text.strip(" .") == plain}
        return same_letters or set(alike)

    def _labelled_anywhere(self, text: str) -> set[int]:
        """The options that a text names by letter or label."""
        positions = set[int]()
        for match in choosing.ANY_LABEL.finditer(text):
            capital, bracketed, digit, tens = match.groups()
            if capital and (capital == "I" or choosing.ARTICLE.match(text, match.start())):
                continue
            number = digit or tens
            position = int(number) if number else position_of(capital or bracketed)
            if position <= self.count:
                positions.add(position)
        return positions


def _position_of_label(label: re.Match[str]) -> int:
    """The position that a match of LABEL names; -1 for "the last option"."""
    if label["ordinal"]:
        return choosing.ORDINALS[label["ordinal"].lower()]
    if number := label["digit"] or label["number"] or label["tens"]:
        return int(number)
    return position_of(label["bracketed"] or label["letter"] or label["small"])
