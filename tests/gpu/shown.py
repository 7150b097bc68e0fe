"""Print the results of metrics/gpu/ as a table for CONTRIBUTING.md, with a line for each device.

Run: python -m tests.gpu.shown
"""

from pathlib import Path
from typing import Any

from stages.core.program.files import read_json
from tests.imports import ROOT

FOLDER = ROOT / "metrics/gpu"
BEGIN, END = "<!-- gpu -->\n", "<!-- end -->"
ARMS = ("raw", "strong")
HEAD = (
    "device",
    "torch",
    "parts ok",
    "students as on a CPU",
    *(f"{arm}: tokens/s" for arm in ARMS),
    *(f"{arm}: MFU" for arm in ARMS),
    "raw / strong: seconds a step",
    "tokens a step",
    "peak GB",
    "answers: tokens/s",
    "right",
)


def table(folder: Path = FOLDER) -> str:
    """The table of a folder's results; empty where there are none."""
    lines = [_line(read_json(path)) for path in sorted(folder.glob("*.json"))]
    rule = [":---", ":---", *["---:"] * (len(HEAD) - 2)]
    rows = [HEAD, rule, *lines] if lines else []
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _line(results: dict[str, Any]) -> list[str]:
    """One device's line. SmolLM2's numbers are those of full fine-tuning."""
    parts = results["parts"]

    def number(part: str, name: str, form: str) -> str:
        value = parts.get(part, {}).get(name)
        return "-" if value is None else format(value, form)

    learned = [f"smollm2_{arm}_full" for arm in ARMS]
    ratio, answered = "smollm2_raw_over_strong_full", "smollm2_strong_answers"
    return [
        results["device"],
        str(results["versions"]["torch"]),
        _share(list(parts.values())),
        _share([part for name, part in parts.items() if name.endswith("_as_on_cpu")]),
        *(number(part, "tokens_a_second", ",.0f") for part in learned),
        *(number(part, "mfu", ".1%") for part in learned),
        *(number(ratio, name, ".2f") for name in ("seconds_a_step", "tokens_a_step")),
        number(learned[0], "peak_memory_gb", ".1f"),
        number(answered, "tokens_a_second", ",.0f"),
        number(answered, "accuracy", ".1%"),
    ]


def _share(parts: list[dict[str, Any]]) -> str:
    return f"{sum(part['outcome'] == 'ok' for part in parts)} of {len(parts)}"


if __name__ == "__main__":
    print(f"{BEGIN}{table()}{END}")
