"""How many attempts a teacher made at each question, and how many of them were right."""

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from stages.core.program.errors import StageError


def counts(path: Path) -> Counter[str]:
    """The number of rows of each question in a file of responses or traces.

    Their texts, which are long, are not read. Raises StageError where the file cannot be read.
    """
    try:
        column = pq.read_table(path, columns=["question_id"])["question_id"]
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).strip().split("\n")[0]
        raise StageError(
            f"{path}: cannot be read: {reason}; run `dvc repro` or `dvc pull {path}`"
        ) from error
    return Counter(column.to_pylist())


def right_shares(attempts: Counter[str], right: Counter[str]) -> dict[str, float]:
    """The share of each question's attempts that are right.

    An attempt that `verify` did not keep counts as wrong, one that was cut among them.
    """
    return {question_id: right[question_id] / count for question_id, count in attempts.items()}
