"""Thinking that is closed at a cap: what is cut, what is asked, and how it is counted."""

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core import chat, records, tokens
from stages.core.asking import forcing
from stages.core.asking.answering import Asker
from stages.core.asking.engines import Output, Request
from stages.core.asking.forcing import Forcer, Opening, closed_reasoning, median_length
from stages.core.asking.language_model import LanguageModel
from stages.core.asking.store import Store
from stages.core.cells import Cell
from stages.core.paths import DataPaths
from stages.core.records import Prediction, Question
from tests.made import TEMPLATE, question

SERVED = {"engine": "transformers", "dtype": "float32", "batch_size": 4, "attention": "eager"}
QUESTIONS = {f"q{number}": question(number, split="test") for number in range(4)}
LIMIT = 60
# Reasoning of the answers to q0, q1 and so on; a token is a byte
REASONING = ("", "so 2", "so it is 3", "so I count on and get 4")


def prediction(number: int, reasoning: str, sample: int = 0, **values: Any) -> Prediction:
    """The answer to q<number> after this reasoning."""
    default = Prediction(
        question_id=f"q{number}",
        sample=sample,
        reasoning=reasoning,
        answer="It is raw.",
        finish_reason="stop",
        think_tokens=len(chat.completion(reasoning, "", "").rstrip()) if reasoning else 0,
        answer_tokens=13,
    )
    return dataclasses.replace(default, **values)


RAW = [prediction(number, reasoning) for number, reasoning in enumerate(REASONING)]


class Closer:
    """An engine that answers with a fixed text, and keeps what it was asked."""

    def __init__(self, tokenizer: Any, text: str = "It is 9.", reason: str = "stop") -> None:
        self.tokenizer, self.text, self.reason = tokenizer, text, reason
        self.prompts: list[str] = []

    def generate(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Output]]:
        """Yields (request, output)."""
        for request in requests:
            self.prompts.append(self.tokenizer.decode(request.prompt))
            count = len(self.text) + (self.reason == "stop")
            yield request, Output(self.text, self.reason, len(request.prompt), count)


def asker_of(folder: Path, store: Store, limit: int = LIMIT) -> Asker:
    """What asks the tiny student."""
    model = LanguageModel(
        inference=SERVED,
        model=str(folder),
        prompt_template=TEMPLATE,
        sampling={"max_new_tokens": limit},
    )
    return Asker(model, store, "students.tiny", "weights")


@pytest.fixture
def asker(tiny: Path, tokenizer: Any, tmp_path: Path) -> Iterator[Asker]:
    """The tiny student, whose answers are a Closer's."""
    with Store(tmp_path / "store") as store:
        found = asker_of(tiny, store)
        found.engine = Closer(tokenizer)
        yield found


def test_longer_reasoning_is_closed_at_the_cap_and_the_answer_asked_for(asker: Asker) -> None:
    found = list(Forcer(asker, 10, 0).predict(RAW, QUESTIONS))
    assert found[:3] == RAW[:3]  # so long or shorter
    assert asker.engine.prompts == ["What is 3 + 1?\n<think>\nso I count\n</think>\n\n"]
    assert found[3] == prediction(
        3,
        "so I count",
        answer="It is 9.",
        think_tokens=len("<think>\nso I count\n</think>"),
        answer_tokens=len("\n\nIt is 9.") + 1,
    )


def test_cap_of_none_closes_all_reasoning_that_there_is(asker: Asker) -> None:
    found = list(Forcer(asker, 0, 0).predict(RAW, QUESTIONS))
    assert found[0] == RAW[0]
    assert [row.reasoning for row in found] == [""] * 4
    assert {row.think_tokens for row in found[1:]} == {len("<think>\n\n</think>")}
    assert all(prompt.endswith("?\n<think>\n\n</think>\n\n") for prompt in asker.engine.prompts)


def test_cap_above_all_lengths_changes_and_asks_nothing(asker: Asker) -> None:
    assert list(Forcer(asker, 23, 0).predict(RAW, QUESTIONS)) == RAW
    assert asker.engine.prompts == []


def test_nothing_is_loaded_where_nothing_is_closed(tiny: Path, tmp_path: Path) -> None:
    with Store(tmp_path / "store") as store:
        unloaded = asker_of(tiny, store)
        unloaded.load = lambda *_: pytest.fail("an engine was loaded")
        assert list(Forcer(unloaded, 99, 0).predict(RAW, QUESTIONS)) == RAW


def test_nothing_is_asked_twice(asker: Asker, tiny: Path, tokenizer: Any) -> None:
    first = list(Forcer(asker, 3, 0).predict(RAW, QUESTIONS))
    assert len(asker.engine.prompts) == 3
    again = asker_of(tiny, asker.store)
    again.engine = Closer(tokenizer, "Something else.")
    assert list(Forcer(again, 3, 0).predict(RAW, QUESTIONS)) == first
    assert again.engine.prompts == []
    # Where another cap cuts at another token, another answer is asked for
    list(Forcer(again, 4, 0).predict(RAW, QUESTIONS))
    assert len(again.engine.prompts) == 2


def test_samples_are_left_out(asker: Asker) -> None:
    drawn = [prediction(3, "so I draw and draw and draw", sample=1)]
    found = list(Forcer(asker, 5, 0).predict([*RAW, *drawn], QUESTIONS))
    assert [row.sample for row in found] == [0] * 4


def test_reasoning_that_never_ended_is_closed_too(asker: Asker) -> None:
    cut = prediction(1, "on and on and on", answer="", finish_reason="length", answer_tokens=0)
    (found,) = Forcer(asker, 6, 0).predict([cut], QUESTIONS)
    assert (found.reasoning, found.answer, found.finish_reason) == ("on and", "It is 9.", "stop")


def test_answer_that_is_cut_hits_the_limit(asker: Asker, tokenizer: Any) -> None:
    asker.engine = Closer(tokenizer, "9" * LIMIT, "length")
    (found,) = Forcer(asker, 2, 0).predict(RAW[1:2], QUESTIONS)
    assert (found.finish_reason, found.answer_tokens) == ("length", 2 + LIMIT)


def test_answer_that_the_window_cut_counts_with_its_tokens(asker: Asker, tokenizer: Any) -> None:
    asker.engine = Closer(tokenizer, "99", "length")  # short of the limit
    (found,) = Forcer(asker, 2, 0).predict(RAW[1:2], QUESTIONS)
    block = len("<think>\nso\n</think>")
    assert (found.finish_reason, found.answer) == ("context", "")
    assert (found.think_tokens, found.answer_tokens) == (block + 2, 2)


def test_student_that_thinks_on_has_thought_more(asker: Asker, tokenizer: Any) -> None:
    asker.engine = Closer(tokenizer, "<think>\nno\n</think>\n\nIt is 9.")
    (found,) = Forcer(asker, 2, 0).predict(RAW[1:2], QUESTIONS)
    assert (found.reasoning, found.answer) == ("so\nno", "It is 9.")
    assert found.think_tokens == len("<think>\nso\n</think>") + len("<think>\nno\n</think>")


def test_cap_is_the_median_of_greedy_reasoning(tokenizer: Any) -> None:
    assert median_length(RAW, tokenizer) == (4 + 10) // 2
    assert median_length([*RAW, prediction(3, "x" * 99, sample=1)], tokenizer) == 7
    assert median_length([], tokenizer) == 0


@pytest.mark.parametrize(("cap", "limit"), [(0, 40), (10, 30), (39, 1), (99, 1)])
def test_reasoning_and_answer_share_the_limit(tokenizer: Any, cap: int, limit: int) -> None:
    marks = len("<think>\n\n</think>\n\n")
    assert forcing.answer_limit(40 + marks, cap, tokenizer) == limit


def test_special_tokens_in_reasoning_do_not_end_the_turn(tokenizer: Any) -> None:
    eos = tokenizer.eos_token
    closed = closed_reasoning(f"so {eos} and on", 10, tokenizer)
    assert closed is not None
    assert tokenizer.eos_token_id not in Opening.of(closed, tokenizer).token_ids


@given(text=st.text(alphabet="so it is 12.\n\u00e9\U0001f600", max_size=60), cap=st.integers(0, 60))
def test_closed_reasoning_is_the_beginning_within_the_cap(merged: Any, text: str, cap: int) -> None:
    closed = closed_reasoning(text, cap, merged)
    if closed is None:
        assert tokens.count(merged, text) <= cap
    else:
        assert text.startswith(closed)
        assert tokens.count(merged, text) > cap
        assert closed == closed.rstrip()


def test_files_of_a_forced_cell(asker: Asker, tmp_path: Path) -> None:
    data = DataPaths(tmp_path / "data")
    arm = {"teacher": "t", "method": "m", "seed": "s0"}
    forced = Cell.of("tiny", forced="mild", **arm)
    raw, mild = (Cell.of("tiny", target=target, **arm) for target in ("raw", "mild"))
    window = prediction(0, "", answer="", finish_reason="context", think_tokens=41)
    records.write(data.questions, QUESTIONS.values(), Question)
    records.write(data.predictions(raw), [window, *RAW[1:]], Prediction)
    records.write(data.example_predictions(raw), RAW[3:], Prediction)
    records.write(data.predictions(mild), [prediction(1, "so 10")], Prediction)
    cap = forcing.cap_of(data, forced, asker.tokenizer)
    counts = Forcer(asker, cap, 0).write(data, forced)
    assert counts == {
        "cell": "t-forced_mild-tiny-m-s0",
        "cap": 5,
        "answers": 4,
        "closed": 2,
        "without_text": 1,
    }
    found = list(records.read(data.predictions(forced), Prediction))
    assert found[:2] == [window, RAW[1]]
    assert [row.reasoning for row in found[2:]] == ["so it", "so I"]
    (example,) = records.read(data.example_predictions(forced), Prediction)
    assert example == found[3]
    assert len(asker.engine.prompts) == 2  # the example is asked for once
