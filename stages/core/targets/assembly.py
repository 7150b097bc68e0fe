"""Matched examples: which rows all targets share, and their text for one student."""

import collections
import functools
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from stages.core import chat, records, tokens
from stages.core.program.errors import StageError
from stages.core.records import Example, Question, Trace, Variant
from stages.core.targets import lengths

Key = tuple[str, int]  # question_id, sample


@dataclass(frozen=True)
class Source:
    """Where a target's reasoning is: its rows' file, and whether reasoning is written at all."""

    path: Path
    variants: bool  # of Variant records, else of Trace
    reasons: bool = True


def sources(
    targets: Iterable[str], folders: Mapping[str, Path], known: Mapping[str, Any]
) -> dict[str, Source]:
    """Each target's source. `folders` names the traces file and the compressed and truncated
    folders.

    Raises StageError for a target that is neither raw, answer_only, a compressor nor a truncation
    of the grid, and for a file in those folders that the grid does not know: it would be a leftover
    that looks like a result.
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
            raise StageError(
                f"params.yaml: grid.targets: {target!r} is unknown; known: {', '.join(found)}"
            )
    return {target: found[target] for target in targets}


def rows(source: Source) -> Iterator[tuple[Key, str | None, str]]:
    """Yields (key, reasoning, answer) of the kept rows of one target."""
    for row in _records(source):
        yield (row.question_id, row.sample), row.reasoning if source.reasons else None, row.answer


def _records(source: Source) -> Iterator[Trace | Variant]:
    """The kept rows of one target as they are."""
    if source.variants:
        return (row for row in records.read(source.path, Variant) if row.kept)
    return records.read(source.path, Trace)


def prompts(
    questions: Iterable[Question], tokenizer: Any, text: chat.Text
) -> dict[str, tuple[str, int]]:
    """By question its prompt's text and tokens.

    Raises StageError for prompts that have a think block of their own: completions begin with
    theirs.
    """
    chat.check_student(tokenizer, text)
    found = dict[str, tuple[str, int]]()
    for batch in lengths.batches(questions):
        texts = [
            chat.prompt(tokenizer, text.prompt_template, row.question, date=text.date)
            for row in batch
        ]
        names = (row.question_id for row in batch)
        found |= zip(names, zip(texts, lengths.counts(tokenizer, texts), strict=True), strict=True)
    return found


def matched(everywhere: set[Key], per_question: int | None) -> set[Key]:
    """The first `per_question` samples of each question among the keys that all targets have."""
    by_question: dict[str, list[int]] = collections.defaultdict(list)
    for question_id, sample in sorted(everywhere):
        by_question[question_id].append(sample)
    return {
        (question, sample)
        for question, samples in by_question.items()
        for sample in samples[:per_question]
    }


def completion(reasoning: str | None, answer: str, eos: str) -> str:
    """The target's text, its characters composed (NFC): Qwen's tokenizers write them so, e.g. the
    ohm sign as an omega.

    For all students, so that they learn the same text, and the tokenizer gives back what training
    compares with.
    """
    return unicodedata.normalize("NFC", chat.completion(reasoning, answer, eos))


@dataclass(frozen=True)
class Sizes:
    """Tokens of one target by key: of completions, and where they are known of reasonings and of
    the raw ones.

    `marked`: by key the special tokens within the completion, which would be learned as ends of
    turns and the like.
    """

    completion: dict[Key, int]
    reasoning: dict[Key, int]
    whole: dict[Key, int]
    marked: dict[Key, int]

    def of(self, keys: set[Key]) -> "Sizes":
        """Those of `keys` alone."""
        parts = (self.completion, self.reasoning, self.whole, self.marked)
        return Sizes(*({key: size for key, size in own.items() if key in keys} for own in parts))


def measure(
    source: Source, keys: dict[Key, Key], among: set[Key] | None, tokenizer: Any, reasonings: bool
) -> tuple[set[Key], Sizes]:
    """All keys of one target, and the tokens of those that are `among` the given ones, None for
    all.

    `keys` has each key once, for all targets to share. `reasonings`: count them too, unless the
    rows say their tokens, as a truncation's do: they were counted by this student's tokenizer when
    it was cut.
    """
    there, found = set[Key](), Sizes({}, {}, {}, {})

    def wanted() -> Iterator[tuple[Key, Trace | Variant]]:
        for row in _records(source):
            key = keys.setdefault((row.question_id, row.sample), (row.question_id, row.sample))
            there.add(key)
            if among is None or key in among:
                yield key, row

    counted = functools.partial(_counted, source=source, tokenizer=tokenizer, reasonings=reasonings)
    for one in lengths.ahead(counted, wanted()):
        found.completion.update(one.completion)
        found.reasoning.update(one.reasoning)
        found.whole.update(one.whole)
        found.marked.update(one.marked)
    return there, found


def _counted(
    batch: list[tuple[Key, Trace | Variant]], source: Source, tokenizer: Any, reasonings: bool
) -> Sizes:
    eos = tokenizer.eos_token
    texts = [
        completion(row.reasoning if source.reasons else None, row.answer, eos) for _, row in batch
    ]
    whole = dict(zip((key for key, _ in batch), lengths.counts(tokenizer, texts), strict=True))
    said = {key: row for key, row in batch if isinstance(row, Variant) and row.tokens is not None}
    left = {key: row.reasoning for key, row in batch if reasonings and key not in said}
    own = dict(zip(left, lengths.counts(tokenizer, list(left.values())), strict=True))
    own |= {key: row.tokens or 0 for key, row in said.items()}
    raw = {key: row.raw_tokens or 0 for key, row in said.items()}
    return Sizes(whole, own, raw, _marked([key for key, _ in batch], texts, tokenizer))


def _marked(keys: Iterable[Key], texts: Iterable[str], tokenizer: Any) -> dict[Key, int]:
    """By key the special tokens of each completion before its EOS; those without any are left out."""
    special = tokens.special(tokenizer)
    bare = (text.removesuffix(tokenizer.eos_token) for text in texts)
    found = (
        (key, len(special.findall(text)) if special else 0)
        for key, text in zip(keys, bare, strict=True)
    )
    return {key: count for key, count in found if count}


def examples(
    source: Source,
    sizes: Mapping[Key, int],
    raw: Mapping[Key, int],
    prompts: Mapping[str, tuple[str, int]],
    eos: str,
) -> Iterator[Example]:
    """The examples of one target for the keys of `sizes`, in order. `prompts` by question: text and
    tokens.

    `sizes` and `raw` are completion tokens, of this target and of the raw trace.
    """
    for key, reasoning, answer in rows(source):
        if key in sizes:
            text, size = prompts[key[0]]
            question_id, sample = key
            yield Example(
                question_id=question_id,
                sample=sample,
                prompt=text,
                completion=completion(reasoning, answer, eos),
                prompt_tokens=size,
                completion_tokens=sizes[key],
                raw_tokens=raw[key],
            )


@dataclass(frozen=True)
class Matched:
    """The matched set: tokens of each key under each target and of its raw trace; how many left,
    and why.
    """

    sizes: dict[str, Sizes]
    raw: Sizes
    dropped: dict[str, int]


def match(
    found: Mapping[str, Source],
    raw: Source,
    prompts: Mapping[str, tuple[str, int]],
    tokenizer: Any,
    max_tokens: int,
    per_question: int | None,
) -> Matched:
    """The rows that every target has and that fit `max_tokens` under every target; the same for all
    of them.

    Raises StageError where nothing is left.
    """
    sizes, everywhere, known = measured(found, tokenizer)
    long = {
        key
        for own in sizes.values()
        for key in everywhere
        if prompts[key[0]][1] + own.completion[key] > max_tokens
    }
    fit = everywhere - long
    marked = {key for own in sizes.values() for key in own.marked if key in fit}
    keys = matched(fit - marked, per_question)
    if not keys:
        raise _nothing_left(everywhere, long, max_tokens)
    fitting = {target: own.of(keys) for target, own in sizes.items()}
    # Arms are comparable or the run fails: this holds by construction, and is checked all the same.
    if any(own.completion.keys() != keys for own in fitting.values()):
        raise StageError("assemble: targets do not hold the same rows; rerun compress and truncate")
    dropped = {
        "not_kept_by_all_targets": known - len(everywhere),
        "over_long": len(long),
        "special_tokens": len(marked),
        "further_traces_of_a_question": len(fit - marked - keys),
    }
    return Matched(
        {target: fitting[target] for target in found}, _raw(fitting, raw, keys, tokenizer), dropped
    )


def _nothing_left(everywhere: set[Key], long: set[Key], max_tokens: int) -> StageError:
    """The error for arms without any rows."""
    if not everywhere:
        return StageError(
            "assemble: no trace is kept by all targets; see the drops in metrics of compress and truncate"
        )
    if everywhere == long:
        return StageError(
            f"text.max_tokens: none of {len(long)} examples fits {max_tokens} tokens; raise it"
        )
    return StageError(
        f"assemble: all {len(everywhere - long)} examples that fit hold special tokens of the student; "
        "clean the traces of its turn marks"
    )


def measured(found: Mapping[str, Source], tokenizer: Any) -> tuple[dict[str, Sizes], set[Key], int]:
    """Each target's tokens, the keys that all targets have, and the number of keys that any of them
    has.
    """
    keys, everywhere, sizes = dict[Key, Key](), None, dict[str, Sizes]()
    rewritten = any(source.variants for source in found.values())
    # The raw traces, which take longest, come last: by then it is known which of them are in the
    # set
    for target, source in sorted(found.items(), key=lambda item: not item[1].variants):
        whole = any(own.whole for own in sizes.values())
        counted = source.variants or (rewritten and source.reasons and not whole)
        there, sizes[target] = measure(source, keys, everywhere, tokenizer, counted)
        everywhere = there if everywhere is None else everywhere & there
    return sizes, everywhere or set(), len(keys)


def _raw(fitting: Mapping[str, Sizes], raw: Source, keys: set[Key], tokenizer: Any) -> Sizes:
    """The tokens of the raw traces, whether they are a target or not."""
    whole = next((own.whole for own in fitting.values() if own.whole), None)
    found = fitting.get("raw") or measure(raw, {}, keys, tokenizer, whole is None)[1]
    return replace(found, reasoning=found.reasoning if whole is None else whole)


def rho_tokens(
    sizes: Mapping[str, Sizes], raw: Sizes, rewritten: Iterable[str], sets: Mapping[str, str]
) -> dict[str, dict[str, float]]:
    """Per rewritten target and question set: mean of reasoning tokens / the raw trace's.

    `sets`: question set by question.
    """
    means = dict[str, dict[str, float]]()
    for target in rewritten:
        ratios: dict[str, list[float]] = collections.defaultdict(list)
        for key, size in sizes[target].reasoning.items():
            ratios[sets[key[0]]].append(size / raw.reasoning[key])
        means[target] = {name: round(fmean(own), 6) for name, own in sorted(ratios.items())}
    return means


def summary(
    found: Mapping[str, Sizes], prompts: Mapping[str, tuple[str, int]]
) -> dict[str, dict[str, int]]:
    """Per target: examples, prompt tokens and completion tokens."""
    return {
        target: {
            "examples": len(own.completion),
            "prompt_tokens": sum(prompts[key[0]][1] for key in own.completion),
            "completion_tokens": sum(own.completion.values()),
        }
        for target, own in found.items()
    }
