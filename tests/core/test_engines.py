"""The transformers engine against a loop written by hand, and what every engine refuses."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, GenerationConfig

from stages.core import engines
from stages.core.engines import Engine, Inference, Output, Request, Sampling
from stages.core.errors import StageError

CONFIG = Inference("transformers", dtype="float32", batch_size=3, attention="eager")
# Of different lengths, so that batches are padded
PROMPTS = [[72, 105], [65, 66, 67, 68, 69, 70, 71], [1], [9, 8, 7, 6], [72, 105, 72, 105, 72]]
DRAWN = Sampling(12, temperature=1.0)


@pytest.fixture(scope="module")
def lively(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny student with layers so loud that it does more than repeat its last token."""
    model: Any = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
    for parameter in model.model.layers.parameters():
        parameter.data *= 12
    folder = tmp_path_factory.mktemp("models") / "lively"
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(lively: Path) -> Any:
    """Its network."""
    return AutoModelForCausalLM.from_pretrained(lively, dtype=torch.float32).eval()


def requests(seed: int = 0) -> list[Request]:
    """One request for each prompt."""
    return [Request(prompt, seed + place) for place, prompt in enumerate(PROMPTS)]


def generate(engine: Engine, sampling: Sampling, seed: int = 0) -> list[Output]:
    """Outputs in the order of the prompts."""
    found = dict(engine.generate(requests(seed), sampling))
    return [found[place] for place in range(len(PROMPTS))]


@torch.inference_mode()
def by_hand(model: Any, prompt: list[int], most: int, eos: int) -> Output:
    """Greedy decoding of one prompt without batch, padding or cache."""
    tokens: list[int] = []
    while len(tokens) < most:
        token = int(model(torch.tensor([prompt + tokens])).logits[0, -1].argmax())
        if token == eos:
            return Output(tokens, "stop")
        tokens.append(token)
    return Output(tokens, "length")


def test_greedy_is_the_argmax_of_each_prompt_by_itself(lively: Path, tokenizer: Any, model: Any) -> None:
    eos = tokenizer.eos_token_id
    engine = engines.load(lively, eos, CONFIG)
    assert generate(engine, Sampling(12)) == [by_hand(model, prompt, 12, eos) for prompt in PROMPTS]


def test_answer_ends_before_the_eos_or_at_the_limit(lively: Path, model: Any) -> None:
    free = by_hand(model, PROMPTS[0], 12, eos=-1).tokens
    eos = next(token for token in free[3:] if token not in free[:3])  # what it writes as its fourth token or later
    engine = engines.load(lively, eos, CONFIG)
    found = generate(engine, Sampling(12))
    assert found == [by_hand(model, prompt, 12, eos) for prompt in PROMPTS]
    assert found[0] == Output(free[: free.index(eos)], "stop")
    short = generate(engine, Sampling(2))
    assert short[0] == Output(free[:2], "length")


def test_answers_that_end_leave_the_batch_and_change_no_other(lively: Path, model: Any) -> None:
    """60 tokens are several rounds; with this EOS some answers end in the first, some later, some not at all."""
    free = [by_hand(model, prompt, 60, eos=-1).tokens for prompt in PROMPTS]
    firsts = {token: [row.index(token) if token in row else 60 for row in free] for row in free for token in row}
    eos = max(firsts, key=lambda token: len({place // 16 for place in firsts[token]}))
    assert len({place // 16 for place in firsts[eos]}) >= 3
    engine = engines.load(lively, eos, replace(CONFIG, batch_size=len(PROMPTS)))
    assert generate(engine, Sampling(60)) == [by_hand(model, prompt, 60, eos) for prompt in PROMPTS]


def test_eos_as_the_last_token_allowed_is_a_stop(lively: Path, model: Any) -> None:
    free = by_hand(model, PROMPTS[0], 12, eos=-1).tokens
    eos = next(token for token in free[3:] if token not in free[:3])
    engine = engines.load(lively, eos, CONFIG)
    assert generate(engine, Sampling(free.index(eos) + 1))[0].finish_reason == "stop"


def test_same_seeds_same_draws(lively: Path, tokenizer: Any) -> None:
    engine = engines.load(lively, tokenizer.eos_token_id, CONFIG)
    first = generate(engine, DRAWN)
    assert generate(engine, DRAWN) == first
    assert generate(engine, DRAWN, seed=100) != first
    assert first != generate(engine, Sampling(12))


def test_models_own_generation_config_changes_nothing(lively: Path, tokenizer: Any) -> None:
    engine: Any = engines.load(lively, tokenizer.eos_token_id, CONFIG)
    greedy, drawn = generate(engine, Sampling(12)), generate(engine, DRAWN)
    odd = GenerationConfig(do_sample=True, top_k=1, temperature=0.1, repetition_penalty=9.0, max_length=3)
    engine.model.generation_config = odd
    assert generate(engine, Sampling(12)) == greedy
    engine.model.generation_config = odd
    assert generate(engine, DRAWN) == drawn


def test_low_top_p_is_greedy(lively: Path, tokenizer: Any) -> None:
    engine = engines.load(lively, tokenizer.eos_token_id, CONFIG)
    assert generate(engine, Sampling(12, temperature=1.0, top_p=1e-6)) == generate(engine, Sampling(12))


def test_no_requests_no_outputs(lively: Path, tokenizer: Any) -> None:
    assert not list(engines.load(lively, tokenizer.eos_token_id, CONFIG).generate([], Sampling(12)))


def test_unknown_engine_is_answered_with_the_known_ones(tiny: Path) -> None:
    with pytest.raises(StageError, match="'llama' is unknown; known: transformers, vllm"):
        engines.load(tiny, 0, Inference("llama"))


def test_unknown_dtype_is_named(tiny: Path) -> None:
    with pytest.raises(StageError, match=r"inference.dtype: 'bf16' is unknown; expected bfloat16"):
        engines.load(tiny, 0, replace(CONFIG, dtype="bf16"))


@pytest.mark.parametrize("weights", [None, b"", b"not safetensors at all"])
def test_folder_without_readable_weights_is_named(tiny: Path, tmp_path: Path, weights: bytes | None) -> None:
    (tmp_path / "config.json").write_bytes((tiny / "config.json").read_bytes())
    if weights is not None:
        (tmp_path / "model.safetensors").write_bytes(weights)
    with pytest.raises(StageError, match="no weights that transformers can load"):
        engines.load(tmp_path, 0, CONFIG)


@pytest.mark.parametrize(
    ("most", "temperature", "top_p"), [(0, 0.0, 1.0), (-1, 0.0, 1.0), (9, -0.1, 1.0), (9, 1.0, 0.0), (9, 1.0, 1.1)]
)
def test_sampling_out_of_range_is_refused(most: int, temperature: float, top_p: float) -> None:
    with pytest.raises(StageError, match="expected max_new_tokens >= 1, temperature >= 0, 0 < top_p <= 1"):
        Sampling(most, temperature, top_p)


def test_derived_seeds_are_the_same_everywhere() -> None:
    assert engines.derived_seed(1, "q0", 0) == 4365810938667751955
    assert (
        len({engines.derived_seed(seed, f"q{n}", sample) for seed in (1, 2) for n in (0, 1) for sample in (0, 1)}) == 8
    )
