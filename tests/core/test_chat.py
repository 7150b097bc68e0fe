"""Prompts and completions, and reading a completion back."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core import chat
from stages.core.errors import StageError

# Text as models write it: no tag of its own, no space around it
PLAIN = st.text(max_size=40).map(str.strip).filter(lambda text: "think>" not in text)


@pytest.mark.parametrize(
    ("template", "question", "wanted"),
    [
        ("{question}\n", "2 + 2?", "2 + 2?\n"),
        ("<u>{question}</u>", "{x} and {question}", "<u>{x} and {question}</u>"),
        ("{a} {question} {}", "2 + 2?", "{a} 2 + 2? {}"),
        ("no place for it", "2 + 2?", "no place for it"),
    ],
)
def test_template_takes_the_question_as_it_is(template: str, question: str, wanted: str) -> None:
    assert chat.prompt(None, template, question) == wanted


def test_own_template_renders_the_turn_and_the_header(tokenizer: Any) -> None:
    header = "{% if add_generation_prompt %}[assistant]{% endif %}"
    own = copy.copy(tokenizer)
    own.chat_template = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}" + header
    assert chat.prompt(own, None, "2 + 2?") == "[user]2 + 2?[assistant]"


def test_student_without_any_template_is_refused(tokenizer: Any) -> None:
    with pytest.raises(StageError, match="no chat template; give the student a prompt_template"):
        chat.prompt(tokenizer, None, "2 + 2?")


@pytest.mark.parametrize(
    ("reasoning", "wanted"),
    [
        ("2 + 2 = 4.", "<think>\n2 + 2 = 4.\n</think>\n\n4<eos>"),
        ("", "<think>\n\n</think>\n\n4<eos>"),
        (None, "4<eos>"),
    ],
)
def test_completion(reasoning: str | None, wanted: str) -> None:
    assert chat.completion(reasoning, "4", "<eos>") == wanted


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("<think>\na\n</think>\n\nb", "a", "b"),
        ("a\n</think>\nb", "a", "b"),  # the template prefilled the opening tag
        ("<think>a", "a", ""),  # cut while thinking
        ("  <think>\n a", "a", ""),
        ("<think>a</think>", "a", ""),
        ("<think>a</think>b</think>c", "a</think>b", "c"),
        ("just b", "", "just b"),
        ("the tag <think> inside an answer", "", "the tag <think> inside an answer"),
        ("", "", ""),
    ],
)
def test_split(text: str, reasoning: str, answer: str) -> None:
    assert chat.split(text) == (reasoning, answer)


@given(PLAIN, PLAIN)
def test_completion_is_read_back(reasoning: str, answer: str) -> None:
    assert chat.split(chat.completion(reasoning, answer, "")) == (reasoning, answer)
    assert chat.split(chat.completion(None, answer, "")) == ("", answer)
