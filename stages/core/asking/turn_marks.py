"""Marks of a turn that a prompt must not hold."""

import re

# Marks of a turn in the templates of the usual families, for models whose tokenizer only a server
# has. It finds <|im_end|>, </s>, [/INST], <start_of_turn> and DeepSeek's <\uff5cUser\uff5c>.
TURN_MARKS = re.compile(
    r"""
    <\|[^|<>\s]{1,40}\|>
    | </?s>
    | \[/?INST\]
    | </?(?:start_of|end_of)_turn>
    | <\uff5c[^<>\s]{1,40}\uff5c>
    """,
    re.VERBOSE,
)
