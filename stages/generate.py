"""generate: sample every training question K times from a teacher; every attempt is kept, right or wrong.

questions, teachers.<teacher> -> data/<profile>/responses/<teacher>.parquet
Run: python -m stages.generate --profile default --teacher scripted
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from stages.core import chat, command, engines, params, records, tokens
from stages.core.engines import scripted
from stages.core.errors import StageError
from stages.core.records import Question, Response

PARAMS = {"teacher": "teachers.{teacher}"}


@dataclass(frozen=True)
class Teacher:
    """A teacher: `engine` scripted with its rates in `script`, or an inference engine over a model folder."""

    engine: str
    samples: int  # K attempts for each question
    seed: int
    script: dict[str, float] = field(default_factory=dict)
    model: str = ""  # a Hugging Face folder, or with `revision` the id of a model on the hub
    revision: str | None = None
    prompt_template: str | None = None
    sampling: dict[str, Any] = field(default_factory=dict)
    inference: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise StageError(f"samples is {self.samples}, expected 1 or more")


def request_key(teacher: Teacher, prompt: str, seed: int, sample: int) -> str:
    """Hash of everything that shapes an answer: the teacher's settings, the prompt, the seed, the sample."""
    settings = {key: value for key, value in asdict(teacher).items() if key not in ("samples", "seed")}
    whole = json.dumps([settings, prompt, seed, sample], sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()[:32]


def by_script(teacher: Teacher, questions: Sequence[Question]) -> Iterator[Response]:
    """Every attempt of the scripted teacher, in order."""
    script = params.section(scripted.ScriptedTeacher, teacher.script, "teachers.*.script")
    for question in command.progress(questions, "generate", unit="question"):
        for sample in range(teacher.samples):
            seed = engines.derived_seed(teacher.seed, question.question_id, sample)
            reasoning, answer = scripted.write(question.question, script, seed)
            key = request_key(teacher, question.question, seed, sample)
            yield Response(question.question_id, sample, key, seed, "scripted", reasoning, answer, "stop", None, None)


def by_model(teacher: Teacher, questions: Sequence[Question]) -> Iterator[Response]:
    """Every attempt of a model, in order."""
    folder = Path(teacher.model)
    tokenizer = tokens.load(folder, teacher.revision)
    inference = params.section(
        engines.Inference, {"engine": teacher.engine} | teacher.inference, "teachers.*.inference"
    )
    sampling = params.section(engines.Sampling, teacher.sampling, "teachers.*.sampling")
    attempts = [(question, sample) for question in questions for sample in range(teacher.samples)]
    requests = []
    for question, sample in attempts:
        text = chat.prompt(tokenizer, teacher.prompt_template, question.question)
        seed = engines.derived_seed(teacher.seed, question.question_id, sample)
        requests.append(engines.Request(tokens.ids(tokenizer, text), seed))
    engine = engines.load(folder, tokenizer.eos_token_id, inference, teacher.revision)
    found = dict(command.progress(engine.generate(requests, sampling), "generate", total=len(requests)))
    for place, (question, sample) in enumerate(attempts):
        request, output = requests[place], found[place]
        reasoning, answer = chat.split(tokenizer.decode(output.tokens, skip_special_tokens=True))
        key = request_key(teacher, str(request.prompt), request.seed, sample)
        lengths = (len(request.prompt), len(output.tokens))
        yield Response(
            question.question_id,
            sample,
            key,
            request.seed,
            teacher.model,
            reasoning,
            answer,
            output.finish_reason,
            *lengths,
        )


@command.stage("profile", "teacher")
def main(profile: str, teacher: str) -> None:
    """Sample every training question from one teacher into data/<profile>/responses/<teacher>.parquet."""
    place = f"teachers.{teacher}"
    config = params.section(Teacher, params.read(PARAMS, profile, teacher=teacher)["teacher"], place)
    data = Path("data") / profile
    questions = [row for row in records.read(data / "questions.parquet", Question) if row.split == "train"]
    if not questions:
        raise StageError(f"{data / 'questions.parquet'}: no question in split train; give a set a train size")
    attempts = by_script(config, questions) if config.engine == "scripted" else by_model(config, questions)
    records.write(data / "responses" / f"{teacher}.parquet", attempts, Response)


if __name__ == "__main__":
    main()
