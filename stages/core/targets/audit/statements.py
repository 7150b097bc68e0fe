"""Where and whether a text states the answer."""

import re
from collections.abc import Callable, Set

from stages.core.records import Trace
from stages.core.targets.compressors.sentences import Passage, numbers, passage_of, words

FindTerms = Callable[[str], Set[str]]  # the numbers or the words of a text
TermsBefore = Callable[[Passage, int | None], Set[str]]  # those of a passage before a sentence
# Reasoning says these answers in other ways, so they are not looked for
_TRUTH_VALUES = ("true", "false", "yes", "no")


def answer_lost(trace: Trace, text: str) -> bool:
    """Whether the source states the answer and `text` does not, nor names its option's letter."""
    if states(text, trace.stated, _passage_numbers):
        return False
    if not states(trace.reasoning, trace.stated, _passage_numbers):
        return False
    letter = _option_letter(trace)
    if letter is None:
        return True
    names_option = rf"(?:answer|option|choice)\W+(?:is\W+)?{letter}\b|\b{letter}\W*\Z"
    return not re.search(names_option, text)


def _option_letter(trace: Trace) -> str | None:
    """The letter of the right option, None for an answer that is no option."""
    is_option = trace.parsed.isdecimal() and 0 < int(trace.parsed) < 27
    if not is_option or trace.parsed in numbers(trace.stated):
        return None
    return chr(ord("A") + int(trace.parsed) - 1)


def _passage_numbers(text: str) -> Set[str]:
    """The numbers of a text whose sentences are read anyway."""
    return passage_of(text).numbers()


def states(text: str, answer: str, find_numbers: FindTerms = numbers) -> bool:
    """Whether `text` says `answer`.

    It says an answer with numbers by its numbers, one with words by half of them, and any other
    as it is written.
    """
    plain_answer = _plain(answer)
    if plain_answer in _TRUTH_VALUES:
        return True
    answer_numbers = _values(answer)
    if answer_numbers:
        if answer_numbers <= _values(text, find_numbers):
            return True
        return not plain_answer.isdecimal() and plain_answer in _plain(text)
    answer_words = words(answer)
    if answer_words:
        return 2 * len(answer_words & words(text)) >= len(answer_words)
    if plain_answer.isalnum():  # a name or a letter, which must be a word of its own
        whole_word = rf"(?<![^\W_]){re.escape(plain_answer)}(?![^\W_])"
        return re.search(whole_word, text.lower()) is not None
    return bool(plain_answer) and plain_answer in _plain(text)


def _values(text: str, find_numbers: FindTerms = numbers) -> Set[str]:
    """The numbers of `text`, also those that are written as LaTeX does or without a leading zero.

    12\\,500 and 12{,}500 count as 12500, and .5 as 0.5.
    """
    without_separators = text.replace("\\,", "").replace("{,}", "")
    # The pattern begins with the point, because what is found fast comes first
    return find_numbers(re.sub(r"\.(?<!\d\.)(?=\d)", "0.", without_separators))


def _plain(text: str) -> str:
    """`text` without case, spacing, LaTeX's spaces and dollar signs."""
    return re.sub(r"[\s$]|\\[,;! ]", "", text.lower()).replace("\\dfrac", "\\frac")


def answer_first(trace: Trace, text: str) -> bool:
    """Whether the compressed text states the answer before most of what the source derives it from.

    That would be a leak. The grounds of the answer are the numbers that the source introduces before
    its first statement of the answer, without those of the question; where there are none, such
    words. The answer comes first where `text` has more than half of its grounds after it.
    """
    source, short = passage_of(trace.reasoning), passage_of(text)
    source_index = _first_statement(source, trace.stated)
    short_index = _first_statement(short, trace.stated)
    if source_index is None or short_index is None:
        return False
    new_numbers = source.numbers() - numbers(trace.question) - numbers(trace.stated)
    terms: FindTerms = numbers if new_numbers else words
    terms_before: TermsBefore = Passage.numbers if new_numbers else Passage.words
    given = terms(trace.question) | terms(trace.stated)
    grounds = (terms_before(source, source_index) & terms_before(short, None)) - given
    late_grounds = grounds - terms_before(short, short_index + 1)
    return 2 * len(late_grounds) > len(grounds)


def _first_statement(passage: Passage, answer: str) -> int | None:
    """The index of the first sentence that states `answer`, None where none does."""
    answer_numbers = numbers(answer)
    if len(answer_numbers) == 1 and answer_numbers <= passage.numbers():
        (number,) = answer_numbers
        for index, sentence in enumerate(passage.texts):
            # A plain search first, because it is many times faster
            if number in sentence.replace(",", "") and number in numbers(sentence):
                return index
    for index, sentence in enumerate(passage.texts):
        if states(sentence, answer):
            return index
    return None
