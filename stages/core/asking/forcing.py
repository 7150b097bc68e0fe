"""Budget forcing: a student's thinking is closed at a cap, and then it is asked for its answer.

It is what s1 does to end thinking (Muennighoff et al. 2025, arXiv 2501.19393), with no word such as
"Final Answer:" after the closing mark, because no student was trained on one. Nothing is trained:
the student has already answered, and only answers with longer reasoning than the cap are taken up
again. Samples beyond the greedy one are left out.
"""

import dataclasses
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.core import chat, records, tokens
from stages.core.asking import engines, store
from stages.core.asking.answering import Asker
from stages.core.asking.answers import AnswerHandle
from stages.core.asking.predictions import PredictionRequest, predict
from stages.core.cells import Cell
from stages.core.paths import DataPaths
from stages.core.records import Prediction, Question


def greedy(predictions: Iterable[Prediction]) -> list[Prediction]:
    """The greedy answers among all."""
    return [prediction for prediction in predictions if prediction.sample == 0]


def median_length(predictions: Iterable[Prediction], tokenizer: Any) -> int:
    """The median tokens of the reasoning of greedy answers, without its marks, rounded down.

    Answers without reasoning have 0, and so have no answers at all.
    """
    lengths = [tokens.count(tokenizer, row.reasoning) for row in greedy(predictions)]
    return int(statistics.median(lengths)) if lengths else 0


def answer_limit(max_new_tokens: int, cap: int, tokenizer: Any) -> int:
    """The tokens that an answer may have after reasoning of `cap` tokens and its marks, at least 1.

    So reasoning and answer together have no more room than in an answer that is not forced.
    """
    marks = tokens.count(tokenizer, chat.completion("", "", ""))
    return max(1, max_new_tokens - cap - marks)


def closed_reasoning(reasoning: str, cap: int, tokenizer: Any) -> str | None:
    """The first `cap` tokens of `reasoning`, None where it has no more than that.

    It ends at a whole character, and without space, as all reasoning in training.
    """
    encoded = tokenizer(reasoning, add_special_tokens=False, return_offsets_mapping=True)
    starts = [start for start, _ in encoded["offset_mapping"]]
    if len(starts) <= cap:
        return None
    return chat.plain(tokenizer, reasoning[: starts[cap]].rstrip())


def cap_of(data: DataPaths, cell: Cell, tokenizer: Any) -> int:
    """The cap of a forced cell: the median length of the arm that it names."""
    arm = dataclasses.replace(cell, target=cell.forced)
    return median_length(records.read(data.predictions(arm), Prediction), tokenizer)


@dataclass(frozen=True)
class Opening:
    """What stands before a forced answer: the reasoning, and its tokens with those of the marks."""

    reasoning: str
    think_tokens: int
    answer_tokens: int  # of the space after the closing mark, which counts with the answer
    token_ids: Sequence[int]

    @classmethod
    def of(cls, reasoning: str, tokenizer: Any) -> "Opening":
        """The closed think block with this reasoning, as training text has it."""
        block = chat.completion(reasoning, "", "")
        token_ids = tokens.ids(tokenizer, block)
        think_tokens = tokens.count(tokenizer, block.rstrip())
        return cls(reasoning, think_tokens, len(token_ids) - think_tokens, token_ids)

    def before(self, answer: Prediction) -> Prediction:
        """`answer` with this opening before it, and with the tokens of both.

        A student that goes on thinking after the closing mark has thought more than the cap.
        """
        reasoning = "\n".join(filter(None, (self.reasoning, answer.reasoning)))
        return dataclasses.replace(
            answer,
            reasoning=reasoning,
            think_tokens=self.think_tokens + answer.think_tokens,
            answer_tokens=self.answer_tokens + answer.answer_tokens,
        )


class Forcer:
    """Closes the thinking of one student at a cap of tokens.

    `asker` asks the student, with `answer_limit` as its limit. `seed` is that of the evaluation.
    """

    def __init__(self, asker: Asker, cap: int, seed: int) -> None:
        self.asker = asker
        self.cap = cap
        self.seed = seed

    def openings(self, predictions: Iterable[Prediction]) -> dict[str, Opening]:
        """The opening of each greedy answer whose reasoning is longer than the cap, by question.

        An answer that the model's window cut has no text, so it has no opening either.
        """
        openings = {}
        for row in greedy(predictions):
            reasoning = closed_reasoning(row.reasoning, self.cap, self.asker.tokenizer)
            if reasoning is not None:
                openings[row.question_id] = Opening.of(reasoning, self.asker.tokenizer)
        return openings

    def predict(
        self, predictions: Sequence[Prediction], questions: Mapping[str, Question]
    ) -> Iterator[Prediction]:
        """Yields the greedy `predictions`, those with longer reasoning than the cap answered anew.

        `questions` are by id. Only what the store lacks is generated.
        """
        openings = self.openings(predictions)
        requests = [
            self._request(questions[question_id], opening)
            for question_id, opening in openings.items()
        ]
        answers = {answer.question_id: answer for answer in predict(self.asker, requests)}
        for row in greedy(predictions):
            if row.question_id in openings:
                yield openings[row.question_id].before(answers[row.question_id])
            else:
                yield row

    def _request(self, question: Question, opening: Opening) -> PredictionRequest:
        """The request to go on after `opening`, whose tokens are joined to those of the prompt."""
        asker = self.asker
        seed = engines.derived_seed(self.seed, question.question_id, 0)
        _, unforced = asker.request(question.question, seed, 0)
        prompt = [*unforced.prompt, *opening.token_ids]
        shape = asker.sampling.shape() | asker.shape
        key = store.key(asker.name, asker.revision, prompt, shape, seed, 0)
        request = engines.Request(key, prompt, seed, asker.sampling)
        handle = AnswerHandle(key, seed, opened=False)
        return PredictionRequest(question.question_id, 0, handle, request)

    def write(self, data: DataPaths, cell: Cell) -> dict[str, Any]:
        """Writes the predictions of a forced cell, those to example questions too.

        Returns how many of the evaluated answers were closed, and how many could not be.
        """
        questions = {row.question_id: row for row in records.read(data.questions, Question)}
        raw = list(records.read(data.predictions(cell.weights), Prediction))
        raw_examples = list(records.read(data.example_predictions(cell.weights), Prediction))
        records.write(data.predictions(cell), self.predict(raw, questions), Prediction)
        examples = self.predict(raw_examples, questions)
        records.write(data.example_predictions(cell), examples, Prediction)
        return {
            "cell": cell.name,
            "cap": self.cap,
            "answers": len(greedy(raw)),
            "closed": len(self.openings(raw)),
            "without_text": sum(row.finish_reason == "context" for row in greedy(raw)),
        }
