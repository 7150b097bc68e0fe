"""The GPU check, rehearsed on whatever is here with its sizes cut down; its numbers on a GPU are in
metrics/gpu/.
"""

import dataclasses
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from stages.core.program.errors import StageError
from tests.gpu import check, device, families, parts, shown, smollm2
from tests.gpu.parts import Parts, SkippedError
from tests.imports import ROOT
from tests.readme import DOCUMENTS

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One thread here and in the other process: more only slow each other down at this size."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def results(folder: Path) -> dict[str, Any]:
    """What a check wrote."""
    (path,) = folder.glob("*.json")
    parts_by_name: dict[str, Any] = json.loads(path.read_text())
    return parts_by_name


@pytest.mark.usefixtures("quiet")
def test_rehearsal_does_every_part(tmp_path: Path) -> None:
    parts = check.check(check.REHEARSAL, tmp_path, 500, "abc")
    written = results(tmp_path)
    # torchao lies apart here (tests/core/training/test_eight_bit.py)
    assert parts.with_outcome("skipped") == ["llama8b_profile_full"]
    assert {part["outcome"] for part in written["parts"].values()} == {"ok", "skipped"}, written
    assert (written["commit"], written["failed"], written["versions"]["torch"]) == (
        "abc",
        [],
        torch.__version__,
    )
    raw, strong = (written["parts"][f"smollm2_{arm}_full"] for arm in smollm2.ARMS)
    assert raw["tokens"] > 1.5 * strong["tokens"]
    assert written["parts"]["smollm2_examples"]["raw"]["examples"] == check.REHEARSAL.traces
    ratio = written["parts"]["smollm2_raw_over_strong_full"]
    assert ratio["tokens"] == pytest.approx(raw["tokens"] / strong["tokens"], abs=1e-3)
    assert written["parts"]["smollm2_strong_answers"]["questions"] == check.REHEARSAL.questions
    cell = written["parts"]["llama8b_full_packed"]
    assert cell["packed"]
    assert cell["curve"][-1][2] < cell["curve"][0][2]
    line = shown.table(tmp_path).splitlines()[2]
    count = len(parts.found)
    cells = (written["device"], torch.__version__, f"{count - 1} of {count}", "1 of 1")
    assert f"| {' | '.join(cells)} |" in line


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_complete_rehearsal(tmp_path: Path) -> None:
    """All students, methods and layouts, and SmolLM2's real weights; of traces and steps a few."""
    sizes = dataclasses.replace(
        check.Sizes(), traces=8, questions=4, batch_size=4, epochs=1, max_new_tokens=16
    )
    parts = check.check(sizes, tmp_path, 1700)
    assert parts.with_outcome("failed", "left out") == []
    assert parts.with_outcome("skipped") == [part for part in parts.found if "_profile_" in part]
    assert len(parts.with_outcome("ok")) == 4 + 16 + 1 + 6 + 2 + 1 + 16


def test_failed_part_is_kept_and_the_next_begun(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> dict[str, Any]:
        raise ValueError("no\nkernel")

    def missing() -> dict[str, Any]:
        raise SkippedError("fla is not installed")

    checked = Parts(tmp_path / "a.json", 60, {"device": "x"})
    for name, body in (("one", broken), ("two", missing), ("three", lambda: {"loss": 1})):
        checked.run(name, body)
    checked.run("four", lambda: checked.of("one"))
    written = results(tmp_path)
    assert written["failed"] == ["one"]
    assert "in broken" in capsys.readouterr().err  # where it failed, for whoever mends it
    assert written["parts"]["one"] | {"seconds": 0} == {
        "outcome": "failed",
        "error": "ValueError: no kernel",
        "seconds": 0,
    }
    assert (written["parts"]["two"]["outcome"], written["parts"]["three"]["loss"]) == ("skipped", 1)
    assert written["parts"]["four"]["why"] == "one: failed"


def test_used_up_budget_ends_a_part_and_leaves_out_the_rest(tmp_path: Path) -> None:
    checked = Parts(tmp_path / "a.json", 0.3, {})

    def long() -> dict[str, Any]:
        try:
            time.sleep(20)
        except Exception:  # as libraries do
            return {}
        return {}

    checked.run("long", long)
    checked.run("later", lambda: {})
    written = results(tmp_path)["parts"]
    assert written["long"]["why"] == "the 0.3 s ended in it"
    assert written["later"]["why"] == "the 0.3 s were used up"
    assert written["long"]["seconds"] < 5


CURVE = [[1, 100, 6.5, 0.0], [2, 200, 6.4, 0.1], [3, 300, 6.0, 0.05]]


def moved(step_index: int, by: float) -> families.Curve:
    """The curve with one loss moved."""
    return [
        [*row[:2], row[2] + by * (number == step_index), row[3]] for number, row in enumerate(CURVE)
    ]


def test_losses_are_compared_within_a_tolerance() -> None:
    assert families.compared(moved(1, 0.01), CURVE)["first"] == pytest.approx(0.01)
    assert families.compared(moved(2, -0.05), CURVE)["later"] == pytest.approx(0.05)
    for other in (
        moved(0, 2 * families.FIRST),
        moved(2, 2 * families.LATER),
        moved(2, float("nan")),
    ):
        with pytest.raises(StageError, match="losses differ from the CPU's by"):
            families.compared(other, CURVE)
    with pytest.raises(StageError, match="are not those of the CPU"):
        families.compared(CURVE[:2], CURVE)


def test_linear_attention_without_kernels_is_skipped_on_a_gpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    families.kernels()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(families, "is_flash_linear_attention_available", lambda: False)
    with pytest.raises(SkippedError, match="flash-linear-attention is not installed"):
        families.kernels()


def test_utilisation_is_the_share_of_the_devices_peak() -> None:
    peak = device.PEAKS["NVIDIA H100 80GB HBM3"]
    assert device.utilisation(6 * 135e6 * 1e6, 2.0, peak) == pytest.approx(0.4093, abs=1e-3)
    assert device.utilisation(1.0, 1.0, None) is None
    assert device.file_name("NVIDIA H100 80GB HBM3") == "nvidia-h100-80gb-hbm3.json"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_it_refuses(tmp_path: Path) -> None:
    done = CliRunner().invoke(check.main, ["--out", str(tmp_path)])
    assert done.exit_code == 1
    assert not list(tmp_path.iterdir())
    done = CliRunner().invoke(check.main, ["--rehearse"])
    assert done.exit_code == 1
    assert not (ROOT / "metrics/gpu" / device.file_name(device.hardware.device())).exists()


def test_documents_show_the_results_and_no_others() -> None:
    documented = CONTRIBUTING.partition(shown.BEGIN)[2].partition(shown.END)[0]
    assert documented.strip() == shown.table().strip()
    if documented:
        assert "Nothing was run on a GPU" not in DOCUMENTS
    for path in shown.FOLDER.glob("*.json"):
        assert json.loads(path.read_text())["device"].startswith("NVIDIA")


def test_failure_is_the_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def checked(sizes: check.Sizes, out: Path, budget: float, commit: str | None) -> Parts:
        failing = parts.Parts(out / "a.json", budget, {})
        failing.run("one", lambda: {} if budget > 5 else {}["lost"])
        return failing

    monkeypatch.setattr(check, "check", checked)
    for budget, code in ((9, 0), (3, 1)):
        words = ["--rehearse", "--out", str(tmp_path), "--budget", str(budget)]
        assert CliRunner().invoke(check.main, words).exit_code == code
