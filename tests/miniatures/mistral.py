"""Ministral 3 14B Instruct: a config of text and vision parts, FP8 projections, and two forms of
its tokenizer.

Names (`language_model.model.`, `vision_tower.`, `multi_modal_projector.`) rest on the "llava" entry
of transformers/conversion_mapping.py and on vllm/model_executor/models/mistral3.py, the
quantization on pull request 42715 of huggingface/transformers. Beside the tokenizer's files is
mistral-common's `tekken.json`.
"""

import re

from tests.miniatures import weights
from tests.miniatures.family import Model
from tests.miniatures.tokenizer import SPLIT, Vocabulary, tekken
from tests.miniatures.weights import Tensors

RESERVED = 1000  # ids before the first byte
_NAMED = {
    **{token: number for number, token in enumerate(("<unk>", "<s>", "</s>", "[INST]", "[/INST]"))},
    **{
        "[AVAILABLE_TOOLS]": 5,
        "[/AVAILABLE_TOOLS]": 6,
        "[TOOL_RESULTS]": 7,
        "[/TOOL_RESULTS]": 8,
        "[TOOL_CALLS]": 9,
    },
    **{
        "[IMG]": 10,
        "<pad>": 11,
        "[IMG_BREAK]": 12,
        "[IMG_END]": 13,
        "[PREFIX]": 14,
        "[MIDDLE]": 15,
        "[SUFFIX]": 16,
    },
    **{
        "[SYSTEM_PROMPT]": 17,
        "[/SYSTEM_PROMPT]": 18,
        "[TOOL_CONTENT]": 19,
        "[AUDIO]": 24,
        "[BEGIN_AUDIO]": 25,
    },
    **{"[ARGS]": 32, "[CALL_ID]": 33, "[THINK]": 34, "[/THINK]": 35},
}
SPECIAL = {
    f"<SPECIAL_{number}>": number for number in range(RESERVED) if number not in _NAMED.values()
} | _NAMED
# The split of its tekken.json; that of its tokenizer.json is another, as transformers warns of this
# family's large ones
DIGITS = SPLIT.replace("{1,3}", "")
VOCABULARY = Vocabulary(special=SPECIAL, plain={}, first=RESERVED, begins="<s>", size=131072)
# Without a system message its own is written, long and with today's date
TEMPLATE = (
    "{{ bos_token }}{%- macro own() %}{{ 'You are a model that helps. Today is ' ~ strftime_now('%Y-%m-%d') ~ '. ' "
    "~ 'Say so when you do not know. ' * 40 }}{% endmacro %}"
    "{%- if messages[0].role == 'system' %}[SYSTEM_PROMPT]{{ messages[0].content }}[/SYSTEM_PROMPT]"
    "{%- set rest = messages[1:] %}{% else %}[SYSTEM_PROMPT]{{ own() }}[/SYSTEM_PROMPT]"
    "{%- set rest = messages %}{% endif %}"
    "{%- for m in rest %}{% if m.role == 'user' %}[INST]{{ m.content }}[/INST]"
    "{%- else %}{{ m.content }}{{ eos_token }}{% endif %}{% endfor %}"
)
TEXT = {
    "attention_dropout": 0.0,
    "head_dim": 32,
    "hidden_act": "silu",
    "hidden_size": 32,
    "initializer_range": 0.02,
    "intermediate_size": 64,
    "max_position_embeddings": 262144,
    "model_type": "ministral3",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-05,
    "rope_parameters": {
        "beta_fast": 32.0,
        "beta_slow": 1.0,
        "factor": 16.0,
        "llama_4_scaling_beta": 0.1,
        "mscale": 1.0,
        "mscale_all_dim": 1.0,
        "original_max_position_embeddings": 16384,
        "rope_theta": 1000000000.0,
        "rope_type": "yarn",
        "type": "yarn",
    },
    "sliding_window": None,
    "tie_word_embeddings": False,
    "use_cache": True,
    "vocab_size": 131072,
}
VISION = {
    "attention_dropout": 0.0,
    "head_dim": 16,
    "hidden_act": "silu",
    "hidden_size": 32,
    "image_size": 1540,
    "initializer_range": 0.02,
    "intermediate_size": 64,
    "model_type": "pixtral",
    "num_attention_heads": 2,
    "num_channels": 3,
    "num_hidden_layers": 2,
    "patch_size": 14,
    "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
}
CONFIG = {
    "architectures": ["Mistral3ForConditionalGeneration"],
    "dtype": "bfloat16",
    "image_token_index": 10,
    "model_type": "mistral3",
    "multimodal_projector_bias": False,
    "projector_hidden_act": "gelu",
    "quantization_config": {
        "activation_scheme": "static",
        "dequantize": False,
        "modules_to_not_convert": ["model.vision_tower", "model.multi_modal_projector", "lm_head"],
        "quant_method": "fp8",
        "weight_block_size": None,
    },
    "spatial_merge_size": 2,
    "text_config": TEXT,
    "tie_word_embeddings": False,
    "transformers_version": "5.0.0.dev0",
    "vision_config": VISION,
    "vision_feature_layer": -1,
}
INSIDE = "language_model.model.layers."


def _stored(tensors: Tensors) -> Tensors:
    """The hub's names, with the text part's projections in FP8."""
    renamed = {}
    for name, tensor in tensors.items():
        name = name.replace("model.language_model.", "language_model.model.")
        name = re.sub(r"^lm_head", "language_model.lm_head", name.removeprefix("model."))
        renamed[name] = tensor
    return weights.fp8(renamed, INSIDE)


MODELS = {
    "mistralai/Ministral-3-14B-Instruct-2512": Model(
        config=CONFIG,
        vocabulary=VOCABULARY,
        tokenizer={
            "tokenizer_class": "TokenizersBackend",
            "backend": "tokenizers",
            "bos_token": "<s>",
            "eos_token": "</s>",
            "model_max_length": 262144,
            "pad_token": "<pad>",
            "unk_token": "<unk>",
        },
        generation={"bos_token_id": 1, "eos_token_id": 2, "max_length": 262144, "pad_token_id": 11},
        template=TEMPLATE,
        texts={"tekken.json": tekken(VOCABULARY, DIGITS)},
        stored=_stored,
    )
}
