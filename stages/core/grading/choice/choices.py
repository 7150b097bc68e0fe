"""Reading a statement as one of several options: named by its letter, its label or number, its
ordinal, or its text.

A letter and a text beside it must agree. Two different options make a statement unclear, and so
does a denial. In a sentence without an answer phrase an option counts where it is said to be right
("B is the best choice"), chosen ("I pick B"), or where the sentence ends with its text and names no
other.
"""

import re

from stages.core.grading.choice import choosing
from stages.core.grading.choice.options import NAMES, exact, pattern, place_of, unwrapped
from stages.core.grading.numeric import numbers
from stages.core.grading.statement import sentences, words
from stages.core.grading.statement.candidates import Statement, UnclearError
from stages.core.grading.statement.visible import BULLET


class ChoiceReader:
    """Reads the place of an option, from 1."""

    opens = True

    def __init__(self, options: tuple[str, ...], labelled: bool = True) -> None:
        """`labelled`: whether options are also named by letters and places."""
        self.options, self.labelled = options, labelled
        self.places = len(options) or 26
        longest_first = sorted(enumerate(options, 1), key=lambda item: -len(item[1]))
        self._texts = [(place, pattern(option)) for place, option in longest_first if exact(option)]
        self._numbers = [numbers.gold(option) for option in options]
        self._numeric = any(re.fullmatch(r"[-$\d.,/% ]+", option.strip()) for option in options)

    def read(self, statement: Statement) -> int | None:
        """The option that a statement names. Raises UnclearError where it names several or denies
        one.
        """
        text = unwrapped(statement.text)
        if statement.form == "lead" and self._same(text) is None:
            text = self._sentence(text, statement.text)
        same = self._same(text)
        if same is not None:
            return same
        if statement.text.rstrip(" .\"'").endswith("?") or choosing.ENDS_WRONG.search(text):
            raise UnclearError
        if (place := self._first_word(text)) is not None:
            return place
        if statement.form == "sentence":
            place = self._concluded(text)
            return self._equal_to(text) if place is None and not statement.opening else place
        return self._named(
            re.sub(
                r"^(?:the )?(?:correct |final )?answer(?: is)?: ", "", text, flags=re.IGNORECASE
            ),
            led=True,
        )

    def _sentence(self, text: str, raw: str) -> str:
        """The first sentence of a led statement, or the text of an option that has several
        sentences.
        """
        # With a space before it, for "B." at a text's beginning ends no sentence
        sentence = unwrapped(sentences.first_sentence(f" {raw}"))
        naming = self._naming(text)
        return text[: naming[1]] if naming and naming[1] > len(sentence) else sentence

    def _first_word(self, text: str) -> int | None:
        """The option "Yes", "No" and the like that a sentence begins with, where it names no other."""
        word = re.match(r"(yes|no|true|false)[,:;.]\s", text, re.IGNORECASE)
        places = [
            place
            for place, option in enumerate(self.options, 1)
            if word and exact(option) == exact(word[1])
        ]
        return places[0] if places and self._all(text) <= {places[0]} else None

    def bare(self, text: str) -> int | None:
        """The option that `text` is: a letter, a label, an option's text, or the first two
        together.
        """
        text = unwrapped(text)
        try:
            same = self._same(text)
        except UnclearError:
            return None
        naming = self._naming(text.lstrip(" (") if re.match(r"\(\w{2}", text) else text)
        if same is None and naming and choosing.ENDS.match(text, naming[1]):
            return naming[0]
        return same

    def names_another(self, text: str, value: int) -> bool:
        """Whether `text` names an option other than `value` without saying that it is wrong."""
        return any(
            self._all(part) - {value}
            for part in re.split("[,;]", unwrapped(text))
            if not words.denies(part)
        )

    def _same(self, text: str) -> int | None:
        """The option whose text `text` repeats, to the letter or else ignoring case, or that its
        one letter means.
        """
        plain = text.strip(" .!$")
        if (
            self._numeric
            and not re.fullmatch("[1-9]", plain)
            and (value := numbers.gold(plain)) is not None
        ):
            equal = [
                place
                for place, option in enumerate(self.options, 1)
                if numbers.gold(option) == value
            ]
            return equal[0] if len(equal) == 1 else None
        alike = {
            place: option
            for place, option in enumerate(self.options, 1)
            if exact(option) == exact(plain)
        }
        places = {place for place, option in alike.items() if option.strip(" .") == plain} or set(
            alike
        )
        letter = re.fullmatch(r"([A-Z])|([1-9])", plain)
        if places and letter:  # the option in this place, or the one that says so
            named = place_of(letter[1]) if letter[1] else int(letter[2])
            places |= {named} if named <= self.places else set()
        if len(places) > 1:
            raise UnclearError
        return places.pop() if places else None

    def _mention(self, text: str) -> tuple[int, int] | None:
        """(place, length) of the option that `text` begins with; a text counts where a boundary
        follows it.
        """
        for place, option in self._texts:
            match = option.match(text)
            if match and choosing.TAIL.match(text, match.end()):
                return place, match.end()
        label = choosing.LABEL.match(text) if self.labelled else None
        if label is None or (label["digit"] and not label["noun"] and self._numeric):
            return None
        place = _place(label)
        place = self.places if place < 0 and self.options else place
        return (place, label.end()) if 0 < place <= self.places else None

    def _naming(self, text: str) -> tuple[int, int] | None:
        """(place, length) of the option that `text` begins with: its name, its text, or both."""
        mention = self._mention(text)
        if mention is None:
            return None
        separator = choosing.SEPARATOR.match(text, mention[1])
        begin = separator.end() if separator else mention[1]
        second = self._mention(text[begin:])
        return (mention[0], begin + second[1]) if second and second[0] == mention[0] else mention

    def _named(self, text: str, led: bool = False) -> int | None:
        """The one option that `text` begins with, after words such as "most likely"; `led`: by an
        answer phrase.
        """
        text = choosing.DENIED_ASIDE.sub(
            lambda aside: "" if words.denies(aside[0]) else aside[0], text
        )
        leading, mention, rest = choosing.LEADING.match(text), self._naming(text), text
        if mention is None and leading:
            rest = text[leading.end() :]
            mention = self._naming(rest)
        beside = (
            (text[: len(text) - len(rest)] + "it" + rest[mention[1] :]) if mention else text
        )  # an option may deny
        if words.denies(_up_to_aside(beside)):
            raise UnclearError
        if mention is None:
            return None
        places, rest = self._listed(mention, rest)
        if (
            len(places) > 1
            or rest.strip(" .)").startswith("?")
            or choosing.MARKED_WRONG.match(rest)
        ):
            raise UnclearError
        restated = re.match(r",? (?:which|that) is,? ", rest)
        other = self._naming(rest[restated.end() :]) if restated else None
        if other and other[0] not in places:
            raise UnclearError
        label = text[: len(text) - len(rest)]
        marked = re.search(r"\)\s*$", label) and (led or "(" not in label)  # "C) and what it says"
        if not (choosing.TAIL.match(rest) or marked) or re.match(r"\s?(?:[&+/]|and\b|or\b)", rest):
            return None
        if choosing.VERB.match(rest) and not choosing.SAID_RIGHT.match(rest):
            return None
        return places.pop()

    def _listed(self, mention: tuple[int, int], text: str) -> tuple[set[int], str]:
        """The option that `text` begins with and those that it is listed with; the rest of the
        text.
        """
        places = {mention[0]}
        rest = text[mention[1] :]
        while True:
            between = choosing.BETWEEN.match(rest)
            following = rest[between.end() :] if between and between.end() else ""
            listed = self._mention(following) if not choosing.ARTICLE.match(following) else None
            if listed and not choosing.LISTED_TOO.match(following, listed[1]):
                listed = None
            if listed is None:
                if choosing.LOWER_CASE_NEXT.match(rest):
                    raise UnclearError
                return places, rest
            places.add(listed[0])
            rest = following[listed[1] :]

    def _concluded(self, text: str) -> int | None:
        """The option that a sentence without a lead says to be right."""
        whole = text.removeprefix(BULLET)
        text = words.without_leading(whole)
        removed = whole[: len(whole) - len(text)].lower().split()
        if (
            not any(exact(option) in removed for option in self.options)
            and (same := self._same(text)) is not None
        ):
            return same
        for part in dict.fromkeys((choosing.CONCLUDES.split(text)[-1], text)):
            clause = sentences.clause(part)
            if words.denies(clause) or choosing.ENDS_WRONG.search(part):
                raise UnclearError
            place = self._said_right(clause) or self._ended(clause)
            if place is None and not choosing.WEAKENS.search(clause) and self._is_answer(part):
                place = self._named(part)
            if place is not None:
                return place
            if part != text and self._all(clause) and re.search(r"\bbut\b", text):
                raise UnclearError
        if removed and (place := self._only_named(text)) is not None:
            return place
        return None

    def _equal_to(self, text: str) -> int | None:
        """The option that equals the number of a sentence, where all options are different numbers."""
        if (
            None in self._numbers
            or len(set(self._numbers)) < 2
            or len(set(self._numbers)) < len(self._numbers)
        ):
            return None
        value = numbers.NumberReader().read(Statement(text, 0, 0, "sentence"))
        return self._numbers.index(value) + 1 if value in self._numbers else None

    def _only_named(self, text: str) -> int | None:
        """The option of a sentence that names no other, and in which nothing weakens it."""
        clause = sentences.clause(text)
        places = self._all(clause)
        plain = (
            len(places) == 1
            and not choosing.WEAKENS.search(clause)
            and not choosing.NAMED_AFTER.search(clause)
        )
        return places.pop() if plain and not words.SUPPOSES.match(text) else None

    def _is_answer(self, text: str) -> bool:
        """Whether a sentence is an option with at most a reason after it, and not "Wet palms, oil
        and ...".
        """
        for option in (option for _, option in self._texts):
            match = option.match(text)
            if match and choosing.TAIL.match(text, match.end()):
                return choosing.REASON.match(text, match.end()) is not None
        return True

    def _said_right(self, text: str) -> int | None:
        """The one option that stands before "is the correct answer" or the like."""
        places = set[int]()
        for start in re.finditer(r"(?:^|(?<=[\s,:(]))(?=\S)", text):
            naming = self._naming(text[start.start() :])
            only = re.search(r"\bonly (?:option |choice )?$", text[: start.start()], re.IGNORECASE)
            if naming and (only or choosing.SAID_RIGHT.match(text, start.start() + naming[1])):
                places |= (
                    set() if choosing.NAMED_AFTER.search(text[: start.start()]) else {naming[0]}
                )
        return places.pop() if len(places) == 1 else None

    def _ended(self, text: str) -> int | None:
        """The one option that the sentence ends with: chosen by a verb, or its text where no other
        is named.
        """
        for start in re.finditer(r"(?:^|(?<=[\s:(\"]))(?=\S)", text):
            before, rest = text[: start.start()], text[start.start() :]
            naming = self._naming(rest)
            if not naming or not choosing.ENDS.match(rest, naming[1]):
                continue
            if choosing.WEAKENS.search(before) or self._all(text) != {naming[0]}:
                return None
            is_text = any(
                place == naming[0] and option.match(rest) for place, option in self._texts
            )
            if choosing.CHOSEN.search(before) or (
                is_text and before and choosing.BEFORE_THE_TEXT.search(before)
            ):
                return naming[0]
        return None

    def _all(self, text: str) -> set[int]:
        """All options that stand in a text by letter, label or text."""
        places, rest = set[int](), text
        for place, option in self._texts:
            text_of_option = re.compile(rf"(?<![\w-])(?:{option.pattern})", re.IGNORECASE)
            places |= {
                place for match in text_of_option.finditer(rest) if len(exact(match[0]) or "") > 2
            }
            rest = text_of_option.sub(" \0 ", rest)
        for match in (
            ()
            if not self.labelled
            else re.finditer(
                rf"(?<![\w'])([A-Z])(?![\w'])|\(([a-zA-Z])\)|\b(?i:{NAMES})\s?([1-9])\b|\b(?i:option) ([12]\d)\b",
                rest,
            )
        ):
            if match[1] and (match[1] == "I" or choosing.ARTICLE.match(rest, match.start())):
                continue
            place = (
                int(match[3] or match[4])
                if match[3] or match[4]
                else place_of(match[1] or match[2])
            )
            places |= {place} if place <= self.places else set()
        return places


def _place(label: re.Match[str]) -> int:
    if label["ordinal"]:
        return choosing.ORDINALS[label["ordinal"].lower()]
    if number := label["digit"] or label["number"] or label["tens"]:
        return int(number)
    return place_of(label["bracketed"] or label["letter"] or label["small"])


def _up_to_aside(text: str) -> str:
    sentence = (
        text.partition("\n")[0]
        if re.match(r"\(?[A-Za-z][.)]", text)
        else sentences.first_sentence(text)
    )
    return sentences.clause(sentence)
