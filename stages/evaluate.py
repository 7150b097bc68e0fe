"""evaluate: let one student answer the questions of one split, greedily and sampled; store what it wrote.

Without --target it is the untrained student. Sample 0 is greedy; samples 1 to n are drawn, for the
first `sampled_questions` of each question set. By question_id, and so the same ones for every arm, as are `questions`.

checkpoints or models, questions -> data/<profile>/predictions/<cell>.parquet
Run: python -m stages.evaluate --profile default --student smollm2
     [--teacher scripted --target raw --method lora --seed s0]
"""

import collections
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core import chat, command, engines, params, records, tokens
from stages.core.cells import cell_name
from stages.core.errors import StageError
from stages.core.records import Prediction, Question

PARAMS = {
    "evaluate": "evaluate",
    "text": "students.{student}.text",
    "inference": "students.{student}.inference",
}


@dataclass(frozen=True)
class Evaluate:
    """What is generated: `samples` draws at `temperature` and `top_p` beside the greedy answer."""

    split: str
    questions: int | None  # of each question set; None for all
    max_new_tokens: int
    samples: int
    sampled_questions: int | None  # of each question set; None for all
    temperature: float
    top_p: float
    seed: int

    def __post_init__(self) -> None:
        if self.questions == 0 or min(self.samples, self.questions or 0, self.sampled_questions or 0) < 0:
            raise StageError("expected questions of 1 or more, samples and sampled_questions of 0 or more")


@dataclass(frozen=True)
class Ask:
    """One answer to generate."""

    question_id: str
    sample: int
    request: engines.Request


def asks(questions: Sequence[Question], tokenizer: Any, template: str | None, config: Evaluate) -> list[Ask]:
    """Every answer to generate, in order of question and sample."""
    greedy = engines.Sampling(config.max_new_tokens)
    drawn = engines.Sampling(config.max_new_tokens, config.temperature, config.top_p)
    found = []
    asked: collections.Counter[str] = collections.Counter()
    for question in questions:
        if asked[question.source] == config.questions:
            continue
        asked[question.source] += 1
        often = config.sampled_questions is None or asked[question.source] <= config.sampled_questions
        prompt = tokens.ids(tokenizer, chat.prompt(tokenizer, template, question.question))
        for sample in range(1 + (config.samples if often else 0)):
            seed = engines.derived_seed(config.seed, question.question_id, sample)
            name = f"{question.question_id}/{sample}"
            request = engines.Request(name, prompt, seed, drawn if sample else greedy)
            found.append(Ask(question.question_id, sample, request))
    return found


def predict(engine: engines.Engine, wanted: Sequence[Ask], tokenizer: Any) -> Iterator[Prediction]:
    """The predictions in the order of `wanted`."""
    outputs = engine.generate(ask.request for ask in wanted)
    found = {
        request.key: output
        for request, output in command.progress(outputs, "evaluate", total=len(wanted), unit="answer")
    }
    for ask in wanted:
        yield prediction(ask, found[ask.request.key], tokenizer)


def prediction(ask: Ask, output: engines.Output, tokenizer: Any) -> Prediction:
    """The output, split into reasoning and answer. All tokens up to the closing tag count as thinking, no EOS does."""
    text = "" if output.finish_reason in engines.UNANSWERED else output.text
    if output.reasoning is None:
        reasoning, answer = chat.split(text)
        after = text.rpartition(chat.CLOSE)[2] if chat.CLOSE in text else ("" if reasoning else text)
    else:
        reasoning, answer, after = output.reasoning.strip(), text.strip(), text
    written = (output.completion_tokens or 0) - (output.finish_reason == "stop")
    answer_tokens = min(tokens.count(tokenizer, after), written)
    return Prediction(
        question_id=ask.question_id,
        sample=ask.sample,
        reasoning=reasoning,
        answer=answer,
        finish_reason=output.finish_reason,
        think_tokens=written - answer_tokens,
        answer_tokens=answer_tokens,
    )


@command.stage("profile", "student", optional=("teacher", "target", "method", "seed"))
def main(profile: str, student: str, **arm: str) -> None:
    """Let one cell's student, or without an arm the untrained one, answer the questions."""
    declared = params.read(PARAMS, profile, student=student)
    config = params.section(Evaluate, declared["evaluate"], "evaluate")
    text = params.section(chat.Text, declared["text"], f"students.{student}.text")
    data, cell = Path("data") / profile, cell_name(student, **arm)
    folder = data / "checkpoints" / cell if any(arm.values()) else data / "models" / student
    rows = records.read(data / "questions.parquet", Question)
    questions = [row for row in rows if row.split == config.split]
    if not questions:
        raise StageError(f"evaluate.split: no question is in split {config.split!r}; give a set a size for it")
    tokenizer = tokens.load(folder)
    wanted = asks(questions, tokenizer, text.prompt_template, config)
    place = f"students.{student}.inference"
    if declared["inference"].get("engine") in ("openai", "scripted"):  # no server holds the checkpoints
        raise StageError(f"params.yaml: {place}.engine: a student is served by transformers, vllm or ray")
    engine = engines.load(engines.Model(str(folder), tokenizer), declared["inference"], place)
    predictions = predict(engine, wanted, tokenizer)
    records.write(data / "predictions" / f"{cell}.parquet", predictions, Prediction)


if __name__ == "__main__":
    main()
