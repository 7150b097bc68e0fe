"""The row of a shorter form of a trace."""

from stages.core.records import Trace, Variant


def variant_of(
    trace: Trace,
    reasoning: str,
    *,
    finish_reason: str,
    drop_reason: str | None,
    flags: tuple[str, ...] = (),
    raw_tokens: int | None = None,
    tokens: int | None = None,
) -> Variant:
    """The row of `trace` with `reasoning` in place of its own, kept where nothing drops it.

    `raw_tokens` and `tokens` are of the reasoning before and after, in one student's tokens.
    """
    return Variant(
        question_id=trace.question_id,
        sample=trace.sample,
        source=trace.source,
        reasoning=reasoning,
        answer=trace.answer,
        raw_chars=len(trace.reasoning),
        chars=len(reasoning),
        rho=len(reasoning) / len(trace.reasoning),
        raw_tokens=raw_tokens,
        tokens=tokens,
        finish_reason=finish_reason,
        kept=drop_reason is None,
        drop_reason=drop_reason,
        flags=flags,
    )
