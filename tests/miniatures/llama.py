"""Llama 3.1 8B, a base model, and Llama 3.3 70B Instruct: long RoPE, an LM head of its own, no
think tokens.
"""

from tests.miniatures.family import Model
from tests.miniatures.tokenizer import Vocabulary

NAMED = {
    "<|begin_of_text|>": 128000,
    "<|end_of_text|>": 128001,
    "<|finetune_right_pad_id|>": 128004,
    "<|start_header_id|>": 128006,
    "<|end_header_id|>": 128007,
    "<|eom_id|>": 128008,
    "<|eot_id|>": 128009,
    "<|python_tag|>": 128010,
}
_FREE = [number for number in range(128000, 128256) if number not in NAMED.values()]
SPECIAL = NAMED | {
    f"<|reserved_special_token_{place}|>": number for place, number in enumerate(_FREE)
}
VOCABULARY = Vocabulary(special=SPECIAL, plain={}, begins="<|begin_of_text|>")
# A system turn is always there, with two dates: the template's own day unless `date_string` is
# given, no clock, as in llama.cpp's models/templates/meta-llama-Llama-3.3-70B-Instruct.jinja
TEMPLATE = (
    "{{ bos_token }}{%- set ns = namespace(system='') %}"
    "{%- if messages[0].role == 'system' %}{% set ns.system = messages[0].content | trim %}"
    "{% set messages = messages[1:] %}{% endif %}"
    "{%- if date_string is not defined %}{% set date_string = '26 Jul 2024' %}{% endif %}"
    "<|start_header_id|>system<|end_header_id|>\n\nLearned until: 12/2023\nThe day: {{ date_string }}\n\n"
    "{{ ns.system }}<|eot_id|>"
    "{%- for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n{{ m.content | trim }}<|eot_id|>"
    "{%- endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "attention_bias": False,
    "bos_token_id": 128000,
    "eos_token_id": 128001,
    "hidden_act": "silu",
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "max_position_embeddings": 131072,
    "rms_norm_eps": 1e-05,
    "rope_scaling": {
        "factor": 8.0,
        "high_freq_factor": 4.0,
        "low_freq_factor": 1.0,
        "original_max_position_embeddings": 8192,
        "rope_type": "llama3",
    },
    "rope_theta": 500000.0,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "transformers_version": "4.43.0.dev0",
    "vocab_size": 128256,
}
TOKENIZER = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "bos_token": "<|begin_of_text|>",
    "clean_up_tokenization_spaces": True,
    "model_input_names": ["input_ids", "attention_mask"],
    "model_max_length": 131072,
}
SAMPLED = {"do_sample": True, "temperature": 0.6, "top_p": 0.9, "bos_token_id": 128000}


def _map(eos: str) -> dict[str, dict[str, str]]:
    return {"bos_token": {"content": "<|begin_of_text|>"}, "eos_token": {"content": eos}}


BASE = Model(
    config=CONFIG,
    vocabulary=VOCABULARY,
    tokenizer=TOKENIZER | {"eos_token": "<|end_of_text|>"},
    generation=SAMPLED | {"eos_token_id": [128001, 128009]},
    special_tokens_map=_map("<|end_of_text|>"),
)
INSTRUCT = Model(
    config=CONFIG
    | {"eos_token_id": [128001, 128008, 128009], "transformers_version": "4.47.0.dev0"},
    vocabulary=VOCABULARY,
    tokenizer=TOKENIZER | {"eos_token": "<|eot_id|>", "chat_template": TEMPLATE},
    generation=SAMPLED | {"eos_token_id": [128001, 128008, 128009]},
    special_tokens_map=_map("<|eot_id|>"),
)
MODELS = {"meta-llama/Llama-3.1-8B": BASE, "meta-llama/Llama-3.3-70B-Instruct": INSTRUCT}
