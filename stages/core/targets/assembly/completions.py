"""The texts of examples: what a student reads, and what it learns to write."""

import unicodedata
from collections.abc import Iterable
from typing import Any, NamedTuple

from stages.core import chat
from stages.core.records import Question
from stages.core.targets import lengths


class Prompt(NamedTuple):
    """A question as a student is asked it."""

    text: str
    tokens: int


def prompts(questions: Iterable[Question], tokenizer: Any, text: chat.Text) -> dict[str, Prompt]:
    """The prompts by question_id.

    Raises StageError for a student whose prompts have a think block of their own, because
    completions begin with theirs.
    """
    chat.check_student(tokenizer, text)
    prompt_by_id: dict[str, Prompt] = {}
    for batch in lengths.batches(questions):
        texts = [
            chat.prompt(tokenizer, text.prompt_template, row.question, date=text.date)
            for row in batch
        ]
        sizes = lengths.counts(tokenizer, texts)
        for row, prompt_text, size in zip(batch, texts, sizes, strict=True):
            prompt_by_id[row.question_id] = Prompt(prompt_text, size)
    return prompt_by_id


def completion(reasoning: str | None, answer: str, eos: str) -> str:
    """The text that a student learns to write, with its EOS.

    Its characters are composed (NFC), e.g. the ohm sign becomes an omega. Qwen's tokenizers write
    them so. It is done for all students, so that they learn the same text, and so that the tokenizer
    gives back the text that training compares with.
    """
    return unicodedata.normalize("NFC", chat.completion(reasoning, answer, eos))
