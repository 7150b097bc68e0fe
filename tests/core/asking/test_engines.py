"""The transformers engine against a loop written by hand, and what every engine refuses."""

import collections
import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import scipy.stats
import torch
from transformers import AutoModelForCausalLM, GenerationConfig, TopPLogitsWarper

from stages.core.asking import engines
from stages.core.asking.engines import Engine, Model, Output, Request, Sampling
from stages.core.asking.engines.sampling import Nucleus
from stages.core.program.errors import StageError

CONFIG = {"engine": "transformers", "dtype": "float32", "batch_size": 3, "attention": "eager"}
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


def load(folder: Path, eos: int, tokenizer: Any, **changes: Any) -> Any:
    """The engine for the model in `folder`, which is to end at the token `eos`."""
    own = copy.deepcopy(tokenizer)
    own.eos_token = own.convert_ids_to_tokens(eos)
    return engines.load(Model(str(folder), own), CONFIG | changes, "inference")


def requests(sampling: Sampling, seed: int = 0) -> list[Request]:
    """One request for each prompt."""
    return [
        Request(str(place), prompt, seed + place, sampling) for place, prompt in enumerate(PROMPTS)
    ]


def generate(engine: Engine, sampling: Sampling, seed: int = 0) -> list[Output]:
    """Outputs in the order of the prompts."""
    found = {request.key: output for request, output in engine.generate(requests(sampling, seed))}
    return [found[str(place)] for place in range(len(PROMPTS))]


@torch.inference_mode()
def by_hand(model: Any, prompt: list[int], most: int, eos: int) -> tuple[list[int], str]:
    """(tokens, finish_reason): greedy decoding of one prompt without batch, padding or cache."""
    tokens: list[int] = []
    while len(tokens) < most:
        token = int(model(torch.tensor([prompt + tokens])).logits[0, -1].argmax())
        if token in (eos, model.generation_config.eos_token_id) and eos >= 0:
            return tokens, "stop"
        tokens.append(token)
    return tokens, "length"


def text(tokenizer: Any, tokens: list[int]) -> str:
    """As engines decode an answer."""
    return str(tokenizer.decode(tokens, skip_special_tokens=True))


def outputs(model: Any, most: int, eos: int, tokenizer: Any) -> list[Output]:
    """What an engine must give for each prompt, greedily."""
    found = [(prompt, *by_hand(model, prompt, most, eos)) for prompt in PROMPTS]
    return [
        Output(text(tokenizer, tokens), reason, len(prompt), len(tokens) + (reason == "stop"))
        for prompt, tokens, reason in found
    ]


def test_greedy_is_the_argmax_of_each_prompt_by_itself(
    lively: Path, tokenizer: Any, model: Any
) -> None:
    eos = tokenizer.eos_token_id
    assert generate(load(lively, eos, tokenizer), Sampling(12)) == outputs(
        model, 12, eos, tokenizer
    )


def test_answer_ends_before_the_eos_or_at_the_limit(
    lively: Path, tokenizer: Any, model: Any
) -> None:
    free, _ = by_hand(model, PROMPTS[0], 12, eos=-1)
    eos = next(
        token for token in free[3:] if token not in free[:3]
    )  # what it writes as its fourth token or later
    engine = load(lively, eos, tokenizer)
    found = generate(engine, Sampling(12))
    assert found == outputs(model, 12, eos, tokenizer)
    ends = free.index(eos)
    assert found[0] == Output(text(tokenizer, free[:ends]), "stop", len(PROMPTS[0]), ends + 1)
    assert generate(engine, Sampling(2))[0] == Output(
        text(tokenizer, free[:2]), "length", len(PROMPTS[0]), 2
    )


def test_answers_that_end_leave_the_batch_and_change_no_other(
    lively: Path, tokenizer: Any, model: Any
) -> None:
    """60 tokens are several rounds; with this EOS some answers end in the first, some later, some
    not at all.
    """
    free = [by_hand(model, prompt, 60, eos=-1)[0] for prompt in PROMPTS]
    firsts = {
        token: [row.index(token) if token in row else 60 for row in free]
        for row in free
        for token in row
    }
    eos = max(firsts, key=lambda token: len({place // 16 for place in firsts[token]}))
    assert len({place // 16 for place in firsts[eos]}) >= 3
    engine = load(lively, eos, tokenizer, batch_size=len(PROMPTS))
    assert generate(engine, Sampling(60)) == outputs(model, 60, eos, tokenizer)


def test_eos_as_the_last_token_allowed_is_a_stop(lively: Path, tokenizer: Any, model: Any) -> None:
    free, _ = by_hand(model, PROMPTS[0], 12, eos=-1)
    eos = next(token for token in free[3:] if token not in free[:3])
    assert (
        generate(load(lively, eos, tokenizer), Sampling(free.index(eos) + 1))[0].finish_reason
        == "stop"
    )


def test_same_seeds_same_draws(lively: Path, tokenizer: Any) -> None:
    engine = load(lively, tokenizer.eos_token_id, tokenizer)
    first = generate(engine, DRAWN)
    assert generate(engine, DRAWN) == first
    assert generate(engine, DRAWN, seed=100) != first
    assert first != generate(engine, Sampling(12))


def test_draws_do_not_depend_on_what_is_in_the_batch(lively: Path, tokenizer: Any) -> None:
    """Alone, in threes, all together, backwards, and with greedy ones and other limits beside it."""
    whole = generate(load(lively, tokenizer.eos_token_id, tokenizer, batch_size=99), DRAWN)
    for size in (1, 3):
        assert (
            generate(load(lively, tokenizer.eos_token_id, tokenizer, batch_size=size), DRAWN)
            == whole
        )
    engine = load(lively, tokenizer.eos_token_id, tokenizer, batch_size=99)
    others = [replace(one, key=f"x{one.key}", sampling=Sampling(7)) for one in requests(DRAWN)]
    mixed = {
        one.key: output for one, output in engine.generate([*others, *reversed(requests(DRAWN))])
    }
    assert [mixed[str(place)] for place in range(len(PROMPTS))] == whole
    assert [mixed[f"x{place}"] for place in range(len(PROMPTS))] == generate(engine, Sampling(7))


def test_draws_have_the_models_distribution(lively: Path, tokenizer: Any, model: Any) -> None:
    """First tokens of 3,000 draws at temperature 2, top_k 5, against the probabilities, by
    chi-square.
    """
    engine = load(lively, tokenizer.eos_token_id, tokenizer, batch_size=1000)
    sampling = Sampling(1, temperature=2.0, top_k=5)
    drawn = engine.generate(Request(str(seed), PROMPTS[0], seed, sampling) for seed in range(3000))
    counts = collections.Counter(
        output.text if output.completion_tokens else "" for _, output in drawn
    )
    with torch.inference_mode():
        top = (model(torch.tensor([PROMPTS[0]])).logits[0, -1] / 2).topk(5)
    wanted = {
        tokenizer.decode([token]): share
        for token, share in zip(top.indices, top.values.softmax(0), strict=True)
    }
    assert set(counts) <= set(wanted)
    shares = torch.stack(list(wanted.values())).double()
    seen = [counts[text] for text in wanted]
    assert scipy.stats.chisquare(seen, (shares / shares.sum() * 3000).numpy()).pvalue > 0.001


@pytest.mark.parametrize("top_p", [1e-6, 0.3, 0.95, 0.999])
@pytest.mark.parametrize("spread", [0.01, 1.0, 3.0, 9.0])
def test_nucleus_is_that_of_transformers(top_p: float, spread: float) -> None:
    """Of flat distributions, whose nucleus has more tokens than are looked at first, and of peaked
    ones.
    """
    scores = torch.randn(9, 5000, generator=torch.Generator().manual_seed(0)) * spread
    scores[0, 7:] = -torch.inf
    ids = torch.zeros(9, 1, dtype=torch.long)
    found = Nucleus(top_p)(ids, scores)
    assert torch.equal(found, TopPLogitsWarper(top_p)(ids, scores))
    assert 9 <= found.isfinite().sum() < 7 + 8 * 5000


def test_repetition_penalty_knows_no_padding(lively: Path, tokenizer: Any) -> None:
    penalized = Sampling(12, repetition_penalty=1.5)
    alone = generate(load(lively, tokenizer.eos_token_id, tokenizer, batch_size=1), penalized)
    assert (
        generate(load(lively, tokenizer.eos_token_id, tokenizer, batch_size=99), penalized) == alone
    )
    assert alone != generate(load(lively, tokenizer.eos_token_id, tokenizer), Sampling(12))


def test_models_own_generation_config_changes_nothing(lively: Path, tokenizer: Any) -> None:
    engine = load(lively, tokenizer.eos_token_id, tokenizer)
    greedy, drawn = generate(engine, Sampling(12)), generate(engine, DRAWN)
    odd = GenerationConfig(
        do_sample=True, top_k=1, temperature=0.1, repetition_penalty=9.0, max_length=3
    )
    engine.model.generation_config = odd
    assert generate(engine, Sampling(12)) == greedy
    engine.model.generation_config = odd
    assert generate(engine, DRAWN) == drawn


@pytest.mark.parametrize("narrow", [{"top_p": 1e-6}, {"top_k": 1}, {"min_p": 0.999999}])
def test_narrowest_sampling_is_greedy(lively: Path, tokenizer: Any, narrow: dict[str, Any]) -> None:
    engine = load(lively, tokenizer.eos_token_id, tokenizer)
    assert generate(engine, Sampling(12, temperature=1.0, **narrow)) == generate(
        engine, Sampling(12)
    )


@pytest.mark.parametrize("special", [True, False])
def test_special_tokens_stay_where_a_format_needs_them(
    tiny: Path, tokenizer: Any, special: bool
) -> None:
    own = copy.deepcopy(tokenizer)
    own.add_special_tokens({"additional_special_tokens": ["<|channel|>"]})
    engine: Any = engines.load(Model(str(tiny), own, special=special), CONFIG, "inference")
    found = engine._output(
        requests(Sampling(9))[0], own("a<|channel|>b", add_special_tokens=False)["input_ids"]
    )
    assert found.text == ("a<|channel|>b" if special else "ab")


def test_no_requests_no_outputs(lively: Path, tokenizer: Any) -> None:
    assert not list(load(lively, tokenizer.eos_token_id, tokenizer).generate([]))


def test_requests_are_drawn_in_chunks(lively: Path, tokenizer: Any) -> None:
    drawn = []

    def source() -> Iterator[Request]:
        for number in range(1000):
            drawn.append(number)
            yield Request(str(number), PROMPTS[number % 5], number, Sampling(1))

    stream = load(lively, tokenizer.eos_token_id, tokenizer).generate(source())
    next(stream)
    assert len(drawn) < 200


def test_unknown_engine_is_answered_with_the_known_ones() -> None:
    complaint = r"teachers.x.inference.engine: 'llama' is unknown; known: openai, ray, scripted, transformers, vllm"
    with pytest.raises(StageError, match=complaint):
        engines.load(Model("m"), {"engine": "llama"}, "teachers.x.inference")


def test_unknown_dtype_is_named(tiny: Path, tokenizer: Any) -> None:
    with pytest.raises(StageError, match=r"inference: dtype: 'bf16' is unknown; expected bfloat16"):
        load(tiny, 0, tokenizer, dtype="bf16")


def test_penalties_that_transformers_has_not_are_refused(lively: Path, tokenizer: Any) -> None:
    with pytest.raises(StageError, match="transformers has no presence_penalty"):
        generate(load(lively, tokenizer.eos_token_id, tokenizer), Sampling(2, presence_penalty=0.5))


@pytest.mark.parametrize("weights", [None, b"", b"not safetensors at all"])
def test_folder_without_readable_weights_is_named(
    tiny: Path, tmp_path: Path, tokenizer: Any, weights: bytes | None
) -> None:
    (tmp_path / "config.json").write_bytes((tiny / "config.json").read_bytes())
    if weights is not None:
        (tmp_path / "model.safetensors").write_bytes(weights)
    with pytest.raises(StageError, match="no weights that transformers can load"):
        load(tmp_path, tokenizer.eos_token_id, tokenizer)


@pytest.mark.parametrize(
    ("most", "temperature", "top_p"),
    [(0, 0.0, 1.0), (-1, 0.0, 1.0), (9, -0.1, 1.0), (9, 1.0, 0.0), (9, 1.0, 1.1)],
)
def test_sampling_out_of_range_is_refused(most: int, temperature: float, top_p: float) -> None:
    with pytest.raises(
        StageError, match="expected max_new_tokens >= 1, temperature >= 0, 0 < top_p <= 1"
    ):
        Sampling(most, temperature, top_p)


@pytest.mark.parametrize("odd", [{"top_k": -1}, {"min_p": 1.0}, {"repetition_penalty": 0.0}])
def test_further_sampling_out_of_range_is_refused(odd: dict[str, Any]) -> None:
    with pytest.raises(
        StageError, match="expected top_k >= 0, 0 <= min_p < 1, repetition_penalty > 0"
    ):
        Sampling(9, **odd)


def test_derived_seeds_are_the_same_everywhere() -> None:
    assert engines.derived_seed(1, "q0", 0) == 4365810938667751955
    assert (
        len(
            {
                engines.derived_seed(seed, f"q{n}", sample)
                for seed in (1, 2)
                for n in (0, 1)
                for sample in (0, 1)
            }
        )
        == 8
    )
