"""Qwen3.5: a config of text and vision parts, linear attention in three layers of four, a head for
a second token.

The text part's tensors have the prefix `model.language_model.`, the vision part's `model.visual.`,
and `mtp.` is what vLLM alone reads (vllm/model_executor/models/qwen3_5_mtp.py); fused experts are
(experts, out, in) as in transformers' Qwen3_5MoeExperts.
"""

from typing import Any

import torch
from transformers.models.qwen3_5.tokenization_qwen3_5 import PRETOKENIZE_REGEX

from tests.miniatures.family import Model
from tests.miniatures.tokenizer import Vocabulary
from tests.miniatures.weights import Tensors

_MARKS = (
    "endoftext im_start im_end object_ref_start object_ref_end box_start box_end quad_start quad_end "
    "vision_start vision_end vision_pad image_pad video_pad"
).split()
_FILL = ("fim_prefix", "fim_middle", "fim_suffix", "fim_pad", "repo_name", "file_sep")
SPECIAL = {f"<|{name}|>": 248044 + place for place, name in enumerate(_MARKS)}
PLAIN = (
    {"<tool_call>": 248058, "</tool_call>": 248059}
    | {f"<|{name}|>": 248060 + place for place, name in enumerate(_FILL)}
    | {"<tool_response>": 248066, "</tool_response>": 248067, "<think>": 248068, "</think>": 248069}
)
VOCABULARY = Vocabulary(special=SPECIAL, plain=PLAIN, split=PRETOKENIZE_REGEX, composes=True)
# Think blocks of earlier answers are stripped; the new answer's is opened, or written empty
TEMPLATE = (
    "{%- for m in messages %}{% set said = m.content %}"
    "{%- if m.role == 'assistant' and '</think>' in said %}"
    "{% set said = said.split('</think>')[-1].lstrip('\\n') %}{% endif %}"
    "<|im_start|>{{ m.role }}\n{{ said }}<|im_end|>\n{% endfor %}"
    "{%- if add_generation_prompt %}<|im_start|>assistant\n"
    "{%- if enable_thinking | default(THINKS) %}<think>\n{% else %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
LAYERS = 4
TEXT: dict[str, Any] = {
    "attention_bias": False,
    "attention_dropout": 0.0,
    "attn_output_gate": True,
    "dtype": "bfloat16",
    "eos_token_id": 248044,
    "full_attention_interval": 4,
    "head_dim": 32,
    "hidden_act": "silu",
    "hidden_size": 32,
    "initializer_range": 0.02,
    "intermediate_size": 64,
    "layer_types": ["linear_attention"] * (LAYERS - 1) + ["full_attention"],
    "linear_conv_kernel_dim": 4,
    "linear_key_head_dim": 16,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_value_head_dim": 16,
    "mamba_ssm_dtype": "float32",
    "max_position_embeddings": 262144,
    "mtp_num_hidden_layers": 1,
    "mtp_use_dedicated_embeddings": False,
    "num_attention_heads": 4,
    "num_hidden_layers": LAYERS,
    "num_key_value_heads": 2,
    "partial_rotary_factor": 0.25,
    "rms_norm_eps": 1e-06,
    "rope_parameters": {
        "mrope_interleaved": True,
        "mrope_section": [2, 1, 1],
        "partial_rotary_factor": 0.25,
        "rope_theta": 10000000,
        "rope_type": "default",
    },
    "use_cache": True,
    "vocab_size": 248320,
}
EXPERTS = {
    "moe_intermediate_size": 32,
    "num_experts": 8,
    "num_experts_per_tok": 2,
    "router_aux_loss_coef": 0.001,
    "shared_expert_intermediate_size": 32,
}
VISION = {
    "deepstack_visual_indexes": [],
    "depth": 2,
    "hidden_act": "gelu_pytorch_tanh",
    "hidden_size": 32,
    "in_channels": 3,
    "initializer_range": 0.02,
    "intermediate_size": 64,
    "num_heads": 2,
    "num_position_embeddings": 16,
    "out_hidden_size": 32,
    "patch_size": 16,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
}
TOKENIZER = {
    "tokenizer_class": "Qwen2Tokenizer",
    "add_prefix_space": False,
    "bos_token": None,
    "clean_up_tokenization_spaces": False,
    "eos_token": "<|im_end|>",
    "model_max_length": 262144,
    "pad_token": "<|endoftext|>",
    "split_special_tokens": False,
    "unk_token": None,
}
SAMPLED = {"do_sample": True, "temperature": 0.6, "top_k": 20, "top_p": 0.95}


def _config(kind: str, architecture: str, text: dict[str, Any], *, tied: bool) -> dict[str, Any]:
    return {
        "architectures": [architecture],
        "image_token_id": SPECIAL["<|image_pad|>"],
        "model_type": kind,
        "text_config": TEXT | {"model_type": f"{kind}_text", "tie_word_embeddings": tied} | text,
        "tie_word_embeddings": tied,
        "transformers_version": "4.57.0.dev0",
        "video_token_id": SPECIAL["<|video_pad|>"],
        "vision_config": VISION | {"model_type": kind},
        "vision_end_token_id": SPECIAL["<|vision_end|>"],
        "vision_start_token_id": SPECIAL["<|vision_start|>"],
    }


def _with_mtp(tensors: Tensors) -> Tensors:
    """The same and the head for a second token: a layer like the model's full-attention one, and
    what leads to it.
    """
    inside = f"model.language_model.layers.{LAYERS - 1}."
    layer = {
        name.replace(inside, "mtp.layers.0."): tensor.clone()
        for name, tensor in tensors.items()
        if inside in name
    }
    norm = tensors["model.language_model.norm.weight"]
    norms = ("norm", "pre_fc_norm_embedding", "pre_fc_norm_hidden")
    led = {f"mtp.{name}.weight": norm.clone() for name in norms}
    fc = torch.randn(len(norm), 2 * len(norm)) * 0.02
    return tensors | layer | led | {"mtp.fc.weight": fc.to(norm.dtype)}


def _dense(*, tied: bool, thinks: bool) -> Model:
    return Model(
        config=_config("qwen3_5", "Qwen3_5ForConditionalGeneration", {}, tied=tied),
        vocabulary=VOCABULARY,
        tokenizer=TOKENIZER,
        template=TEMPLATE.replace("THINKS", str(thinks).lower()),
        stored=_with_mtp,
        pattern="model.safetensors-{:05}-of-{:05}.safetensors",
        shards=1 if tied else 4,
    )


MODELS = {
    "Qwen/Qwen3.5-0.8B-Base": _dense(tied=True, thinks=False),
    "Qwen/Qwen3.5-9B-Base": _dense(tied=False, thinks=True),
    "Qwen/Qwen3.5-397B-A17B": Model(
        config=_config("qwen3_5_moe", "Qwen3_5MoeForConditionalGeneration", EXPERTS, tied=False),
        vocabulary=VOCABULARY,
        tokenizer=TOKENIZER,
        template=TEMPLATE.replace("THINKS", "true"),
        generation=SAMPLED
        | {"bos_token_id": 248044, "eos_token_id": [248046, 248044], "pad_token_id": 248044},
        stored=_with_mtp,
        pattern="model.safetensors-{:05}-of-{:05}.safetensors",
        shards=4,
    ),
}
