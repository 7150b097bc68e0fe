"""What the paper's grid would cost in GPU hours, by formulas. Nothing of it was run.

The grid, K and the number of samples are conf/profile/paper.yaml's, and paper_small.yaml's beside
it, ratios and lengths the paper's where it gives them; every other number below says where it comes
from. Hours are of GPUs that work: the launch files hold no others (tools/cells.py). Prints the
README's table, and one by model.

Run: python -m tools.costs
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

from tools.compose import composed

PAPERS_TRACES = 283_000  # correct ones of each teacher, the paper's

# Of each text. The paper gives means of raw traces for its shortest and its longest set alone,
# 1,750 and 18,734 characters of Qwen's: the middle is ours. gpt-oss is "about half as verbose".
RAW_CHARS = {"qwen397b": (1_750 + 18_734) / 2, "gptoss120b": (1_750 + 18_734) / 4}
RHO = {  # the paper's means
    ("qwen397b", "llama70b"): 0.142,
    ("qwen397b", "ministral14b"): 0.086,
    ("gptoss120b", "llama70b"): 0.210,
    ("gptoss120b", "ministral14b"): 0.147,
}
CHARS_PER_TOKEN = 3.45  # of 189 answers of Qwen3-8B with their reasoning, measured
ANSWER = 100  # tokens: of the same answers, 345 characters
QUESTION = 100  # tokens, with the turn's own: ours
COMPRESSORS_PROMPT = (
    240  # tokens around a trace: stages/core/targets/compressors/prompt.txt with its marks
)
ACCURACY = (
    0.990 + 0.682
) / 2  # of an attempt: the middle of the paper's best and worst set for Qwen

# Questions of the splits that paper.yaml names, as their pages on the hub have them: training,
# test.
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

# Tokens a second of one H200 under full load: NVIDIA's overview of TensorRT-LLM's throughput (FP8
# weights, 1,024 tokens in, 8,192 out; compressors: 8,192 in, 1,024 out). vLLM in bf16 will be
# slower, by how much is not known here.
WRITTEN = {
    # assumed: that of Qwen3-235B-A22B, which has more active and fewer parameters
    "qwen397b": 1_417.0,
    "gptoss120b": 3_543.0,
    "student": 12_743.0,  # gpt-oss-20B's, assumed for all four
}
_LLAMA = 537.0 * (8_192 + 1_024) / 1_024  # read and written together
READ_AND_WRITTEN = {
    "llama70b": _LLAMA,
    "ministral14b": _LLAMA * 70.6 / 13.9,
}  # Ministral: assumed, by parameters

# Training: 6 FLOPs for each parameter that a token goes through, of a H200's dense bf16 peak. 0.33
# is what torchtitan reports for Llama-3.1-8B under FSDP on eight H100; the share of a mixture of
# experts is ours.
PEAK = 989e12
PARAMETERS = {"qwen08b": 0.8e9, "qwen9b": 9e9, "llama8b": 8.03e9, "gptoss20b": 3.6e9}
SHARE_OF_PEAK = {"qwen08b": 0.33, "qwen9b": 0.33, "llama8b": 0.33, "gptoss20b": 0.10}


class Cost(NamedTuple):
    """What one part of the study needs."""

    part: str
    tokens: float
    hours: float  # of one GPU


@dataclass(frozen=True)
class Study:
    """The paper profile with `traces` correct traces for each teacher."""

    params: Mapping[str, Any]
    traces: float

    def target_tokens(self, teacher: str, target: str) -> float:
        """Of a completion. A raw trace that was cut has its compressed form's length."""
        raw = RAW_CHARS[teacher] / CHARS_PER_TOKEN
        rho = {"raw": 1.0, "answer_only": 0.0}
        name = target.removeprefix("truncated_")
        return raw * (rho[name] if name in rho else RHO[teacher, name]) + ANSWER

    def generate(self, teacher: str) -> Cost:
        """All attempts, wrong ones too: a question is asked again until it is right."""
        written = self.traces / ACCURACY * self.target_tokens(teacher, "raw")
        return Cost(f"{teacher} answers", written, written / WRITTEN[teacher] / 3600)

    def compress(self, compressor: str) -> Cost:
        """The traces of all teachers, read and written."""
        each = (
            COMPRESSORS_PROMPT
            + QUESTION
            + self.target_tokens(one, "raw")
            + self.target_tokens(one, compressor)
            for one in self.params["grid"]["teachers"]
        )
        tokens = self.traces * sum(each)
        return Cost(
            f"{compressor} compresses", tokens, tokens / READ_AND_WRITTEN[compressor] / 3600
        )

    def train(self, student: str) -> Cost:
        """A student's cells: questions and completions, one epoch; LoRA by 6N like full
        fine-tuning.
        """
        grid = self.params["grid"]
        runs = sum(self.params["methods"][name]["epochs"] for name in grid["methods"]) * len(
            grid["seeds"]
        )
        tokens = runs * self.traces * sum(QUESTION + length for length in self._lengths())
        flops = 6 * PARAMETERS[student] * tokens
        return Cost(f"{student} learns", tokens, flops / (PEAK * SHARE_OF_PEAK[student]) / 3600)

    def evaluate(self) -> Cost:
        """All cells and the untrained students; an answer is as long as what was taught, without it
        as the longest.
        """
        grid, how = self.params["grid"], self.params["evaluate"]
        cells = len(grid["students"]) * len(grid["methods"]) * len(grid["seeds"])
        lengths = list(self._lengths())
        answers = (1 + how["samples"]) * sum(
            rows(name, entry)[1] for name, entry in sets(self.params)
        )
        tokens = answers * (cells * sum(lengths) + len(grid["students"]) * max(lengths))
        return Cost("students answer", tokens, tokens / WRITTEN["student"] / 3600)

    def _lengths(self) -> Iterator[float]:
        grid = self.params["grid"]
        return (
            self.target_tokens(teacher, target)
            for teacher in grid["teachers"]
            for target in grid["targets"]
        )

    def parts(self) -> list[Cost]:
        """All, by model."""
        grid = self.params["grid"]
        found = [self.generate(name) for name in grid["teachers"]]
        found += [self.compress(name) for name in grid["compressors"]]
        return [*found, *(self.train(name) for name in grid["students"]), self.evaluate()]


def sets(params: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Name and entry of each question set that the params do not leave out."""
    return (
        (name, entry) for name, entry in params["questions"]["sets"].items() if entry is not None
    )


def rows(name: str, entry: Mapping[str, Any]) -> tuple[int, int]:
    """Training and test questions of a set: its sizes, all that there are where one is None; 0 of a
    split without.
    """
    train, test = (
        there if (size := entry["sizes"].get(split, 0)) is None else int(size)
        for split, there in zip(("train", "test"), QUESTIONS[name], strict=True)
    )
    return train, test


def own_traces(params: Mapping[str, Any]) -> float:
    """Correct traces of a teacher on the training questions of its params: one for each that K
    attempts solve.
    """
    asked = sum(rows(name, entry)[0] for name, entry in sets(params))
    tries = min(entry["samples"] for entry in params["teachers"].values())
    return float(asked * (1 - (1 - ACCURACY) ** tries))


def together(parts: Sequence[Cost]) -> list[Cost]:
    """The parts of a kind added up, and all of them: what a part does is its last word."""
    kinds = {
        "answers": "teachers answer",
        "compresses": "compressors rewrite",
        "learns": "students learn",
    }
    named = [kinds.get(one.part.split()[-1], one.part) for one in parts]
    sums = [
        (kind, [one for one, name in zip(parts, named, strict=True) if name == kind])
        for kind in dict.fromkeys(named)
    ]
    return [
        Cost(kind, sum(one.tokens for one in own), sum(one.hours for one in own))
        for kind, own in [*sums, ("together", list(parts))]
    ]


def table(*columns: tuple[str, Sequence[Cost]]) -> str:
    """Tokens and hours of the same parts, side by side under what each column of parts is for."""
    heads = [
        "part",
        *(f"{what}, {name}" for name, _ in columns for what in ("10^9 tokens", "hours")),
    ]
    rows = [heads, [":---", *["---:"] * (len(heads) - 1)]]
    for same in zip(*(parts for _, parts in columns), strict=True):
        cells = (text for one in same for text in (f"{one.tokens / 1e9:.2f}", f"{one.hours:,.0f}"))
        rows.append([same[0].part, *cells])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def tables(paper: Mapping[str, Any], small: Mapping[str, Any]) -> tuple[str, str]:
    """The README's, and that of every model: the paper profile with the paper's number of traces,
    and paper_small.
    """
    traces = own_traces(small)
    columns = [
        (f"{PAPERS_TRACES:,} traces", Study(paper, PAPERS_TRACES).parts()),
        (f"{traces:,.0f} traces", Study(small, traces).parts()),
    ]
    return table(*((name, together(parts)) for name, parts in columns)), table(*columns)


def profile(name: str) -> dict[str, Any]:
    """The params of a profile, composed."""
    found: dict[str, Any] = yaml.safe_load(composed(name, []))
    return found


def main() -> None:
    """Print the tables."""
    print("\n\n".join(tables(profile("paper"), profile("paper_small"))))


if __name__ == "__main__":
    main()
