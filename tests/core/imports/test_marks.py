"""Reasoning and answer in the marks of many models; what only speaks of marks stays as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core import chat
from stages.core.imports import marks

PAIRS = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<Thought>\n", "\n</Thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("<longcat_think>\n", "\n</longcat_think>"),
    ("[THINK]\n", "[/THINK]"),
    ("\u25c1think\u25b7", "\u25c1/think\u25b7"),
    ("<|begin_of_thought|>\n\n", "\n\n<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|think_start|>", "<|think_end|>"),
    ("<|thinking|>", "<|/thinking|>"),
    ("<|channel>thought\n", "<channel|>"),
    ("analysis", "assistantfinal"),
    ("assistantanalysis", "assistant\nfinal\n"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    (
        "<|start|>assistant<|channel|>analysis<|message|>",
        "<|end|><|start|>assistant<|channel|>final<|message|>",
    ),
    ("Here are my reasoning steps:\n", "\n[BEGIN FINAL RESPONSE]\n"),
    ("Here is my thought process:", "Here is my response:"),
    ("## Thinking\n\n", "\n\n## Final Response\n\n"),
]


@pytest.mark.parametrize(("begin", "end"), PAIRS)
@pytest.mark.parametrize("before", ["", "\n "])
def test_reasoning_is_set_apart(begin: str, end: str, before: str) -> None:
    reasoning, answer = marks.split(f"{before}{begin}1 < 2, <b>4</b>.{end}\n\nThe answer is 4.")
    assert (reasoning.strip(), answer.strip()) == ("1 < 2, <b>4</b>.", "The answer is 4.")


@pytest.mark.parametrize(
    ("begin", "end"), [pair for pair in PAIRS[:12] if "reasoning" not in pair[0]]
)
def test_prompt_may_have_opened_it_and_the_end_may_be_missing(begin: str, end: str) -> None:
    assert tuple(part.strip() for part in marks.split(f"2 + 2{end}4")) == ("2 + 2", "4")
    assert tuple(part.strip() for part in marks.split(f"{begin}2 + 2")) == ("2 + 2", "")


@pytest.mark.parametrize(
    "text",
    [
        "The tag <thinking> opens it.",
        "Analysis of this: the assistant final word is 4.",
        "A [think] piece",
        "<answer>4</answer>",
        "Use <reasoning> and </reasoning>.",
        "",
    ],
)
def test_marks_that_are_spoken_of_stay(text: str) -> None:
    assert marks.split(text) == ("", text)


@pytest.mark.parametrize(
    ("text", "bare", "ended"),
    [
        ("4", "4", False),
        (" 4 ", " 4 ", False),
        ("4<|im_end|>", "4", True),
        ("4</s>\n<|endoftext|> \n", "4", True),
        ("4<\uff5cend\u2581of\u2581sentence\uff5c>", "4", True),
        ("<|begin_of_solution|>\n4\n<|end_of_solution|>", "\n4", False),
        ("<|START_RESPONSE|>4<|END_RESPONSE|>", "4", False),
        ("4\n[END FINAL RESPONSE]\n<|end|>", "4", True),
        ("<answer>4</answer>", "<answer>4</answer>", False),
        ("<|im_end|> ends a turn.", "<|im_end|> ends a turn.", False),
        ("", "", False),
    ],
)
def test_answer_without_the_marks_around_it(text: str, bare: str, ended: bool) -> None:
    assert marks.answer(text) == (bare, ended)


@given(st.text(max_size=60).filter(lambda text: "think>" not in text).map(str.strip))
def test_texts_without_marks_and_our_own_are_read_as_ever(text: str) -> None:
    if not marks.begins(text):
        assert marks.split(chat.completion(text, "4", "")) == (text, "4")


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece",
    [" ", "\n", "<", "<|", "analysis", "<think>", "</think>", "<|im_end|>", "[", "<solution> "],
)
def test_long_texts_take_time_that_grows_with_them(piece: str) -> None:
    """Whatever is repeated: a slip in an expression would take hours for a million characters."""
    text = piece * (1_000_000 // len(piece))
    reasoning, answer = marks.split(f"a{text}")
    marks.split(text)
    marks.answer(f"<solution>{answer}{reasoning}a")
