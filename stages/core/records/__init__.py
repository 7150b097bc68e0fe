"""The records that stages hand to each other.

A record is a frozen dataclass, and its annotations are the schema of its Parquet file. `parquet`
reads and writes these files. This module has the record types alone.
"""

from dataclasses import dataclass
from typing import ClassVar

from stages.core.records.parquet import Record
from stages.core.records.parquet import read as read
from stages.core.records.parquet import schema_names as schema_names
from stages.core.records.parquet import write as write

# The groups of question sets: the first are those that students are trained on, the others are held
# out
GROUPS = ("in_distribution", "ood_reasoning", "ood_knowledge")
# The columns of a score that the report reads, in the order of the files in metrics/
SCORE_COLUMNS = (
    "question_id",
    "sample",
    "source",
    "group",
    "outcome",
    "correct",
    "vote",
    "think_tokens",
    "answer_tokens",
)


@dataclass(frozen=True, kw_only=True)
class Question(Record):
    """One question of the study.

    `question_id` is a hash of its set and its text, `source_id` is the id that its set gives it.
    """

    KEY: ClassVar[tuple[str, ...]] = ("question_id",)

    question_id: str
    source: str  # the name of its question set
    source_id: str
    group: str  # one of GROUPS
    split: str  # train | validation | test
    question: str
    choices: tuple[str, ...]  # the options' texts; empty for a question without options
    gold: str  # the right answer, as its set writes it
    grader: str
    difficulty: float | None  # as its set gives it; each set has a scale of its own


@dataclass(frozen=True, kw_only=True)
class Response(Record):
    """One attempt of a teacher, right or wrong.

    Tokens are counted by the teacher's own tokenizer. They are None where it has none.
    """

    KEY: ClassVar[tuple[str, ...]] = ("question_id", "sample")

    question_id: str
    sample: int
    request_key: str  # hash of everything that shaped the answer
    seed: int
    model: str
    reasoning: str
    answer: str
    # stop: ended by itself; length: cut at the token limit; context: cut by the model's window;
    # too_long, refused, failed: never answered; else the word that the server gave
    finish_reason: str
    prompt_tokens: int | None
    completion_tokens: int | None


@dataclass(frozen=True, kw_only=True)
class Trace(Record):
    """A response whose answer is correct.

    It adds the question, and the final answer as the text states it and as the grader read it.
    A row of data/default/traces/scripted.parquet:

        Trace(
            question_id="0838aca075d91f13",
            sample=0,
            source="chain_sum",
            question="State the final answer to the following arithmetic problem: 1 + 4 + 8 + 8 =",
            gold="21",
            reasoning="Hmm, 1 + 4 + 8 + 8. Let me write down every step.\\nTo begin with, ...",
            answer="The answer is 21.",
            stated="21",
            parsed="21",
            second=True,
            request_key="82a3cbee8491e7214f9454fc32e9c82f",
            seed=7135850271026203063,
            model="scripted",
            finish_reason="stop",
            prompt_tokens=None,  # the scripted teacher has no tokenizer
            completion_tokens=None,
        )
    """

    KEY: ClassVar[tuple[str, ...]] = ("question_id", "sample")

    question_id: str
    sample: int
    source: str
    question: str
    gold: str
    reasoning: str
    answer: str
    stated: str  # the final answer in the answer's words; of a choice, the option's text
    parsed: str  # the final answer as the grader read it; of a choice, the option's number
    second: bool  # whether the second grader finds the answer right too
    # These and the following fields are as in Response
    request_key: str
    seed: int
    model: str
    finish_reason: str
    prompt_tokens: int | None
    completion_tokens: int | None


@dataclass(frozen=True, kw_only=True)
class Variant(Record):
    """A trace's reasoning as one target has it: compressed or shortened.

    `chars` and `raw_chars` count the characters of the reasoning, without the answer. `tokens` and
    `raw_tokens` are counted by the student's tokenizer. They are None for a variant that serves all
    students.
    """

    KEY: ClassVar[tuple[str, ...]] = ("question_id", "sample")

    question_id: str
    sample: int
    source: str
    reasoning: str
    answer: str
    raw_chars: int
    chars: int
    rho: float  # chars / raw_chars
    raw_tokens: int | None
    tokens: int | None
    finish_reason: str
    kept: bool
    drop_reason: str | None
    # what the audit found, in the order of audit.FLAGS; empty for a variant that no compressor wrote
    flags: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Example(Record):
    """One fine-tuning example of one student: its text, and its lengths in the student's tokens."""

    KEY: ClassVar[tuple[str, ...]] = ("question_id", "sample")

    question_id: str
    sample: int
    prompt: str
    completion: str
    prompt_tokens: int
    completion_tokens: int
    # Tokens of the completion that the raw trace makes. All arms are batched by this length, and so
    # all have the same batches
    raw_tokens: int


@dataclass(frozen=True, kw_only=True)
class Prediction(Record):
    """What a student wrote.

    Sample 0 is greedy, samples 1 to n are drawn at random. Tokens are counted by the student's own
    tokenizer, and the end-of-sequence token is one of them.
    """

    KEY: ClassVar[tuple[str, ...]] = ("question_id", "sample")

    question_id: str
    sample: int
    reasoning: str
    answer: str
    finish_reason: str  # stop | length | context
    think_tokens: int
    answer_tokens: int


@dataclass(frozen=True, kw_only=True)
class Score(Record):
    """A graded prediction. `correct` is False for every outcome but a right answer."""

    KEY: ClassVar[tuple[str, ...]] = ("question_id", "sample")

    question_id: str
    sample: int
    source: str
    group: str
    outcome: str  # answered | no_answer | hit_cap
    correct: bool
    # Which of its question's answers agree with each other: 0 has no answer, 1 is right, other
    # numbers stand for one `parsed` each
    vote: int
    parsed: str
    second: bool  # whether the second grader finds the answer right, whatever `correct` says
    think_tokens: int
    answer_tokens: int
