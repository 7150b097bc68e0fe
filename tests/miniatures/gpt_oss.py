"""gpt-oss 20B and 120B: experts in MXFP4, sinks in the attention, windows in every other layer,
harmony's tokens.
"""

import torch

from tests.miniatures import weights
from tests.miniatures.family import Model
from tests.miniatures.tokenizer import Vocabulary
from tests.miniatures.weights import Tensors

NAMED = {
    "<|startoftext|>": 199998,
    "<|endoftext|>": 199999,
    "<|return|>": 200002,
    "<|constrain|>": 200003,
    "<|channel|>": 200005,
    "<|start|>": 200006,
    "<|end|>": 200007,
    "<|message|>": 200008,
    "<|call|>": 200012,
    "<|endofprompt|>": 200018,
}
_FREE = [number for number in range(199998, 200019) if number not in NAMED.values()]
SPECIAL = NAMED | {f"<|reserved_{number}|>": number for number in _FREE}
# Today's date, the effort and the channels stand in a system turn; of earlier answers the final
# channel is kept alone
TEMPLATE = (
    "<|start|>system<|message|>You are a large language model.\nKnowledge cutoff: 2024-06\n"
    "Current date: {{ strftime_now('%Y-%m-%d') }}\n\nReasoning: {{ reasoning_effort | default('medium') }}\n\n"
    "# Channels that there are: analysis, commentary, final. Each message has one.<|end|>"
    "{%- for m in messages %}{% if m.role == 'system' %}"
    "<|start|>developer<|message|># Instructions\n\n{{ m.content }}\n\n<|end|>"
    "{%- elif m.role == 'assistant' %}<|start|>assistant<|channel|>final<|message|>{{ m.content }}<|end|>"
    "{%- else %}<|start|>{{ m.role }}<|message|>{{ m.content }}<|end|>{% endif %}{% endfor %}"
    "{%- if add_generation_prompt %}<|start|>assistant{% endif %}"
)
QUANTIZATION = {
    "modules_to_not_convert": [
        "model.layers.*.self_attn",
        "model.layers.*.mlp.router",
        "model.embed_tokens",
        "lm_head",
    ],
    "quant_method": "mxfp4",
}
CONFIG = {
    "architectures": ["GptOssForCausalLM"],
    "model_type": "gpt_oss",
    "attention_bias": True,
    "attention_dropout": 0.0,
    "eos_token_id": 200002,
    "pad_token_id": 199999,
    "experts_per_token": 2,
    "num_experts_per_tok": 2,
    "num_local_experts": 4,
    "head_dim": 32,
    "hidden_act": "silu",
    "hidden_size": 32,
    "intermediate_size": 32,
    "initial_context_length": 4096,
    "initializer_range": 0.02,
    "layer_types": ["sliding_attention", "full_attention"],
    "max_position_embeddings": 131072,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "output_router_logits": False,
    "quantization_config": QUANTIZATION,
    "rms_norm_eps": 1e-05,
    "rope_scaling": {
        "beta_fast": 32.0,
        "beta_slow": 1.0,
        "factor": 32.0,
        "original_max_position_embeddings": 4096,
        "rope_type": "yarn",
        "truncate": False,
    },
    "rope_theta": 150000,
    "router_aux_loss_coef": 0.9,
    "sliding_window": 128,
    "swiglu_limit": 7.0,
    "tie_word_embeddings": False,
    "transformers_version": "4.55.0.dev0",
    "use_cache": True,
    "vocab_size": 201088,
}


def _original(_: Tensors) -> dict[str, Tensors]:
    """The same weights once more in OpenAI's own form, which nothing here reads."""
    return {
        "original/model.safetensors": {"embedding.weight": torch.zeros(1, dtype=torch.bfloat16)}
    }


def _model(experts: int, shards: int) -> Model:
    return Model(
        config=CONFIG | {"num_local_experts": experts},
        vocabulary=Vocabulary(special=SPECIAL, plain={}),
        tokenizer={
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": "<|startoftext|>",
            "eos_token": "<|return|>",
            "pad_token": "<|endoftext|>",
            "clean_up_tokenization_spaces": False,
            "model_input_names": ["input_ids", "attention_mask"],
        },
        generation={
            "bos_token_id": 199998,
            "do_sample": True,
            "eos_token_id": [200002, 199999, 200012],
            "pad_token_id": 199999,
        },
        special_tokens_map={
            "bos_token": "<|startoftext|>",
            "eos_token": "<|return|>",
            "pad_token": "<|endoftext|>",
        },
        template=TEMPLATE,
        stored=weights.mxfp4,
        beside=_original,
        shards=shards,
    )


MODELS = {"openai/gpt-oss-20b": _model(4, 2), "openai/gpt-oss-120b": _model(8, 3)}
