"""Bytes of weights, keys and values, and training, of models whose numbers are known."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from stages.core.training import adapters
from stages.core.training.settings import Method, Training
from tests.made import FULL, LORA
from tests.miniatures import MODELS
from tools.preflight import memory
from tools.preflight.lines import Report
from tools.preflight.memory import Room

LLAMA8B = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "tie_word_embeddings": False,
}
LLAMA70B = LLAMA8B | {
    "hidden_size": 8192,
    "intermediate_size": 28672,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
}
ADAPTER = dataclasses.replace(
    LORA, optimizer="adamw_torch_8bit", batch_size=1, lora=LORA.lora | {"rank": 64}
)  # type: ignore[operator]
EIGHT = dataclasses.replace(FULL, optimizer="adamw_torch_8bit", batch_size=1)


def written(folder: Path, config: dict[str, Any]) -> Path:
    """A folder with a config alone."""
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def qwen08b() -> dict[str, Any]:
    """The config of Qwen3.5-0.8B, as large as its 24 layers really are where activations depend on
    it.
    """
    config: dict[str, Any] = json.loads(json.dumps(MODELS["Qwen/Qwen3.5-0.8B-Base"].config))
    kinds = (["linear_attention"] * 3 + ["full_attention"]) * 6
    config["text_config"] |= {
        "hidden_size": 1024,
        "intermediate_size": 3584,
        "num_hidden_layers": 24,
    }
    config["text_config"] |= {"layer_types": kinds, "num_key_value_heads": 2, "head_dim": 256}
    return config


def test_parameters_and_keys_are_those_of_the_card(tmp_path: Path) -> None:
    model = memory.skeleton(written(tmp_path, LLAMA8B))
    assert memory.parameters(model) == 8_030_261_248
    assert adapters.expected_trainable(model, ADAPTER) == 167_772_160
    assert memory.of_a_token(model.config) == 131_072
    assert memory.largest(model) == 2 * 128_256 * 4096 + 4096


def test_layers_without_full_attention_add_no_keys(tmp_path: Path) -> None:
    model = memory.skeleton(written(tmp_path, qwen08b()))
    assert memory.of_a_token(model.config.get_text_config()) == 6 * 2 * 2 * 2 * 256


@pytest.mark.parametrize(
    ("inference", "room", "status", "finding"),
    [
        # 141 GB of weights on two GPUs of 141 GB, less a tenth; a sequence of 65,536 tokens takes
        # 21.5 GB
        ({"engine": "vllm", "options": {"tensor_parallel_size": 2}}, 141.0, "ok", "room for 5"),
        ({"engine": "vllm", "options": {"tensor_parallel_size": 1}}, 141.0, "error", "GB short"),
        ({"engine": "vllm", "options": {"tensor_parallel_size": 2}}, 80.0, "error", "GB short"),
        ({"engine": "vllm", "options": {"tensor_parallel_size": 4}}, 80.0, "ok", "room for 6"),
    ],
)
def test_weights_and_keys_are_held_against_the_gpus(
    tmp_path: Path, inference: dict[str, Any], room: float, status: str, finding: str
) -> None:
    options = inference["options"] | {"max_model_len": 65536}
    replica = inference["options"]["tensor_parallel_size"]
    entry = {
        "engine": "ray",
        "replicas": 4,
        "gpus": replica,
        "run": {"engine": "vllm", "options": options},
    }
    for section in (inference | {"options": options}, entry):
        report = Report()
        folder = written(tmp_path, LLAMA70B)
        memory.check_serving(
            folder, 141_100_000_000, section, Room(room, 1.0), report, "compressors.llama70b"
        )
        (line,) = report.lines
        assert line.status == status
        assert finding in line.finding
        assert (f"4 replicas, {4 * replica} GPUs in total" in line.finding) == (section is entry)


@pytest.mark.parametrize(
    ("inference", "finding"),
    [
        (
            {"engine": "vllm", "options": {"tensor_parallel_size": 3}},
            "64 attention heads cannot be shared among",
        ),
        (
            {
                "engine": "ray",
                "gpus": 1,
                "run": {"engine": "vllm", "options": {"tensor_parallel_size": 2}},
            },
            "gpus of a replica are 1, and tensor_parallel_size x pipeline_parallel_size are 2",
        ),
        (
            {
                "engine": "ray",
                "gpus": 4,
                "run": {"engine": "vllm", "options": {"pipeline_parallel_size": 2}},
            },
            "are 4",
        ),
        ({"engine": "ray", "run": {"engine": "vllm"}}, "are 0"),
    ],
)
def test_gpus_that_do_not_fit_the_split_of_a_model_are_an_error(
    tmp_path: Path, inference: dict[str, Any], finding: str
) -> None:
    report = Report()
    memory.check_serving(
        written(tmp_path, LLAMA70B), 0, inference, Room(141.0, 1.0), report, "mine"
    )
    (line,) = (line for line in report.lines if line.check == "GPUs")
    assert line.status == "error"
    assert finding in line.finding


def test_checkpoint_has_what_is_trained_and_its_states() -> None:
    assert memory.checkpoint(EIGHT, 10) == 60
    assert memory.checkpoint(FULL, 10) == 120


def of_training(
    model: Any, method: Method, training: Training, trainable: int = 0
) -> dict[str, float]:
    """The parts for rows of 32,768 tokens, with frozen weights in bf16."""
    return memory.of_training(
        model, method, training, max_tokens=32768, trainable=trainable, frozen_bytes=2
    )


def test_training_is_what_its_parts_take(tmp_path: Path) -> None:
    model = memory.skeleton(written(tmp_path, LLAMA8B))
    training = Training(processes=8, checkpointing=True)
    full = of_training(model, EIGHT, training, memory.parameters(model))
    assert full["weights"] == pytest.approx(4 * 8.030 / 8, rel=0.001)
    assert full["gradients and states"] == pytest.approx(6 * 8.030 / 8, rel=0.001)
    assert 35 < full["activations"] < 60
    lora = of_training(model, ADAPTER, training, 167_772_160)
    assert lora["weights"] == pytest.approx((2 * 8.030 + 4 * 0.1678) / 8, rel=0.001)
    alone = of_training(model, EIGHT, Training(checkpointing=True), memory.parameters(model))
    assert sum(alone.values()) > 120
    assert "gathered" not in alone


def test_activations_of_the_small_student_are_those_measured(tmp_path: Path) -> None:
    model = memory.skeleton(written(tmp_path, qwen08b()))
    kept = of_training(model, EIGHT, Training())["activations"]
    assert kept == pytest.approx(170 * 1.0737, rel=0.01)  # 170 GiB, which no GPU of 141 GB has
    less = of_training(model, EIGHT, Training(checkpointing=True))["activations"]
    assert less < 15


def test_eager_attention_keeps_squares(tmp_path: Path) -> None:
    model = memory.skeleton(written(tmp_path, LLAMA8B))
    training = Training(attention="eager", checkpointing=True)
    attention = of_training(model, EIGHT, training)["attention"]
    assert attention == pytest.approx(6 * 32 * 32768**2 / 1e9)
