"""A miniature's tokenizer: a vocabulary of bytes and some common words, and the real special tokens
at their real ids.

The ids between the words and the special tokens, where the real vocabulary goes on, belong to no
token.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)

# Our own pattern, similar to those of the families
SPLIT = r" ?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
WORDS = (
    " the of to and is in that it we so for as this with are be by on an or not which from one have can has if "
    "will then question answer step reasoning trace text number final two three first second value given find "
    "calculate therefore total each per times plus minus equals correct option what how many use only keep write"
)
NUMBERS = ("12", "123", "10", "100")  # they show how a tokenizer splits digits


@dataclass(frozen=True)
class Vocabulary:
    """What a tokenizer.json holds."""

    special: Mapping[str, int]  # special tokens and their ids
    plain: Mapping[str, int]  # added tokens that are not special
    first: int = 0  # the id of the first byte
    split: str = SPLIT
    composes: bool = False  # whether characters are normalized to NFC
    begins: str | None = None  # what the tokenizer itself puts before each text
    unmatched: Mapping[str, int] | None = None  # tokens that no text becomes
    # Words that never match fill the ids up to this one, for programs that ask how many there are
    size: int = 0

    @property
    def words(self) -> range:
        """The ids of bytes and words."""
        return range(self.first, self.first + len(pieces()))


def alphabet() -> list[str]:
    """The byte-level characters, by the byte that each stands for."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(rest)) for byte in range(256)]


def pieces() -> list[str]:
    """The tokens in the order of their ids: bytes, then parts of words, then numbers.

    Every token comes after those that are merged into it.
    """
    letters = alphabet()
    words = [" " + word for word in WORDS.split()]
    spelled = ("".join(letters[byte] for byte in word.encode()) for word in words)
    prefixes = (word[:length] for word in spelled for length in range(2, len(word) + 1))
    return [*letters, *dict.fromkeys(prefixes), *NUMBERS]


def _merges(tokens: Iterable[str]) -> list[tuple[str, str]]:
    """Every way to merge two tokens into another, by the rank of the result.

    transformers derives the merges of a tekken.json in the same way.
    """
    ranks = {token: rank for rank, token in enumerate(tokens)}
    merges = []
    for token in ranks:
        halves = [(token[:at], token[at:]) for at in range(1, len(token))]
        ways = [half for half in halves if half[0] in ranks and half[1] in ranks]
        merges += sorted(ways, key=lambda half: (ranks[half[0]], ranks[half[1]]))
    return merges


def fast(vocabulary: Vocabulary) -> Tokenizer:
    """The tokenizer of a tokenizer.json."""
    tokens = pieces()
    numbers = {token: vocabulary.first + rank for rank, token in enumerate(tokens)}
    others = {**vocabulary.special, **vocabulary.plain, **(vocabulary.unmatched or {})}
    others |= {
        f"word{number}": number for number in range(vocabulary.first + len(tokens), vocabulary.size)
    }
    tokenizer = Tokenizer(models.BPE(vocab=numbers | others, merges=_merges(tokens)))
    if vocabulary.composes:
        tokenizer.normalizer = normalizers.NFC()
    bytewise = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    split = pre_tokenizers.Split(Regex(vocabulary.split), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, bytewise])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in vocabulary.special]
    )
    tokenizer.add_tokens(
        [AddedToken(token, special=False, normalized=False) for token in vocabulary.plain]
    )
    if first := vocabulary.begins:
        marks = [(first, vocabulary.special[first])]
        pair = f"{first} $A {first}:1 $B:1"
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{first} $A", pair=pair, special_tokens=marks
        )
    return tokenizer


def tekken(vocabulary: Vocabulary, split: str) -> str:
    """The same vocabulary as a tekken.json, the form that mistral-common reads."""
    byte_of = {letter: byte for byte, letter in enumerate(alphabet())}
    raw = [bytes(byte_of[letter] for letter in token) for token in pieces()]
    config = {
        "pattern": split,
        "num_vocab_tokens": len(raw),
        "default_vocab_size": vocabulary.first + len(raw),
        "default_num_special_tokens": vocabulary.first,
        "version": "v13",
    }
    vocab: list[dict[str, Any]] = [
        {
            "rank": rank,
            "token_bytes": base64.b64encode(token).decode(),
            "token_str": token.decode(errors="replace"),
        }
        for rank, token in enumerate(raw)
    ]
    ordered = sorted(vocabulary.special.items(), key=lambda entry: entry[1])
    special = [{"rank": rank, "token_str": token, "is_control": True} for token, rank in ordered]
    return json.dumps(
        {
            "config": config,
            "vocab": vocab,
            "special_tokens": special,
            "type": "Tekken",
            "version": 1,
        }
    )
