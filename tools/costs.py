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

from tools import set_sizes
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
# Tokens around a trace: conf/prompts/compress.txt with its marks
COMPRESSORS_PROMPT = 240
# Share of correct attempts: the middle of the paper's best and worst set for Qwen
ACCURACY = (0.990 + 0.682) / 2

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
        """Tokens of a completion, mean. A shortened raw trace is as long as its budget.

        A target that is made in assemble counts as one of raw traces, which are the longest.
        """
        raw_tokens = RAW_CHARS[teacher] / CHARS_PER_TOKEN
        if target == "answer_only":
            return ANSWER
        shortener = self.params["shorteners"].get(target, {})
        if "ratio" in shortener:
            return float(raw_tokens * shortener["ratio"] + ANSWER)
        form = shortener.get("budget_of", target)
        is_whole = form == "raw" or form in self.params["targets"]
        rho = 1.0 if is_whole else RHO[teacher, form]
        return raw_tokens * rho + ANSWER

    def generate(self, teacher: str) -> PartCost:
        """All attempts, wrong ones included: a question is asked again until it is solved."""
        attempts = self.traces / ACCURACY
        written_tokens = attempts * self.target_tokens(teacher, "raw")
        hours = written_tokens / WRITTEN[teacher] / 3600
        return PartCost(f"{teacher} answers", written_tokens, hours)

    def compress(self, compressor: str) -> PartCost:
        """The traces of all teachers, read and written."""
        tokens_of_a_trace = 0.0  # one of each teacher
        for teacher in self.params["grid"]["teachers"]:
            read_tokens = COMPRESSORS_PROMPT + QUESTION + self.target_tokens(teacher, "raw")
            tokens_of_a_trace += read_tokens + self.target_tokens(teacher, compressor)
        tokens = self.traces * tokens_of_a_trace
        hours = tokens / READ_AND_WRITTEN[compressor] / 3600
        return PartCost(f"{compressor} compresses", tokens, hours)

    def train(self, student: str) -> PartCost:
        """A student's cells, which read questions and completions in every epoch.

        LoRA counts 6N FLOPs a token, as full fine-tuning does.
        """
        grid = self.params["grid"]
        epochs = sum(self.params["methods"][method]["epochs"] for method in grid["methods"])
        passes = epochs * len(grid["seeds"])
        example_tokens = sum(QUESTION + length for length in self._completion_tokens())
        tokens = passes * self.traces * example_tokens
        flops = 6 * PARAMETERS[student] * tokens
        hours = flops / (PEAK * SHARE_OF_PEAK[student]) / 3600
        return PartCost(f"{student} learns", tokens, hours)

    def evaluate(self) -> PartCost:
        """The answers of all cells and of the untrained students.

        An answer is as long as what the cell was taught. An untrained student's is as long as the
        longest of those.
        """
        grid = self.params["grid"]
        cells_of_an_arm = len(grid["students"]) * len(grid["methods"]) * len(grid["seeds"])
        lengths = list(self._completion_tokens())
        questions = 0
        for set_name, entry in set_sizes.sets(self.params):
            _, test_rows = set_sizes.rows(set_name, entry)
            questions += test_rows
        # One answer is greedy, the others are drawn
        answers = (1 + self.params["evaluate"]["samples"]) * questions
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
        parts: list[PartCost] = []
        parts += map(self.generate, grid["teachers"])
        parts += map(self.compress, grid["compressors"])
        parts += map(self.train, grid["students"])
        parts.append(self.evaluate())
        return parts


def trace_count(params: Mapping[str, Any]) -> float:
    """Correct traces of a teacher on the training questions of its params.

    It is one for each question that at least one of K attempts solves.
    """
    training_questions = 0
    for set_name, entry in set_sizes.sets(params):
        train_rows, _ = set_sizes.rows(set_name, entry)
        training_questions += train_rows
    attempts = min(teacher["samples"] for teacher in params["teachers"].values())
    # As if attempts were independent, so it is too many: a hard question is hard each time
    solved_share = 1 - (1 - ACCURACY) ** attempts
    return float(training_questions * solved_share)


# What a part does, which is its last word, and what the sum over models is called
KINDS = {
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
    sums.append(_sum("together", parts))
    return sums


def _sum(name: str, parts: Sequence[PartCost]) -> PartCost:
    tokens = sum(part.tokens for part in parts)
    hours = sum(part.hours for part in parts)
    return PartCost(name, tokens, hours)


def table(columns: Sequence[tuple[str, Sequence[PartCost]]]) -> str:
    """A Markdown table of the same parts in several columns, each with its heading.

    Every column has tokens and hours of each part.
    """
    headings = ["part"]
    for heading, _ in columns:
        headings += [f"10^9 tokens, {heading}", f"hours, {heading}"]
    alignments = [":---"] + ["---:"] * (len(headings) - 1)
    table_rows = [headings, alignments]
    parts_of_columns = [parts for _, parts in columns]
    for costs_of_part in zip(*parts_of_columns, strict=True):
        row = [costs_of_part[0].part]
        for cost in costs_of_part:
            row += [f"{cost.tokens / 1e9:.2f}", f"{cost.hours:,.0f}"]
        table_rows.append(row)
    return "\n".join(f"| {' | '.join(row)} |" for row in table_rows)


def tables(paper: Mapping[str, Any], small: Mapping[str, Any]) -> tuple[str, str]:
    """The README's table, and that with a row for every model.

    Both have the paper profile with the paper's number of traces, and beside it paper_small.
    """
    small_traces = trace_count(small)
    columns = [
        (f"{PAPERS_TRACES:,} traces", StudyCosts(paper, PAPERS_TRACES).parts()),
        (f"{small_traces:,.0f} traces", StudyCosts(small, small_traces).parts()),
    ]
    summed = [(heading, together(parts)) for heading, parts in columns]
    return table(summed), table(columns)


def profile(name: str) -> dict[str, Any]:
    """The params of a profile, composed."""
    params: dict[str, Any] = yaml.safe_load(composed(name, []))
    return params


def main() -> None:
    """Print the tables."""
    print("\n\n".join(tables(profile("paper"), profile("paper_small"))))


if __name__ == "__main__":
    main()
