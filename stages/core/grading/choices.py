"""Reading an answer as one of several options, as a truth value, or as plain words."""

import re

from stages.core.grading import final, plain

_TRUTH = {"true": "true", "yes": "true", "false": "false", "no": "false"}
_NAMES = r"(?:answer|option|solution|ending|choice)"
_LABEL = re.compile(rf"\b{_NAMES}\s?\(?([1-9])\b\)?", re.IGNORECASE)
# A letter counts in brackets, at the start with a mark or reason after it, after "option", or at the end after "is"
_LETTERS = (
    re.compile(r"\(([A-Za-z])\)"),
    re.compile(r"^([A-Z])(?=$|[).:,;]|\s(?:because|since|as|is|and|or)\b|\s?\()"),
    re.compile(rf"\b{_NAMES}\s([A-Z])\b", re.IGNORECASE),
    re.compile(r"\b(?:is|be|or|and|nor|not)\s([A-Z])(?=$|[).:,;]|\s(?:because|since|as|is|and|or)\b)"),
)
_STATEMENT = re.compile(
    r"(?:so|thus|hence|therefore)?,?\s?(?:it|this|that|the (?:statement|claim|sentence|answer)) is (true|false)",
    re.IGNORECASE,
)
_LISTED = re.compile(rf"\b({_NAMES})\s*([1-9])\s*[:.)]\s*", re.IGNORECASE)
_FORMAT = re.compile(rf"\s*{_NAMES} format:.*", re.IGNORECASE | re.DOTALL)


def listed(question: str) -> tuple[str, ...]:
    """The options that a question lists in its own text, as "Answer1: ... Answer2: ...", empty where it lists none."""
    text = _FORMAT.sub("", question)
    labels = list(_LISTED.finditer(text))
    if not labels or [int(label[2]) for label in labels] != list(range(1, len(labels) + 1)):
        return ()
    ends = [label.start() for label in labels[1:]] + [len(text)]
    return tuple(text[label.end() : end].strip() for label, end in zip(labels, ends, strict=True))


def gold(text: str, choices: tuple[str, ...]) -> str | None:
    """The place of the option that is right: given by its label, its letter, or else its text."""
    text = text.strip()
    label, letter = _LABEL.fullmatch(text), re.fullmatch(r"\(?([A-Z])\)?", text)
    if label or letter:
        place = int(label[1]) if label else ord(letter[1]) - ord("A") + 1  # type: ignore[index]
        return str(place) if place <= len(choices or range(26)) else None
    same = [str(place) for place, option in enumerate(choices, 1) if option.strip() == text]
    if not same and re.fullmatch("[1-9]", text) and int(text) <= len(choices or range(9)):
        same = [text]
    return same[0] if len(same) == 1 else None


def choice(text: str, choices: tuple[str, ...]) -> str | None:
    """The option that the final answer names, as its place from "1"; None where it names none or several, or denies."""
    answer = _unwrapped(final.final(text))
    if same := _same(answer, choices):
        places = same | ({answer} if re.fullmatch("[1-9]", answer) and int(answer) <= len(choices) else set())
        if re.fullmatch("[A-Z]", answer):
            places |= {str(ord(answer) - ord("A") + 1)}
    elif re.fullmatch("[1-9]", answer):
        places = {answer}
    elif re.fullmatch("[a-z]", answer):
        places = {str(ord(answer) - ord("a") + 1)}
    else:
        places = _named(_unwrapped(final.clause(answer)), choices)
    place = places.pop() if len(places) == 1 else "0"
    return place if 0 < int(place) <= (len(choices) or 26) else None


def _named(answer: str, choices: tuple[str, ...]) -> set[str]:
    """The options that a clause names by label, letter or text; none where it denies anything beside them."""
    places, rest = set[str](), answer
    for place, option in sorted(enumerate(choices, 1), key=lambda one: -len(one[1])):
        words = exact(option) or ""
        if len(words) > 2 and (at := re.search(rf"(?<!\w){re.escape(words)}(?!\w)", rest.casefold())):
            places.add(str(place))
            rest = f"{rest[: at.start()]} \0 {rest[at.end() :]}"
    places |= set(_LABEL.findall(rest))
    for pattern in _LETTERS:
        places |= {str(ord(letter.upper()) - ord("A") + 1) for letter in pattern.findall(rest)}
    return set() if plain.DENIED.search(rest) or rest.endswith("?") else places


def _same(answer: str, choices: tuple[str, ...]) -> set[str]:
    """The places of the options that `answer` repeats: to the letter, or else ignoring case."""
    alike = {str(place): option for place, option in enumerate(choices, 1) if exact(option) == exact(answer)}
    return {place for place, option in alike.items() if option.strip(" .") == answer} or set(alike)


def boolean(text: str) -> str | None:
    """The truth value that the final answer is or begins with; None where it is none, has both, or denies one."""
    stated = final.stated(text)
    answer = final.bare(_unwrapped(final.clause(final.final(text))))
    if stated is None and (sentence := _STATEMENT.fullmatch(final.bare(final.last_sentence(text)))):
        answer = sentence[1]
    words = re.findall(r"[a-z']+", answer.lower())
    named = {_TRUTH[word] for word in words if word in _TRUTH}
    fits = bool(words) and words[0] in _TRUTH and len(named) == 1 and not answer.endswith("?")
    others = " ".join(word for word in words if word not in _TRUTH)
    alone = len(words) == 1 or _ends_a_word(answer)
    return named.pop() if fits and alone and not plain.DENIED.search(others) else None


def _ends_a_word(answer: str) -> bool:
    """Whether the first word stands by itself: "no, ..." and "yes because", not "no evidence" or "the true number"."""
    return re.match(r"\w+\s?(?:[,.;:!)\u2014-]|\b(?:because|since|as)\b|$)", answer) is not None


def exact(text: str) -> str | None:
    """The final answer's words in lower case, without emphasis, quotes, article and closing punctuation; or None."""
    words = " ".join(_unwrapped(final.final(text)).casefold().split()).strip(" *_`\"'").rstrip(".!").strip(" *_`\"'")
    return re.sub(r"^(?:the|an?) (?=\S)", "", words) or None


def _unwrapped(text: str) -> str:
    r"""Without \text{} and emphasis."""
    return " ".join(re.sub(r"[*_`$]{1,3}", "", plain.TEXT.sub(r"\1", text)).split())
