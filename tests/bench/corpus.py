"""Synthetic teachers' responses with the paper's lengths: of each question set the mean, and a
heavy tail.

The paper says of two sets how long their traces are, of MultiArith's 1,750 characters on average
and of GPQA Diamond's 18,734, with 99.0% and 68.2% of answers right. Four more lie between these in
equal ratios, all six have as many questions, and lengths are log-normal: ours. The spread, 0.52, is
such that all sets together have that of Qwen3-8B's traces in ../shared/data, whose logarithms
deviate by 0.96.

Reasoning is prose with sums that end in the answer. Its words follow each other as in the help
texts of Python.
"""

import functools
import itertools
import math
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from stages.core.records import Question, Response
from tests.bench import grading
from tests.made import question, response

SPREAD = 0.52  # standard deviation of a length's logarithm
SAMPLES = 4  # attempts at most; none after a right one
CUT = 0.25  # of the wrong attempts: those that ran into the token limit
SENTENCE, POOL, EVERY = (
    70,
    4000,
    4,
)  # characters of a sentence, different ones, and how many make a paragraph with a sum
TERMS = 4  # numbers of a question
DOUBT = ("Wait, ", "Hmm, ", "Let me check: ")
LEADS = ("Then", "Next,", "This makes", "Also")


@dataclass(frozen=True)
class Set:
    """A question set: how its answers are graded, its traces' mean characters, the share of right
    attempts.
    """

    name: str
    grader: str
    chars: float
    right: float


def _between(place: int) -> tuple[float, float]:
    """Mean characters and the share of right attempts, from MultiArith, 0, to GPQA Diamond, 5."""
    return 1750 * (18734 / 1750) ** (place / 5), 0.99 + (0.682 - 0.99) * place / 5


GRADERS = ("numeric", "numeric", "boolean", "choice", "math", "choice")
NAMES = ("multiarith", "sums", "facts", "science", "formulas", "gpqa")
SETS = tuple(
    Set(*both, *_between(place)) for place, both in enumerate(zip(NAMES, GRADERS, strict=True))
)


@functools.cache
def _prose() -> tuple[str, ...]:
    """Sentences of running English, without digits."""
    from pydoc_data import topics

    words = [word for word in " ".join(topics.topics.values()).split() if word.isalpha()]
    draw, found = random.Random(0), list[str]()
    for _ in range(POOL):
        start, size = draw.randrange(len(words) - 99), draw.uniform(0.3 * SENTENCE, 1.7 * SENTENCE)
        ends = itertools.accumulate(len(word) + 1 for word in words[start:])
        many = next(count for count, end in enumerate(ends, 1) if end >= size)
        lead = draw.choice(DOUBT) if draw.random() < 0.1 else ""
        text = lead + " ".join(words[start : start + many]).lower() + "."
        found.append(text[0].upper() + text[1:])
    return tuple(found)


def asked(number: int) -> Question:
    """A question, which its number says all of. Sets come by turns."""
    own, draw = SETS[number % len(SETS)], random.Random(number)
    terms = [draw.randint(2, 99) for _ in range(TERMS)]
    prose = draw.choices(_prose(), k=2)
    text = f"{prose[0]} There are {', '.join(map(str, terms))} of them. {prose[1]} How many are there in all?"
    choices: tuple[str, ...] = ()
    if own.grader == "choice":
        choices = tuple(" ".join(one.split()[-5:]) for one in draw.sample(_prose(), 4))
        text = "\n".join(
            (text, *(f"{letter}. {one}" for letter, one in zip("ABCD", choices, strict=True)))
        )
    return question(
        number,
        question_id=f"q{number:08}",
        source=own.name,
        source_id=str(number),
        question=text,
        choices=choices,
        gold=_gold(own, draw, terms),
        grader=own.grader,
    )


def _gold(own: Set, draw: random.Random, terms: list[int]) -> str:
    if own.grader == "math":
        return draw.choice(_formulas())[0]
    return {"numeric": str(sum(terms)), "boolean": draw.choice(("true", "false"))}.get(
        own.grader, draw.choice("ABCD")
    )


@functools.cache
def _formulas() -> tuple[tuple[str, str], ...]:
    return tuple(itertools.islice(grading.formulas(), 8000))


def attempts(row: Question) -> Iterator[Response]:
    """All attempts at a question, of which the last one alone is right."""
    number = int(row.source_id)
    own, draw = SETS[number % len(SETS)], random.Random(-number - 1)
    wrong = 0
    while wrong < SAMPLES - 1 and draw.random() > own.right:
        wrong += 1
    for sample in range(wrong + 1):
        right = sample == wrong
        cut = not right and draw.random() < CUT
        yield response(
            number,
            sample,
            question_id=row.question_id,
            request_key=f"{draw.getrandbits(128):032x}",
            reasoning=_reasoning(row, own.chars, draw),
            answer="" if cut else _answer(row, right, draw),
            finish_reason="length" if cut else "stop",
            prompt_tokens=100,
            completion_tokens=1000,
        )


def _answer(row: Question, right: bool, draw: random.Random) -> str:
    said = row.gold
    if row.grader == "math":
        formula = said if right else draw.choice(_formulas())[1]
        return rf"{draw.choice(_prose())} So we find $\boxed{{{formula}}}$."
    if not right:
        others = {"numeric": ("7",), "boolean": ("true", "false"), "choice": tuple("ABCD")}[
            row.grader
        ]
        said = next(one for one in others if one != said)
    return f"{draw.choice(_prose())} The answer is {said}."


def _reasoning(row: Question, mean: float, draw: random.Random) -> str:
    """Sentences to a length that is drawn, some of them sums, which end in the question's own."""
    length = draw.lognormvariate(math.log(mean) - SPREAD**2 / 2, SPREAD)
    terms = [int(one) for one in re.findall(r"\d+", row.question)[:TERMS]]
    end = "\n".join((*_sums(terms), f"The answer is {_stated(row)}."))
    parts, room, prose, total = list[str](), length - len(end) - SENTENCE / 2, _prose(), 1
    while room > 0:
        parts.append(prose[int(draw.random() * POOL)])
        if len(parts) % EVERY == EVERY - 1:
            term = int(draw.random() * 400) + 2
            parts.append(f"{draw.choice(LEADS)} {total} + {term} = {total + term}.")
            total += term
            room -= len(parts[-2]) + 1
        room -= len(parts[-1]) + 1
    return "\n".join((*parts, end))


def _sums(terms: list[int]) -> Iterator[str]:
    """The question's own, one after the other."""
    for before, term in zip(itertools.accumulate(terms), terms[1:], strict=False):
        yield f"So {before} + {term} = {before + term}."


def _stated(row: Question) -> str:
    return row.choices["ABCD".index(row.gold)] if row.grader == "choice" else row.gold
