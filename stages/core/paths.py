"""Where the files of a profile are.

dvc.yaml names the same paths, and tests/project/test_paths.py compares the two.
"""

from dataclasses import dataclass
from pathlib import Path

from stages.core.cells import Cell


@dataclass(frozen=True)
class DataPaths:
    """The results of one profile that DVC caches.

    They are the files in `folder`, which is data/<profile>.
    """

    folder: Path

    @property
    def questions(self) -> Path:
        """Every question of every set."""
        return self.folder / "questions.parquet"

    @property
    def near_duplicates(self) -> Path:
        """Training questions that are close to a test question."""
        return self.folder / "near_duplicates.jsonl"

    @property
    def checkpoints(self) -> Path:
        """The folder of all checkpoints."""
        return self.folder / "checkpoints"

    def model(self, student: str) -> Path:
        """An untrained student's folder."""
        return self.folder / "models" / student

    def responses(self, teacher: str) -> Path:
        """All attempts of a teacher."""
        return self.folder / "responses" / f"{teacher}.parquet"

    def traces(self, teacher: str) -> Path:
        """The correct attempts of a teacher."""
        return self.folder / "traces" / f"{teacher}.parquet"

    def compressed(self, teacher: str, compressor: str) -> Path:
        """A teacher's traces, shortened by a compressor."""
        return self.folder / "compressed" / teacher / f"{compressor}.parquet"

    def shortened(self, teacher: str, student: str, shortener: str) -> Path:
        """A teacher's traces, brought down by a shortener to a budget of a student's tokens."""
        return self.folder / "shortened" / teacher / student / f"{shortener}.parquet"

    def sft(self, teacher: str, student: str) -> Path:
        """The folder of a student's training examples, a file for each target."""
        return self.folder / "sft" / teacher / student

    def checkpoint(self, cell: Cell) -> Path:
        """A trained student's folder."""
        return self.checkpoints / cell.name

    def predictions(self, cell: Cell) -> Path:
        """A cell's answers to the evaluated questions."""
        return self.folder / "predictions" / f"{cell.name}.parquet"

    def scores(self, cell: Cell) -> Path:
        """A cell's graded answers."""
        return self.folder / "scores" / f"{cell.name}.parquet"

    def example_questions(self, student: str) -> Path:
        """Training questions that a student answers for the report's page."""
        return self.folder / "examples" / "questions" / f"{student}.parquet"

    def example_predictions(self, cell: Cell) -> Path:
        """A cell's answers to these training questions."""
        return self.folder / "examples" / "predictions" / f"{cell.name}.parquet"

    def example_scores(self, cell: Cell) -> Path:
        """A cell's graded answers to these training questions."""
        return self.folder / "examples" / "scores" / f"{cell.name}.parquet"

    def disagreements(self, stage: str, name: str) -> Path:
        """The page of answers on which the two graders disagree."""
        return self.folder / "disagreements" / stage / f"{name}.md"


def data(profile: str) -> DataPaths:
    """The files of a profile's results, which DVC caches."""
    return DataPaths(Path("data") / profile)


def metrics(profile: str) -> Path:
    """The folder of a profile's small results, which git holds."""
    return Path("metrics") / profile


def metric(profile: str, kind: str, name: str) -> Path:
    """A file of metrics about one item.

    `metric("default", "verify", "scripted")` is metrics/default/verify/scripted.json.
    """
    return metrics(profile) / kind / f"{name}.json"


def plots(profile: str) -> Path:
    """The folder of a profile's report."""
    return Path("plots") / profile
