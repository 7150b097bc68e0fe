"""The rule that says which responses of a teacher become traces."""

from stages.core.grading import Verdict


def worth_keeping(verdict: Verdict, finish_reason: str, reasoning: str) -> bool:
    """Whether a response is one to learn from: correct, ended by itself, and with its reasoning.

    verify keeps the responses that pass. generate, where a teacher stops at the first correct
    answer, asks for no further sample of a question once one passes.
    """
    is_finished = finish_reason == "stop"  # else its answer is not its last word
    return verdict.outcome == "correct" and is_finished and bool(reasoning.strip())
