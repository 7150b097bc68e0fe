"""Matched examples: which rows all targets share, and their text for one student."""

import collections
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from stages.core import chat, records, tokens
from stages.core.errors import StageError
from stages.core.records import Example, Trace, Variant

Key = tuple[str, int]  # question_id, sample


@dataclass(frozen=True)
class Source:
    """Where a target's reasoning is: its rows' file, and whether reasoning is written at all."""

    path: Path
    variants: bool  # of Variant records, else of Trace
    reasons: bool = True


def sources(targets: Iterable[str], folders: Mapping[str, Path], known: Mapping[str, Any]) -> dict[str, Source]:
    """Each target's source. `folders` names the traces file and the compressed and truncated folders.

    Raises StageError for a target that is neither raw, answer_only, a compressor nor a truncation of the grid, and
    for a file in those folders that the grid does not know: it would be a leftover that looks like a result.
    """
    found = {
        "raw": Source(folders["traces"], False),
        "answer_only": Source(folders["traces"], False, reasons=False),
    }
    for folder, names, prefix in (
        ("compressed", "compressors", ""),
        ("truncated", "truncate_to", "truncated_"),
    ):
        there = {path.stem for path in folders[folder].glob("*.parquet")}
        if there != set(known[names]):
            odd = ", ".join(sorted(there ^ set(known[names])))
            raise StageError(
                f"{folders[folder]}: {odd}: files and grid.{names} differ; rerun or delete what is left over"
            )
        for name in known[names]:
            found[prefix + name] = Source(folders[folder] / f"{name}.parquet", True)
    for target in targets:
        if target not in found:
            raise StageError(f"params.yaml: grid.targets: {target!r} is unknown; known: {', '.join(found)}")
    return {target: found[target] for target in targets}


def rows(source: Source) -> Iterator[tuple[Key, str | None, str]]:
    """Yields (key, reasoning, answer) of the kept rows of one target."""
    found: Iterable[Trace | Variant]
    if source.variants:
        found = (row for row in records.read(source.path, Variant) if row.kept)
    else:
        found = records.read(source.path, Trace)
    for row in found:
        yield (row.question_id, row.sample), row.reasoning if source.reasons else None, row.answer


def matched(everywhere: set[Key], per_question: int | None) -> set[Key]:
    """The first `per_question` samples of each question among the keys that all targets have."""
    by_question: dict[str, list[int]] = collections.defaultdict(list)
    for question_id, sample in sorted(everywhere):
        by_question[question_id].append(sample)
    return {(question, sample) for question, samples in by_question.items() for sample in samples[:per_question]}


def completion(reasoning: str | None, answer: str, eos: str) -> str:
    """The target's text, its characters composed (NFC): Qwen's tokenizers write them so, e.g. the ohm sign as an omega.

    For all students, so that they learn the same text, and the tokenizer gives back what training compares with.
    """
    return unicodedata.normalize("NFC", chat.completion(reasoning, answer, eos))


def lengths(source: Source, keys: set[Key], tokenizer: Any) -> dict[Key, int]:
    """Completion tokens of each of `keys` under one target."""
    eos = tokenizer.eos_token
    return {
        key: tokens.count(tokenizer, completion(reasoning, answer, eos))
        for key, reasoning, answer in rows(source)
        if key in keys
    }


def examples(
    source: Source, sizes: Mapping[Key, int], raw: Mapping[Key, int], prompts: Mapping[str, tuple[str, int]], eos: str
) -> Iterator[Example]:
    """The examples of one target for the keys of `sizes`, in order. `prompts` by question: text and tokens.

    `sizes` and `raw` are completion tokens, of this target and of the raw trace.
    """
    for key, reasoning, answer in rows(source):
        if key in sizes:
            text, size = prompts[key[0]]
            yield Example(*key, text, completion(reasoning, answer, eos), size, sizes[key], raw[key])


@dataclass(frozen=True)
class Matched:
    """The matched set: completion tokens of each key under each target and of its raw trace; how many left, and why."""

    sizes: dict[str, dict[Key, int]]
    raw: dict[Key, int]
    dropped: dict[str, int]


def match(
    found: Mapping[str, Source],
    raw: Source,
    prompts: Mapping[str, tuple[str, int]],
    tokenizer: Any,
    max_tokens: int,
    per_question: int | None,
) -> Matched:
    """The rows that every target has and that fit `max_tokens` under every target; the same for all of them.

    Raises StageError where nothing is left.
    """
    kept = {target: {key for key, _, _ in rows(source)} for target, source in found.items()}
    everywhere = set.intersection(*kept.values())
    sizes = {target: lengths(source, everywhere, tokenizer) for target, source in found.items()}
    long = {key for own in sizes.values() for key, size in own.items() if prompts[key[0]][1] + size > max_tokens}
    if not everywhere:
        raise StageError("assemble: no trace is kept by all targets; see the drops in metrics of compress and truncate")
    if everywhere == long:
        raise StageError(f"text.max_tokens: none of {len(long)} examples fits {max_tokens} tokens; raise it")
    keys = matched(everywhere - long, per_question)
    fitting = {target: {key: size for key, size in own.items() if key in keys} for target, own in sizes.items()}
    # Arms are comparable or the run fails: this holds by construction, and is checked all the same.
    if any(own.keys() != keys for own in fitting.values()):
        raise StageError("assemble: targets do not hold the same rows; rerun compress and truncate")
    dropped = {
        "not_kept_by_all_targets": len(set.union(*kept.values()) - everywhere),
        "over_long": len(long),
        "further_traces_of_a_question": len(everywhere - long - keys),
    }
    return Matched(fitting, fitting.get("raw") or lengths(raw, keys, tokenizer), dropped)


def rho_tokens(
    found: Mapping[str, Source], raw: Source, keys: set[Key], tokenizer: Any, sets: Mapping[str, str]
) -> dict[str, dict[str, float]]:
    """Per rewritten target and question set: mean of reasoning tokens / the raw trace's, over `keys`.

    `sets`: question set by question.
    """

    def reasoning(source: Source) -> dict[Key, int]:
        return {key: tokens.count(tokenizer, text or "") for key, text, _ in rows(source) if key in keys}

    whole, means = reasoning(raw), dict[str, dict[str, float]]()
    for target, source in found.items():
        if source.variants:
            ratios: dict[str, list[float]] = collections.defaultdict(list)
            for key, size in reasoning(source).items():
                ratios[sets[key[0]]].append(size / whole[key])
            means[target] = {name: round(fmean(own), 6) for name, own in sorted(ratios.items())}
    return means


def summary(
    found: Mapping[str, Mapping[Key, int]], prompts: Mapping[str, tuple[str, int]]
) -> dict[str, dict[str, int]]:
    """Per target: examples, prompt tokens and completion tokens."""
    return {
        target: {
            "examples": len(sizes),
            "prompt_tokens": sum(prompts[key[0]][1] for key in sizes),
            "completion_tokens": sum(sizes.values()),
        }
        for target, sizes in found.items()
    }
