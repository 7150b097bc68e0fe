"""Print what the paper's grid would cost in GPU hours, by formulas. Nothing of it was run.

The grid, the attempts a question (K) and the number of samples come from conf/profile/paper.yaml
and, beside it, paper_small.yaml. Ratios and lengths are the paper's where it gives them. Every
other number below says where it comes from. Hours count GPUs that work: the launch files reserve no
others (tools/cells.py). The first table is the README's, the second one has a row for each model.

Run: python -m tools.costs
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

from tools.compose import composed

PAPERS_TRACES = 283_000  # the paper's correct traces of each teacher

# Characters of a raw trace, mean. For Qwen the paper gives the means of its shortest and its
# longest set, 1,750 and 18,734; we take the middle. It calls gpt-oss "about half as verbose".
RAW_CHARS = {"qwen397b": (1_750 + 18_734) / 2, "gptoss120b": (1_750 + 18_734) / 4}
RHO = {  # compressed / raw characters, the paper's means
    ("qwen397b", "llama70b"): 0.142,
    ("qwen397b", "ministral14b"): 0.086,
    ("gptoss120b", "llama70b"): 0.210,
    ("gptoss120b", "ministral14b"): 0.147,
}
CHARS_PER_TOKEN = 3.45  # measured on 189 answers of Qwen3-8B with their reasoning
ANSWER = 100  # tokens, or 345 characters, of the same answers without their reasoning
QUESTION = 100  # tokens, those of the chat turn included; our assumption
# Tokens around a trace: stages/core/targets/compressors/prompt.txt with its marks
COMPRESSORS_PROMPT = 240
# Share of correct attempts: the middle of the paper's best and worst set for Qwen
ACCURACY = (0.990 + 0.682) / 2

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

# Tokens a second of one H200 under full load, from NVIDIA's overview of TensorRT-LLM's throughput:
# FP8 weights, 1,024 tokens in, 8,192 out; for compressors 8,192 in, 1,024 out. vLLM in bf16 will be
# slower; by how much is not known here.
WRITTEN = {
    # assumed: the rate of Qwen3-235B-A22B, which has more active and fewer parameters
    "qwen397b": 1_417.0,
    "gptoss120b": 3_543.0,
    "student": 12_743.0,  # the rate of gpt-oss-20B, assumed for all four
}
_LLAMA = 537.0 * (8_192 + 1_024) / 1_024  # tokens read and written together
READ_AND_WRITTEN = {
    "llama70b": _LLAMA,
    "ministral14b": _LLAMA * 70.6 / 13.9,  # assumed, by the number of parameters
}

# Training takes 6 FLOPs for each token and each parameter that it goes through, at a share of an
# H200's dense bf16 peak. torchtitan reports 0.33 for Llama-3.1-8B under FSDP on eight H100. The
# share of a mixture of experts is our assumption.
PEAK = 989e12  # FLOPs a second
PARAMETERS = {"qwen08b": 0.8e9, "qwen9b": 9e9, "llama8b": 8.03e9, "gptoss20b": 3.6e9}
SHARE_OF_PEAK = {"qwen08b": 0.33, "qwen9b": 0.33, "llama8b": 0.33, "gptoss20b": 0.10}


class PartCost(NamedTuple):
    """What one part of the study needs."""

    part: str
    tokens: float
    hours: float  # of one GPU


@dataclass(frozen=True)
class StudyCosts:
    """The costs of a profile's study with `traces` correct traces for each teacher."""

    params: Mapping[str, Any]
    traces: float

    def target_tokens(self, teacher: str, target: str) -> float:
        """Tokens of a completion, mean. A truncated raw trace is as long as its compressed form.

        A target that is made in assemble counts as one of raw traces, which are the longest.
        """
        raw = RAW_CHARS[teacher] / CHARS_PER_TOKEN
        name = target.removeprefix("truncated_")
        if name == "answer_only":
            return ANSWER
        is_whole = name == "raw" or name in self.params["targets"]
        rho = 1.0 if is_whole else RHO[teacher, name]
        return raw * rho + ANSWER

    def generate(self, teacher: str) -> PartCost:
        """All attempts, wrong ones included: a question is asked again until it is solved."""
        attempts = self.traces / ACCURACY
        written = attempts * self.target_tokens(teacher, "raw")
        return PartCost(f"{teacher} answers", written, written / WRITTEN[teacher] / 3600)

    def compress(self, compressor: str) -> PartCost:
        """The traces of all teachers, read and written."""
        tokens_of_a_trace = 0.0  # one of each teacher
        for teacher in self.params["grid"]["teachers"]:
            read = COMPRESSORS_PROMPT + QUESTION + self.target_tokens(teacher, "raw")
            tokens_of_a_trace += read + self.target_tokens(teacher, compressor)
        tokens = self.traces * tokens_of_a_trace
        hours = tokens / READ_AND_WRITTEN[compressor] / 3600
        return PartCost(f"{compressor} compresses", tokens, hours)

    def train(self, student: str) -> PartCost:
        """A student's cells, which read questions and completions in every epoch.

        LoRA counts 6N FLOPs a token, as full fine-tuning does.
        """
        grid = self.params["grid"]
        epochs = sum(self.params["methods"][method]["epochs"] for method in grid["methods"])
        runs = epochs * len(grid["seeds"])
        example_tokens = sum(QUESTION + length for length in self._completion_tokens())
        tokens = runs * self.traces * example_tokens
        flops = 6 * PARAMETERS[student] * tokens
        return PartCost(f"{student} learns", tokens, flops / (PEAK * SHARE_OF_PEAK[student]) / 3600)

    def evaluate(self) -> PartCost:
        """The answers of all cells and of the untrained students.

        An answer is as long as what the cell was taught. An untrained student's is as long as the
        longest of those.
        """
        grid, evaluation = self.params["grid"], self.params["evaluate"]
        cells_of_an_arm = len(grid["students"]) * len(grid["methods"]) * len(grid["seeds"])
        lengths = list(self._completion_tokens())
        questions = sum(rows(name, entry)[1] for name, entry in sets(self.params))
        answers = (1 + evaluation["samples"]) * questions  # one is greedy, the others are drawn
        untrained_tokens = len(grid["students"]) * max(lengths)
        tokens = answers * (cells_of_an_arm * sum(lengths) + untrained_tokens)
        return PartCost("students answer", tokens, tokens / WRITTEN["student"] / 3600)

    def _completion_tokens(self) -> Iterator[float]:
        """Yields the tokens of a completion for each teacher and target of the grid."""
        grid = self.params["grid"]
        for teacher in grid["teachers"]:
            for target in grid["targets"]:
                yield self.target_tokens(teacher, target)

    def parts(self) -> list[PartCost]:
        """All parts, those of teachers, compressors and students by model."""
        grid = self.params["grid"]
        return [
            *map(self.generate, grid["teachers"]),
            *map(self.compress, grid["compressors"]),
            *map(self.train, grid["students"]),
            self.evaluate(),
        ]


def sets(params: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yields name and entry of each question set that the params do not leave out."""
    for name, entry in params["questions"]["sets"].items():
        if entry is not None:
            yield name, entry


def rows(name: str, entry: Mapping[str, Any]) -> tuple[int, int]:
    """Training and test questions of a set.

    A size that is None stands for all questions that the split has, a missing size for none.
    """
    train_rows, test_rows = QUESTIONS[name]
    return _taken(entry, "train", train_rows), _taken(entry, "test", test_rows)


def _taken(entry: Mapping[str, Any], split: str, available: int) -> int:
    """Questions that a set's entry takes of a split."""
    size = entry["sizes"].get(split, 0)
    return available if size is None else int(size)


def own_traces(params: Mapping[str, Any]) -> float:
    """Correct traces of a teacher on the training questions of its params.

    It is one for each question that at least one of K attempts solves.
    """
    asked = sum(rows(name, entry)[0] for name, entry in sets(params))
    attempts = min(entry["samples"] for entry in params["teachers"].values())
    return float(asked * (1 - (1 - ACCURACY) ** attempts))


KINDS = {  # what a part does, which is its last word, and what the sum over models is called
    "answers": "teachers answer",
    "compresses": "compressors rewrite",
    "learns": "students learn",
}


def together(parts: Sequence[PartCost]) -> list[PartCost]:
    """The parts added up by kind, and after them the sum of all parts."""
    parts_by_kind: dict[str, list[PartCost]] = {}
    for part in parts:
        kind = KINDS.get(part.part.split()[-1], part.part)
        parts_by_kind.setdefault(kind, []).append(part)
    sums = [_sum(kind, members) for kind, members in parts_by_kind.items()]
    return [*sums, _sum("together", parts)]


def _sum(name: str, parts: Sequence[PartCost]) -> PartCost:
    tokens = sum(part.tokens for part in parts)
    return PartCost(name, tokens, sum(part.hours for part in parts))


def table(*columns: tuple[str, Sequence[PartCost]]) -> str:
    """A Markdown table of the same parts in several columns, each with its heading.

    Every column has tokens and hours of each part.
    """
    headings = ["part"]
    for heading, _ in columns:
        headings += [f"10^9 tokens, {heading}", f"hours, {heading}"]
    table_rows = [headings, [":---", *["---:"] * (len(headings) - 1)]]
    for costs_of_part in zip(*(parts for _, parts in columns), strict=True):
        row = [costs_of_part[0].part]
        for cost in costs_of_part:
            row += [f"{cost.tokens / 1e9:.2f}", f"{cost.hours:,.0f}"]
        table_rows.append(row)
    return "\n".join(f"| {' | '.join(row)} |" for row in table_rows)


def tables(paper: Mapping[str, Any], small: Mapping[str, Any]) -> tuple[str, str]:
    """The README's table, and that with a row for every model.

    Both have the paper profile with the paper's number of traces, and beside it paper_small.
    """
    small_traces = own_traces(small)
    columns = [
        (f"{PAPERS_TRACES:,} traces", StudyCosts(paper, PAPERS_TRACES).parts()),
        (f"{small_traces:,.0f} traces", StudyCosts(small, small_traces).parts()),
    ]
    summed = [(heading, together(parts)) for heading, parts in columns]
    return table(*summed), table(*columns)


def profile(name: str) -> dict[str, Any]:
    """The params of a profile, composed."""
    params: dict[str, Any] = yaml.safe_load(composed(name, []))
    return params


def main() -> None:
    """Print the tables."""
    print("\n\n".join(tables(profile("paper"), profile("paper_small"))))


if __name__ == "__main__":
    main()
