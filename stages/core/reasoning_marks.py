"""The marks by which models set their reasoning apart from their answer.

A mark is a model's name for its reasoning in one of several styles of brackets, a phrase, or a
channel of gpt-oss (OpenAI's harmony format).
"""

import re

# Models' names for their reasoning, as in <think>
THINKING = (
    r"(?:[a-z][\w.-]{0,20}[:_|])?(?:think(?:ing)?|thoughts?|thought_process|chain_of_thought)"
)
# Such names that are also tags of documents, so they count only at the beginning or the end of a
# text
OTHERS = (
    r"reasoning|reason|analysis|reflection|rationale|scratchpad|cot|inner_monologue"
    r"|internal_monologue"
)
# (opening mark, closing mark) with {} for the name
STYLES = (
    ("<{}>", "</{}>"),
    ("[{}]", "[/{}]"),
    ("\u25c1{}\u25b7", "\u25c1/{}\u25b7"),
    ("<|begin_of_{}|>", "<|end_of_{}|>"),
    ("<|start_of_{}|>", "<|end_of_{}|>"),
    ("<|begin_{}|>", "<|end_{}|>"),
    ("<|start_{}|>", "<|end_{}|>"),
    ("<|{}_begin|>", "<|{}_end|>"),
    ("<|{}_start|>", "<|{}_end|>"),
    ("<|{}|>", "<|/{}|>"),  # after those that have more in their names
    ("<\uff5c{}\uff5c>", "<\uff5c/{}\uff5c>"),
)
# Marks without a name: before the reasoning, and before the answer
PHRASES = (
    (r"(?:assistant\n*)?analysis", r"assistant\n*final"),  # harmony without its special tokens
    (r"<\|channel>\s*\w+\n", r"<channel\|>"),
    (r"<unused94>\s*thought\n", r"<unused95>"),
    (r"here are my reasoning steps:", r"\[begin final response\]"),
    (r"here is my thought process:", r"here is my response:"),
    (r"#+ *thinking\b:?[^\S\n]*\n", r"\n#+ *(?:final )?(?:response|answer)\b:?[^\S\n]*\n"),
)
# (channel, body) of <|channel|>analysis<|message|>1 + 1 = 2<|end|>
_CHANNEL = re.compile(
    r"<\|channel\|>\s*(\w+)[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>(.*?)"
    r"(?=<\|(?:end|return|call|start|channel)\|>|$)",
    re.DOTALL,
)


def channels(text: str) -> list[tuple[str, str]]:
    """(channel, body) of each message in the harmony format, in the order of the text."""
    messages: list[tuple[str, str]] = _CHANNEL.findall(text)
    return messages


def _any_mark(names: str) -> str:
    """A pattern of the marks of all styles, opening or closing, with one of these names."""
    patterns = []
    for style in STYLES:
        for form in style:
            patterns.append(re.escape(form).replace(r"\{\}", f"(?:{names})"))
    return f"(?:{'|'.join(patterns)})"


def _final_marks() -> list[re.Pattern[str]]:
    """Patterns of the marks that count only at the end of a text."""
    patterns = [_any_mark(OTHERS)]
    for opening, _ in PHRASES:
        # A phrase begins a word: "analysis" is not found in "meta_analysis"
        patterns.append(rf"(?:\b|(?!\w))(?:{opening})")
    return [re.compile(rf"{pattern}\s*$", re.IGNORECASE) for pattern in patterns]


_ANYWHERE = re.compile(_any_mark(THINKING), re.IGNORECASE)
_AT_THE_END = _final_marks()


def in_header(header: str) -> bool:
    """Whether the header of a model's turn marks reasoning.

    Marks with other meanings too count only at its end.
    """
    if _ANYWHERE.search(header) or any(pattern.search(header) for pattern in _AT_THE_END):
        return True
    return any(channel != "final" for channel, _ in channels(header))
