"""What the captions of figures say: what each shows, and which metrics it was made from."""

from dataclasses import dataclass
from pathlib import Path

from stages.core.program import files
from stages.core.statistics.bootstrap import Bootstrap

# The folders of metrics that each figure is made from
FIGURES = {
    "3_rho": ("compress",),
    "4_accuracy": ("scores",),
    "5_accuracy_tokens": ("scores",),
    "5b_accuracy_generated": ("scores",),
    "6_cost": ("train", "timing"),
    "7_truncation": ("scores", "shorten"),
    "8_retention_efficiency": ("scores",),
    "9_budget": ("scores",),
    "11_frontier": ("scores", "train"),
}
# What each figure shows; {intervals} and {questions} are those of an About
_DESCRIPTIONS = {
    "3_rho": "rho, compressed / raw characters of each kept training trace, by data set and "
    "compressor: median and quartiles, no interval; at the bottom the means of the sets' means.",
    "4_accuracy": "Accuracy of greedy answers by arm, a panel for each student and method, the "
    "questions of each group apart. {intervals}",
    "5_accuracy_tokens": "Accuracy against the median number of reasoning tokens, those up to the "
    "tag that closes the reasoning; answer-only students write none and untrained ones mark none; "
    "on {questions}. Points at one place are moved apart sideways; the light horizontal lines are "
    "the tokens' quartiles. {intervals}",
    "5b_accuracy_generated": "Figure 5 with the median number of all generated tokens, reasoning "
    "and answer together, on {questions}. {intervals}",
    "6_cost": "Training tokens, FLOPs and seconds inside steps relative to raw, over the matched "
    "training questions; counts have no interval, seconds the t interval over seeds where there "
    "are several.",
    "7_truncation": "Accuracy after training on compressed traces less that after training on raw "
    "traces cut to the same budget of tokens, on {questions}. {intervals}",
    "8_retention_efficiency": "Accuracy, mean generated tokens and accuracy per generated token, "
    "each relative to raw, on {questions}. {intervals}",
    "9_budget": "Accuracy within a cap of generated tokens: an answer that had not ended by then "
    "counts as none; on {questions}. {intervals}",
    "11_frontier": "Accuracy against completion tokens of one pass over the training set, on a "
    "logarithmic axis, on {questions}, a panel for each student and method. A line joins the "
    "budgets of one way of shortening, smallest on the left; raw, other targets and answer-only "
    "are single points, and the dashed line is the untrained student. Small dots are single seeds. "
    "Points at one place are moved apart sideways. {intervals}",
}

# What is drawn of the paper
_SHORTER = "Grey is where the paper's lengths would lie: outputs 3 to 19 times shorter than raw's."
_PAPER_DESCRIPTIONS = {
    "3_rho": "Hatched is the range of the paper's four means, which stand beside ours at the "
    "bottom.",
    "5_accuracy_tokens": _SHORTER,
    "5b_accuracy_generated": _SHORTER,
    "6_cost": "Hatched are the paper's ranges for compressed traces.",
    "8_retention_efficiency": 'Hatched, or a line where it says "up to", is what the paper gives '
    "of compressed traces.",
}


@dataclass(frozen=True)
class About:
    """What captions say of a report: its main questions, and how its intervals are made."""

    questions: str  # as "132 in-distribution questions"
    bootstrap: Bootstrap
    has_paper: bool = False  # whether the paper's own ranges are drawn

    @property
    def intervals(self) -> str:
        """A sentence on what intervals are."""
        return (
            f"Intervals are {100 * self.bootstrap.confidence:g} % ones of a bootstrap over "
            "questions, and over seeds where there are several."
        )


def description(name: str, about: About) -> str:
    """What figure `name` shows, in a sentence or two: its quantity, interval and questions."""
    text = _DESCRIPTIONS[name].format(questions=about.questions, intervals=about.intervals)
    if about.has_paper and name in _PAPER_DESCRIPTIONS:
        text += f" {_PAPER_DESCRIPTIONS[name]}"
    return text


def sources(name: str, root: Path, about: About) -> str:
    """The metrics that figure `name` was made from, and the report's params if they matter to it.

    Metrics come with the hash of their contents.
    """
    folders = [_describe_folder(root / folder) for folder in FIGURES[name]]
    params = ""
    if "{intervals}" in _DESCRIPTIONS[name] or name == "6_cost":
        bootstrap = about.bootstrap
        params = (
            f", params.yaml: report.resamples {bootstrap.resamples}, "
            f"report.confidence {bootstrap.confidence}, report.seed {bootstrap.seed}"
        )
    return f"From {' and '.join(folders)}{params}."


def _describe_folder(folder: Path) -> str:
    """A folder of metrics with the number of its files and their hash."""
    paths = list(folder.iterdir()) if folder.is_dir() else []
    count = sum(path.is_file() for path in paths)
    return f"{folder} ({count_files(count)}, sha256 {files.digest(folder)[:12]})"


def count_files(count: int) -> str:
    """A number of files for readers, as "1 file" or "2 files"."""
    return f"{count} file" if count == 1 else f"{count} files"
