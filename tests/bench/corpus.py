"""Synthetic teachers' responses with the paper's lengths: the mean of each question set, and a
heavy tail.

The paper gives the lengths of two sets. MultiArith's traces have 1,750 characters on average and
GPQA Diamond's 18,734, with 99.0% and 68.2% of the answers right. The rest is our assumption: four
more sets lie between these in equal ratios, all six have as many questions, and lengths are
log-normal. The spread of a set is 0.52, so that all sets together have the spread of Qwen3-8B's
traces in ../shared/data, whose logarithms have a standard deviation of 0.96.

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
CUT = 0.25  # share of the wrong attempts that ran into the token limit
SENTENCE = 70  # characters, mean
POOL = 4000  # different sentences
EVERY = 4  # sentences of a paragraph, one of them a sum
TERMS = 4  # numbers of a question
DOUBT = ("Wait, ", "Hmm, ", "Let me check: ")
LEADS = ("Then", "Next,", "This makes", "Also")


@dataclass(frozen=True)
class SyntheticSet:
    """A question set."""

    name: str
    grader: str
    chars: float  # of a trace, mean
    right: float  # share of right attempts


def _between(rank: int) -> tuple[float, float]:
    """(mean characters, share of right attempts) by rank: MultiArith is 0, GPQA Diamond 5."""
    return 1750 * (18734 / 1750) ** (rank / 5), 0.99 + (0.682 - 0.99) * rank / 5


GRADERS = ("numeric", "numeric", "boolean", "choice", "math", "choice")
NAMES = ("multiarith", "sums", "facts", "science", "formulas", "gpqa")
SETS = tuple(
    SyntheticSet(name, grader, *_between(rank))
    for rank, (name, grader) in enumerate(zip(NAMES, GRADERS, strict=True))
)


@functools.cache
def _prose() -> tuple[str, ...]:
    """Sentences of running English, without digits."""
    from pydoc_data import topics

    words = [word for word in " ".join(topics.topics.values()).split() if word.isalpha()]
    draw, sentences = random.Random(0), list[str]()
    for _ in range(POOL):
        start, size = draw.randrange(len(words) - 99), draw.uniform(0.3 * SENTENCE, 1.7 * SENTENCE)
        ends = itertools.accumulate(len(word) + 1 for word in words[start:])
        many = next(count for count, end in enumerate(ends, 1) if end >= size)
        lead = draw.choice(DOUBT) if draw.random() < 0.1 else ""
        text = lead + " ".join(words[start : start + many]).lower() + "."
        sentences.append(text[0].upper() + text[1:])
    return tuple(sentences)


def question_of(number: int) -> Question:
    """The question with a number, which alone determines it. Sets come by turns."""
    question_set, draw = SETS[number % len(SETS)], random.Random(number)
    terms = [draw.randint(2, 99) for _ in range(TERMS)]
    prose = draw.choices(_prose(), k=2)
    listed = ", ".join(map(str, terms))
    text = f"{prose[0]} There are {listed} of them. {prose[1]} How many are there in all?"
    choices: tuple[str, ...] = ()
    if question_set.grader == "choice":
        choices = tuple(" ".join(sentence.split()[-5:]) for sentence in draw.sample(_prose(), 4))
        for letter, choice in zip("ABCD", choices, strict=True):
            text += f"\n{letter}. {choice}"
    return question(
        number,
        question_id=f"q{number:08}",
        source=question_set.name,
        source_id=str(number),
        question=text,
        choices=choices,
        gold=_gold(question_set, draw, terms),
        grader=question_set.grader,
    )


def _gold(question_set: SyntheticSet, draw: random.Random, terms: list[int]) -> str:
    if question_set.grader == "math":
        return draw.choice(_formulas())[0]
    return {"numeric": str(sum(terms)), "boolean": draw.choice(("true", "false"))}.get(
        question_set.grader, draw.choice("ABCD")
    )


@functools.cache
def _formulas() -> tuple[tuple[str, str], ...]:
    return tuple(itertools.islice(grading.formulas(), 8000))


def attempts(row: Question) -> Iterator[Response]:
    """Yields all attempts at a question. Only the last one is right."""
    number = int(row.source_id)
    question_set, draw = SETS[number % len(SETS)], random.Random(-number - 1)
    wrong = 0
    while wrong < SAMPLES - 1 and draw.random() > question_set.right:
        wrong += 1
    for sample in range(wrong + 1):
        right = sample == wrong
        cut = not right and draw.random() < CUT
        yield response(
            number,
            sample,
            question_id=row.question_id,
            request_key=f"{draw.getrandbits(128):032x}",
            reasoning=_reasoning(row, question_set.chars, draw),
            answer="" if cut else _answer(row, right, draw),
            finish_reason="length" if cut else "stop",
            prompt_tokens=100,
            completion_tokens=1000,
        )


def _answer(row: Question, right: bool, draw: random.Random) -> str:
    stated = row.gold
    if row.grader == "math":
        formula = stated if right else draw.choice(_formulas())[1]
        return rf"{draw.choice(_prose())} So we find $\boxed{{{formula}}}$."
    if not right:
        others = {"numeric": ("7",), "boolean": ("true", "false"), "choice": tuple("ABCD")}[
            row.grader
        ]
        stated = next(other for other in others if other != stated)
    return f"{draw.choice(_prose())} The answer is {stated}."


def _reasoning(row: Question, mean: float, draw: random.Random) -> str:
    """Sentences up to a length that is drawn. Some are sums, and the last ones add up the
    question's own terms.
    """
    length = draw.lognormvariate(math.log(mean) - SPREAD**2 / 2, SPREAD)
    terms = [int(digits) for digits in re.findall(r"\d+", row.question)[:TERMS]]
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
    """Yields the steps that add up the question's terms."""
    for before, term in zip(itertools.accumulate(terms), terms[1:], strict=False):
        yield f"So {before} + {term} = {before + term}."


def _stated(row: Question) -> str:
    return row.choices["ABCD".index(row.gold)] if row.grader == "choice" else row.gold
