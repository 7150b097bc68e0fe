"""evaluate: let one student answer the questions of one split, greedily and sampled.

Without --target it is the untrained student. Sample 0 is greedy. Samples 1 to n are drawn, for the
first `sampled_questions` of each question set. Questions come in the order of their ids, so the
first ones are the same for every arm, and so are the first `questions`. Answers are kept as they
come, as those of teachers are. So a stage that was killed goes on, and the same weights are asked
once. The training questions of the example_questions stage are answered greedily too, into a file
that only the report's page shows.

checkpoints or models, questions, example questions
    -> data/<profile>/predictions/<cell>.parquet, data/<profile>/examples/predictions/<cell>.parquet
Run: python -m stages.evaluate --profile default --student smollm2
     [--teacher scripted (--target raw | --forced mild) --method lora --seed s0]
With --forced mild in place of --target, raw's student answers, its thinking closed at the median
length of mild's; metrics/<profile>/forced/<cell>.json counts these answers (asking/forcing.py).
With --ahead it writes only to the store. One loaded engine answers for all checkpoints of the
student that exist. The stages of `dvc repro` then load none, but for forced cells.
"""

import collections
import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import click
from pydantic import Field

from stages.core import chat, paths, records, tokens
from stages.core.asking import engines, forcing
from stages.core.asking.answering import Asker
from stages.core.asking.language_model import LanguageModel, model_settings
from stages.core.asking.predictions import PredictionRequest, generate_missing, predict
from stages.core.asking.shared_engine import SharedEngine, swappable_folders
from stages.core.asking.store import FOLDER, Store
from stages.core.cells import Cell
from stages.core.machine import jemalloc
from stages.core.paths import DataPaths
from stages.core.program import command, files, params
from stages.core.program.errors import StageError
from stages.core.program.params import Amount, Count, Positive, Seed
from stages.core.records import Prediction, Question
from stages.core.students import sums

PARAMS = {
    "evaluate": "evaluate",
    "text": "students.{student}.text",
    "inference": "students.{student}.inference",
}

# Its least value is checked in __post_init__, with the values beside it
Limited = Annotated[int, Field(le=params.LARGEST_COUNT)]


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """What is generated: `samples` draws at `temperature` and `top_p` beside the greedy answer."""

    split: Literal["validation", "test"]
    questions: Limited | None  # of each question set; None for all
    max_new_tokens: Positive
    samples: Limited
    sampled_questions: Limited | None  # of each question set; None for all
    # of each question set, trained on and never counted; see example_questions.py
    example_questions: Count
    temperature: Amount
    top_p: Annotated[float, Field(gt=0, le=1)]
    seed: Seed

    def __post_init__(self) -> None:
        """Raises StageError for numbers that are too small."""
        smallest = min(self.samples, self.questions or 0, self.sampled_questions or 0)
        if self.questions == 0 or smallest < 0:
            raise StageError(
                "expected questions of 1 or more, samples and sampled_questions of 0 or more"
            )


def prediction_requests(
    questions: Sequence[Question], asker: Asker, config: Evaluate
) -> list[PredictionRequest]:
    """Returns every answer to generate, in order of question and sample."""
    sampled = engines.Sampling(config.max_new_tokens, config.temperature, config.top_p)
    requests = []
    count_by_set: collections.Counter[str] = collections.Counter()
    for question in questions:
        if count_by_set[question.source] == config.questions:
            continue
        count_by_set[question.source] += 1
        number_in_set = count_by_set[question.source]
        is_sampled = config.sampled_questions is None or number_in_set <= config.sampled_questions
        last_sample = config.samples if is_sampled else 0
        for sample in range(last_sample + 1):
            seed = engines.derived_seed(config.seed, question.question_id, sample)
            sampling = sampled if sample else None  # None: the asker's own, which is greedy
            lookup, request = asker.request(question.question, seed, sample, sampling)
            requests.append(PredictionRequest(question.question_id, sample, lookup, request))
    return requests


def language_model(
    folder: Path, declared: Mapping[str, Any], config: Evaluate, params_path: str
) -> LanguageModel:
    """Returns the student in `folder` as a model that is asked.

    Raises StageError for params that it cannot be asked with.
    """
    text = params.section(chat.Text, declared["text"], f"{params_path}.text")
    model = LanguageModel(
        inference=declared["inference"],
        model=str(folder),
        prompt_template=text.prompt_template,
        date=text.date,
        sampling={"max_new_tokens": config.max_new_tokens},
    )
    engine = model.inference.get("engine") if isinstance(model.inference, dict) else None
    if engine in ("openai", "scripted"):  # no server holds the checkpoints
        raise StageError(
            f"params.yaml: {params_path}.inference.engine: a student is served by "
            "transformers, vllm or ray"
        )
    model_settings(model, params_path)
    if engine == "ray" and model.inference["run"]["engine"] == "scripted":
        raise StageError(
            f"params.yaml: {params_path}.inference.run.engine: a student is served by "
            "transformers or vllm"
        )
    return model


def student_asker(
    folder: Path,
    declared: dict[str, Any],
    config: Evaluate,
    params_path: str,
    answers: Store,
    load: Callable[..., engines.Engine] = engines.load,
) -> Asker:
    """Returns what asks the student in `folder`.

    Its answers are kept in `answers`, under a hash of all its weights and settings.
    """
    model = language_model(folder, declared, config, params_path)
    sums.check(folder)
    # Of the contents: a cell that is trained anew to the same weights is not asked again
    revision = files.digest(folder, "*.safetensors") + files.digest(folder, "*.json")
    return Asker(model, answers, params_path, revision, load)


@dataclass(frozen=True)
class Part:
    """Questions that are answered alike, and the file of their predictions."""

    questions: Sequence[Question]
    config: Evaluate
    out: Path


def _answer_ahead(
    folders: Sequence[Path], new_asker: Callable[..., Asker], parts: Sequence[Part]
) -> None:
    """Has the students in `folders` answer all parts through one engine, into the store alone."""
    shared_engine = SharedEngine()
    for folder in folders:
        asker = new_asker(folder, load=shared_engine.load)
        # Its checkpoint's weights are loaded at the first request that has no answer yet
        for part in parts:
            requests = prediction_requests(part.questions, asker, part.config)
            generate_missing(asker, requests, folder.name)


def _read_questions(data: DataPaths, split: str) -> list[Question]:
    """Returns the questions of a split. Raises StageError if there are none."""
    all_questions = records.read(data.questions, Question)
    questions = [question for question in all_questions if question.split == split]
    if not questions:
        raise StageError(
            f"evaluate.split: no question is in split {split!r}; give a set a size for it"
        )
    return questions


def _answer_forced(
    profile: str, cell: Cell, config: Evaluate, new_asker: Callable[..., Asker]
) -> None:
    """Has raw's student answer with its thinking closed, and counts these answers."""
    data = paths.data(profile)
    folder = data.checkpoint(cell.weights)
    tokenizer = tokens.load(folder)
    cap = forcing.cap_of(data, cell, tokenizer)
    limit = forcing.answer_limit(config.max_new_tokens, cap, tokenizer)
    asker = new_asker(folder, config=dataclasses.replace(config, max_new_tokens=limit))
    counts = forcing.Forcer(asker, cap, config.seed).write(data, cell)
    files.write_json(paths.metric(profile, "forced", cell.name), counts)


@command.stage("profile", "student", optional=("teacher", "target", "forced", "method", "seed"))
def main(profile: str, student: str, ahead: bool = False, **arm: str) -> None:
    """Let one cell's student, or without an arm the untrained one, answer the questions."""
    if ahead and any(arm.values()):
        raise StageError(
            "--ahead is for all of a student's checkpoints; "
            "leave out --teacher, --target and the others"
        )
    # Check the params before anything is read
    declared = params.read(PARAMS, profile, student=student, **arm)
    config = params.section(Evaluate, declared["evaluate"], "evaluate")
    data = paths.data(profile)
    cell = Cell.of(student, **arm)
    folder = data.checkpoint(cell.weights) if cell.trained else data.model(student)
    params_path = f"students.{student}"
    language_model(folder, declared, config, params_path)

    # All example questions are answered, and greedily alone
    questions = _read_questions(data, config.split)
    examples = list(records.read(data.example_questions(student), Question))
    greedy = dataclasses.replace(config, questions=None, samples=0)
    parts = (
        Part(questions, config, data.predictions(cell)),
        Part(examples, greedy, data.example_predictions(cell)),
    )
    with Store(FOLDER) as answers:
        new_asker = functools.partial(
            student_asker,
            declared=declared,
            config=config,
            params_path=params_path,
            answers=answers,
        )
        if ahead:
            _answer_ahead(swappable_folders(data, student), new_asker, parts)
            return
        if cell.forced:
            _answer_forced(profile, cell, config, new_asker)
            return
        asker = new_asker(folder)
        for part in parts:
            requests = prediction_requests(part.questions, asker, part.config)
            records.write(part.out, predict(asker, requests), Prediction)


_AHEAD_HELP = "all checkpoints of the student, by one engine, into the store alone"
main.params.append(click.Option(["--ahead"], is_flag=True, help=_AHEAD_HELP))


if __name__ == "__main__":
    jemalloc.begin()
    main()
