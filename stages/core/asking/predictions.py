"""A student's predictions: what it is asked, and what it wrote, split into reasoning and answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stages.core import chat, tokens
from stages.core.asking import engines
from stages.core.asking.answering import Asker
from stages.core.asking.answers import AnswerHandle
from stages.core.asking.store import StoredAnswer
from stages.core.program.errors import StageError
from stages.core.records import Prediction


@dataclass(frozen=True)
class PredictionRequest:
    """One answer to generate, and how it is found again in the store."""

    question_id: str
    sample: int  # 0 is greedy
    lookup: AnswerHandle
    request: engines.Request


def predict(asker: Asker, requests: Sequence[PredictionRequest]) -> Iterator[Prediction]:
    """Yields the predictions in the order of `requests`. Only what the store lacks is generated.

    Raises StageError if a question had no room at all: an arm that was asked less cannot be
    compared.
    """
    generate_missing(asker, requests, "evaluate")
    refused = [output for output in asker.refused.values() if output.finish_reason != "context"]
    if refused:
        raise StageError(
            f"{asker.params_path}.inference: {len(refused)} questions were not answered: "
            f"{refused[0].text}"
        )
    for request in requests:
        yield prediction(request, asker)


def generate_missing(asker: Asker, requests: Sequence[PredictionRequest], title: str) -> None:
    """Sees to it that the store has every answer, the greedy ones first and apart from the sampled
    ones.

    `title` is what the progress bar shows. In bf16 the rows beside a row in its batch move its
    rounding, and another number of samples must move no greedy answer.
    """
    for is_sampled in (False, True):
        chosen = [each.request for each in requests if (each.sample > 0) == is_sampled]
        asker.ask(chosen, title, total=len(chosen))


def prediction(request: PredictionRequest, asker: Asker) -> Prediction:
    """Returns what was written, split into reasoning and answer.

    Tokens up to the closing tag are thinking; the EOS is not.
    """
    answer = asker.answer(request.lookup)
    final_text = _text_after_thinking(asker.stored(request.lookup), answer.reasoning)
    ends_with_eos = answer.finish_reason == "stop"
    written_tokens = answer.completion_tokens or 0
    # The text is tokenized apart from what came before it, so its count may be off by some tokens;
    # together they are always what was written
    counted_tokens = tokens.count(asker.tokenizer, final_text) + ends_with_eos
    answer_tokens = min(counted_tokens, written_tokens)
    return Prediction(
        question_id=request.question_id,
        sample=request.sample,
        reasoning=answer.reasoning,
        answer=answer.text,
        finish_reason=answer.finish_reason,
        think_tokens=written_tokens - answer_tokens,
        answer_tokens=answer_tokens,
    )


def _text_after_thinking(stored: StoredAnswer | None, reasoning: str) -> str:
    """Returns the text after the closing tag, or all text where there is no `reasoning`."""
    if stored is None:
        return ""
    if stored.reasoning is not None:  # the engine set it apart
        return stored.text
    if chat.CLOSE in stored.text:  # the last one counts, as in chat.split
        return stored.text.rpartition(chat.CLOSE)[2]
    return "" if reasoning else stored.text
