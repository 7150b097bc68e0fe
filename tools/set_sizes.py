"""Numbers of training and test questions of the paper's question sets, as a profile takes them."""

from collections.abc import Iterator, Mapping
from typing import Any

# Training and test questions of the splits that paper.yaml names, from their pages on the hub
QUESTIONS = {
    "gsm8k": (7_473, 1_319),
    "multiarith": (420, 180),
    "arc_challenge": (1_119, 1_172),
    "gpqa_diamond": (99, 99),
    "math": (12_000, 500),
    "aqua_rat": (97_467, 254),
    "commonsense_qa": (9_741, 1_221),
    "openbookqa": (4_957, 500),
    "medmcqa": (182_822, 4_183),
    "medqa": (10_178, 1_273),
    "mmlu_stem": (321, 3_018),
    "arc_easy": (0, 2_376),
    "boolq": (0, 3_270),
    "hellaswag": (0, 10_042),
    "piqa": (0, 1_838),
    "truthfulqa": (0, 817),
    "winogrande": (0, 1_267),
    "mmlu_humanities": (0, 4_705),
    "mmlu_social_sciences": (0, 3_077),
    "mmlu_other": (0, 2_131),
    "mmlu_medicine": (0, 1_111),
}


def sets(params: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yields name and entry of each question set that the params do not leave out."""
    for set_name, entry in params["questions"]["sets"].items():
        if entry is not None:
            yield set_name, entry


def rows(name: str, entry: Mapping[str, Any]) -> tuple[int, int]:
    """Training and test questions of a set.

    A size that is None stands for all questions that the split has, a missing size for none.
    """
    train_rows, test_rows = QUESTIONS[name]
    return _taken(entry, "train", train_rows), _taken(entry, "test", test_rows)


def _taken(entry: Mapping[str, Any], split: str, available: int) -> int:
    """Questions that a set's entry takes of a split."""
    size_in_params = entry["sizes"].get(split, 0)
    return available if size_in_params is None else int(size_in_params)
