"""evaluate: let one student answer the questions of one split, greedily and sampled; store what it
wrote.

Without --target it is the untrained student. Sample 0 is greedy; samples 1 to n are drawn, for the
first `sampled_questions` of each question set. By question_id, and so the same ones for every arm,
as are `questions`. Answers are kept as they come, as those of teachers: a stage that was killed
goes on, the same weights are asked once. The training questions of the example_questions stage are
answered greedily too, into a file for the page alone.

checkpoints or models, questions, example questions
    -> data/<profile>/predictions/<cell>.parquet, data/<profile>/examples/predictions/<cell>.parquet
Run: python -m stages.evaluate --profile default --student smollm2
     [--teacher scripted --target raw --method lora --seed s0]
With --ahead it writes nothing but the store: all checkpoints of the student that are there answer through one loaded
engine, and the stages of `dvc repro` then load none.
"""

import collections
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import click
from pydantic import Field

from stages.core import chat, paths, records, tokens
from stages.core.asking import engines
from stages.core.asking.answering import Asker
from stages.core.asking.answers import AnswerHandle
from stages.core.asking.language_model import LanguageModel, model_settings
from stages.core.asking.store import FOLDER, Store
from stages.core.cells import Cell
from stages.core.machine import jemalloc
from stages.core.paths import DataPaths
from stages.core.program import command, files, params
from stages.core.program.errors import StageError
from stages.core.program.params import Amount, Count, Positive, Seed
from stages.core.records import Prediction, Question
from stages.core.students import alike, sums

PARAMS = {
    "evaluate": "evaluate",
    "text": "students.{student}.text",
    "inference": "students.{student}.inference",
}

Limited = Annotated[int, Field(le=params.MOST)]  # its least value is checked below


@dataclass(frozen=True)
class Evaluate:
    """What is generated: `samples` draws at `temperature` and `top_p` beside the greedy answer."""

    split: Literal["validation", "test"]
    questions: Limited | None  # of each question set; None for all
    max_new_tokens: Positive
    samples: Limited
    sampled_questions: Limited | None  # of each question set; None for all
    example_questions: (
        Count  # of each question set, trained on and never counted; see example_questions.py
    )
    temperature: Amount
    top_p: Annotated[float, Field(gt=0, le=1)]
    seed: Seed

    def __post_init__(self) -> None:
        if (
            self.questions == 0
            or min(self.samples, self.questions or 0, self.sampled_questions or 0) < 0
        ):
            raise StageError(
                "expected questions of 1 or more, samples and sampled_questions of 0 or more"
            )


@dataclass(frozen=True)
class Ask:
    """One answer to generate, and how it is found again."""

    question_id: str
    sample: int
    slot: AnswerHandle
    request: engines.Request


def asks(questions: Sequence[Question], asker: Asker, config: Evaluate) -> list[Ask]:
    """Every answer to generate, in order of question and sample."""
    drawn = engines.Sampling(config.max_new_tokens, config.temperature, config.top_p)
    found = []
    asked: collections.Counter[str] = collections.Counter()
    for question in questions:
        if asked[question.source] == config.questions:
            continue
        asked[question.source] += 1
        often = (
            config.sampled_questions is None or asked[question.source] <= config.sampled_questions
        )
        for sample in range(1 + (config.samples if often else 0)):
            seed = engines.derived_seed(config.seed, question.question_id, sample)
            slot, request = asker.request(
                question.question, seed, sample, drawn if sample else None
            )
            found.append(Ask(question.question_id, sample, slot, request))
    return found


def predict(asker: Asker, wanted: Sequence[Ask]) -> Iterator[Prediction]:
    """The predictions in the order of `wanted`; only what the store lacks is generated.

    Raises StageError where a question had no room at all: an arm that was asked less cannot be
    compared.
    """
    answer(asker, wanted, "evaluate")
    if lost := [one for one in asker.refused.values() if one.finish_reason != "context"]:
        raise StageError(
            f"{asker.params_path}.inference: {len(lost)} questions were not answered: {lost[0].text}"
        )
    for ask in wanted:
        yield prediction(ask, asker)


def answer(asker: Asker, wanted: Sequence[Ask], what: str) -> None:
    """Sees to it that the store has what is `wanted`, the greedy answers first and apart from the
    sampled ones.

    In bf16 what is beside a row in its batch moves its rounding: another number of samples must
    move no greedy answer.
    """
    for drawn in (False, True):
        own = [ask.request for ask in wanted if (ask.sample > 0) == drawn]
        asker.ask(own, what, total=len(own))


def prediction(ask: Ask, asker: Asker) -> Prediction:
    """What was written, split into reasoning and answer. Tokens up to the closing tag are thinking,
    the EOS is not.
    """
    said, stored = asker.answer(ask.slot), asker.stored(ask.slot)
    after = "" if stored is None or stored.reasoning is None else stored.text
    if stored is not None and stored.reasoning is None:
        whole = stored.text
        after = (
            whole.rpartition(chat.CLOSE)[2]
            if chat.CLOSE in whole
            else ("" if said.reasoning else whole)
        )
    written = said.completion_tokens or 0
    answer_tokens = min(
        tokens.count(asker.tokenizer, after) + (said.finish_reason == "stop"), written
    )
    return Prediction(
        question_id=ask.question_id,
        sample=ask.sample,
        reasoning=said.reasoning,
        answer=said.text,
        finish_reason=said.finish_reason,
        think_tokens=written - answer_tokens,
        answer_tokens=answer_tokens,
    )


def language_model(
    folder: Path, declared: Mapping[str, Any], config: Evaluate, place: str
) -> LanguageModel:
    """The student in `folder` as a model that is asked. Raises StageError for params that it cannot
    be asked with.
    """
    text = params.section(chat.Text, declared["text"], f"{place}.text")
    model = LanguageModel(
        inference=declared["inference"],
        model=str(folder),
        prompt_template=text.prompt_template,
        date=text.date,
        sampling={"max_new_tokens": config.max_new_tokens},
    )
    served = model.inference.get("engine") if isinstance(model.inference, dict) else None
    if served in ("openai", "scripted"):  # no server holds the checkpoints
        raise StageError(
            f"params.yaml: {place}.inference.engine: a student is served by transformers, vllm or ray"
        )
    model_settings(model, place)
    if served == "ray" and model.inference["run"]["engine"] == "scripted":
        raise StageError(
            f"params.yaml: {place}.inference.run.engine: a student is served by transformers or vllm"
        )
    return model


def student_asker(
    folder: Path,
    declared: dict[str, Any],
    config: Evaluate,
    place: str,
    answers: Store,
    load: Callable[..., engines.Engine] = engines.load,
) -> Asker:
    """The student in `folder`, whose answers are kept under a hash of all its weights and settings."""
    model = language_model(folder, declared, config, place)
    sums.check(folder)
    known = "".join(files.digest(folder, kind) for kind in ("*.safetensors", "*.json"))
    return Asker(model, answers, place, known, load)


class Shared:
    """One engine for several checkpoints: loaded for the first that lacks an answer, others'
    weights put into it.
    """

    def __init__(self) -> None:
        self.engine: engines.Swapping | None = None

    def load(
        self, model: engines.Model, inference: Mapping[str, Any], place: str
    ) -> engines.Engine:
        """As `engines.load`."""
        if self.engine is None:
            self.engine = cast(engines.Swapping, engines.load(model, inference, place))
        else:
            self.engine.swap(model)
        return self.engine


def checkpoints(data: DataPaths, student: str) -> list[Path]:
    """The folders of the untrained student and of its checkpoints that one engine can hold in turn.

    Checkpoints of a model that sees images too hold its text part alone: the untrained student is
    then not among them.
    """
    base = data.model(student)
    cells = {folder: Cell.parse(folder.name) for folder in data.checkpoints.glob("[!.]*-*-*-*-*")}
    trained = sorted(folder for folder, cell in cells.items() if cell.student == student)
    shared = alike.largest([base, *trained])
    for other in sorted({base, *trained} - set(shared)):
        click.echo(
            f"warning: {other}: config or tokenizer differ from {shared[0]}; its own stage answers",
            err=True,
        )
    return shared


@command.stage("profile", "student", optional=("teacher", "target", "method", "seed"))
def main(profile: str, student: str, ahead: bool = False, **arm: str) -> None:
    """Let one cell's student, or without an arm the untrained one, answer the questions."""
    if ahead and any(arm.values()):
        raise StageError(
            "--ahead is for all of a student's checkpoints; leave out --teacher, --target and the others"
        )
    declared = params.read(PARAMS, profile, student=student, **arm)
    config = params.section(Evaluate, declared["evaluate"], "evaluate")
    data, cell = paths.data(profile), Cell.of(student, **arm)
    folder = data.checkpoint(cell) if cell.trained else data.model(student)
    language_model(folder, declared, config, f"students.{student}")
    rows = records.read(data.questions, Question)
    questions = [row for row in rows if row.split == config.split]
    if not questions:
        raise StageError(
            f"evaluate.split: no question is in split {config.split!r}; give a set a size for it"
        )
    examples = list(records.read(data.example_questions(student), Question))
    greedy = dataclasses.replace(config, questions=None, samples=0)
    with Store(FOLDER) as answers:
        known = declared, config, f"students.{student}", answers
        if ahead:
            shared = Shared()
            for one in checkpoints(data, student):
                asker = student_asker(one, *known, load=shared.load)
                answer(asker, asks(questions, asker, config), one.name)
                answer(asker, asks(examples, asker, greedy), one.name)
            return
        asker = student_asker(folder, *known)
        records.write(
            data.predictions(cell), predict(asker, asks(questions, asker, config)), Prediction
        )
        records.write(
            data.example_predictions(cell),
            predict(asker, asks(examples, asker, greedy)),
            Prediction,
        )


main.params.append(
    click.Option(
        ["--ahead"],
        is_flag=True,
        help="all checkpoints of the student, by one engine, into the store alone",
    )
)


if __name__ == "__main__":
    jemalloc.begin()
    main()
