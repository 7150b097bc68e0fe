"""Remote stores: what one machine pushed another one uses, and faults are told and change nothing.

Run: make test-remotes
"""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.e2e import remotes
from tests.e2e.project import Project
from tests.e2e.remotes import KINDS, Remote

pytestmark = [pytest.mark.remotes, pytest.mark.timeout(900)]
TRACES, CELL = "data/smoke/traces/scripted.parquet", "smoke-scripted-strong-tiny-lora-s0"
OTHER = "compressors.strong.max_ratio=0.5"  # a change of the strong compressor


def contents(project: Project, *folders: str) -> dict[str, str]:
    """The hash of every file below the folders."""
    hashes = {}
    for path in sorted(
        path for name in folders for path in (project.root / name).rglob("*") if path.is_file()
    ):
        hashes[str(path.relative_to(project.root))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return hashes


@pytest.fixture
def store(tmp_path: Path, smoked: Project) -> Remote:
    """A folder with all that the smoke profile has made."""
    with remotes.folder(tmp_path) as remote:
        first = smoked.copied(tmp_path / "first")
        remote.add(first)
        first.run("python", "-m", "tools.push")
    return remote


@pytest.fixture(params=KINDS)
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Remote]:
    """One of each kind, empty."""
    with KINDS[request.param](tmp_path) as remote:
        yield remote


def test_what_one_machine_pushed_another_pulls(
    any_store: Remote, smoked: Project, tmp_path: Path
) -> None:
    first = smoked.copied(tmp_path / "first")
    any_store.add(first)
    first.run("python", "-m", "tools.push")
    second = first.cloned(tmp_path / "second")
    any_store.add(second)
    second.run("dvc", "pull", "--run-cache")
    pulled = contents(first, "data/smoke")
    assert contents(second, "data/smoke") == pulled
    assert {name.split("/")[2] for name in pulled} >= {
        "traces",
        "compressed",
        "checkpoints",
        "predictions",
    }
    assert second.repro() == set()
    assert "up to date" in second.run("dvc", "status").stdout
    # no secret and no path of a machine
    words = [word for text in ("access_key", "keyfile", str(tmp_path)) for word in ("-e", text)]
    assert second.run("git", "grep", "-I", *words, "--", ".", ":!tests", check=False).stdout == ""


def test_traces_of_a_store_need_no_teacher(smoked: Project, tmp_path: Path) -> None:
    """The store holds questions and traces alone."""
    with remotes.folder(tmp_path) as remote:
        first = smoked.copied(tmp_path / "first")
        remote.add(first)
        first.run("dvc", "push", "questions@smoke", "verify@smoke-scripted")
    second = smoked.cloned(tmp_path / "second")
    remote.add(second)
    second.run("dvc", "pull", "questions@smoke", "verify@smoke-scripted")
    second.compose("smoke", OTHER)
    assert second.repro("-s", "models@smoke-tiny") == {"models@smoke-tiny"}
    ran = {
        name.partition("@")[0]
        for name in second.repro("--downstream", "compress", "evaluate_untrained")
    }
    assert ran >= {"compress", "shorten", "assemble", "train", "evaluate", "score", "report"}
    assert not ran & {"generate", "verify", "questions"}
    assert not (second.root / "data/smoke/responses").exists()


def test_figures_are_drawn_from_metrics_alone(smoked: Project, tmp_path: Path) -> None:
    second = smoked.cloned(tmp_path / "second")
    before = contents(second, "plots/smoke")
    shutil.rmtree(second.root / "plots/smoke")
    assert second.repro("-s", "report@smoke") == {"report@smoke"}
    assert contents(second, "plots/smoke") == before
    assert not list((second.root / "data").glob("smoke*"))


def test_run_cache_trains_nothing_twice(store: Remote, smoked: Project, tmp_path: Path) -> None:
    """What the first machine has run but not committed."""
    first, second = Project(tmp_path / "first", bare=True), smoked.cloned(tmp_path / "second")
    first.compose("smoke", OTHER)
    assert f"train@{CELL}" in first.repro()
    first.run("python", "-m", "tools.push")
    store.add(second)
    second.compose("smoke", OTHER)
    ran = {name.partition("@")[0] for name in second.repro("--pull")}
    assert not ran & {"models", "generate", "compress", "train", "evaluate"}
    before = ("data/smoke", "metrics/smoke", "plots/smoke")
    assert contents(second, *before) == contents(first, *before)
    assert (second.root / "dvc.lock").read_bytes() == (first.root / "dvc.lock").read_bytes()


def test_slices_of_two_machines_are_collected_without_training(
    smoked: Project, tmp_path: Path
) -> None:
    """A head node makes what the cells begin with, two machines share the cells at the same time,
    it collects.
    """
    head = smoked.cloned(tmp_path / "head")
    (head.root / "dvc.lock").unlink()
    with remotes.folder(tmp_path) as remote:
        remote.add(head)
    head.repro("example_questions")
    head.run("python", "-m", "tools.push")
    head.commit("what the cells begin with")
    machines = [head.cloned(tmp_path / name) for name in ("first", "second")]
    for machine in machines:
        remote.add(machine)
    slices = [
        subprocess.Popen(
            ["conf/launch/slice.sh", "smoke", str(number), "2"],
            cwd=machine.root,
            env=machine.env | {"OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for number, machine in enumerate(machines)
    ]
    output = "".join(process.communicate()[0] for process in slices)
    assert [process.returncode for process in slices] == [0, 0]
    trained = re.findall(r"Running stage 'train@([^']+)'", output)
    assert len(trained) == len(set(trained)) == 4
    ran = {name.partition("@")[0] for name in head.repro("--pull")}
    assert ran == {"score", "score_untrained", "examples", "report"}
    tables = contents(head, "plots/smoke/tables")
    expected = contents(smoked, "plots/smoke/tables")
    same = {name for name, digest in expected.items() if tables[name] == digest}
    timed = ("6_cost", "10_break_even", "headline")  # seconds differ from run to run
    assert {Path(name).stem for name in tables.keys() - same} <= set(timed)


def test_two_machines_push_at_once(any_store: Remote, smoked: Project, tmp_path: Path) -> None:
    machines = [smoked.copied(tmp_path / name) for name in ("first", "second")]
    for machine in machines:
        any_store.add(machine)
    pushes = [
        subprocess.Popen(["dvc", "push", "-q"], cwd=machine.root, env=machine.env)
        for machine in machines
    ]
    assert [push.wait() for push in pushes] == [0, 0]
    third = smoked.cloned(tmp_path / "third")
    any_store.add(third)
    third.run("dvc", "pull")
    assert contents(third, "data/smoke") == contents(smoked, "data/smoke")


def test_interrupted_push_goes_on(any_store: Remote, smoked: Project, tmp_path: Path) -> None:
    first = smoked.copied(tmp_path / "first")
    any_store.add(first)
    for seconds in (1.2, 1.6, 2.0):
        push = subprocess.Popen(["dvc", "push", "-q"], cwd=first.root, env=first.env)
        time.sleep(seconds)
        push.send_signal(signal.SIGKILL)
        push.wait()
    first.run("dvc", "push")
    second = smoked.cloned(tmp_path / "second")
    any_store.add(second)
    second.run("dvc", "pull")
    assert contents(second, "data/smoke") == contents(smoked, "data/smoke")


def object_of(path: Path, file: Path) -> Path:
    """The object in a cache or a folder of a store that holds a file's content."""
    digest = hashlib.md5(file.read_bytes()).hexdigest()
    return path / "files/md5" / digest[:2] / digest[2:]


def flip(path: Path) -> None:
    """Changes one byte of a file, whatever its rights."""
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_object_that_the_store_lacks_is_named(
    store: Remote, smoked: Project, tmp_path: Path
) -> None:
    object_of(Path(store.url), smoked.root / TRACES).unlink()
    second = smoked.cloned(tmp_path / "second")
    store.add(second)
    done = second.run("dvc", "pull", check=False)
    assert done.returncode != 0
    assert TRACES in done.stdout + done.stderr
    Project(tmp_path / "first", bare=True).run("dvc", "push")  # the README's repair
    second.run("dvc", "pull")
    assert contents(second, "data/smoke") == contents(smoked, "data/smoke")


def test_flipped_byte_in_the_store_is_not_pulled(
    store: Remote, smoked: Project, tmp_path: Path
) -> None:
    bad = object_of(Path(store.url), smoked.root / TRACES)
    flip(bad)
    second = smoked.cloned(tmp_path / "second")
    store.add(second)
    assert second.run("dvc", "pull", check=False).returncode != 0
    assert not (second.root / TRACES).exists()
    bad.unlink(missing_ok=True)
    Project(tmp_path / "first", bare=True).run("dvc", "push")
    second.run("dvc", "pull")
    assert contents(second, "data/smoke") == contents(smoked, "data/smoke")


def test_flipped_byte_in_the_cache_never_reaches_training(smoked: Project, tmp_path: Path) -> None:
    """The file in the workspace is a link to the cache's, so that both have it."""
    first = smoked.copied(tmp_path / "first")
    flip(object_of(first.root / ".dvc/cache", first.root / TRACES))
    shutil.copy(object_of(first.root / ".dvc/cache", smoked.root / TRACES), first.root / TRACES)
    ran = first.repro()
    assert f"train@{CELL}" not in ran
    assert contents(first, "data/smoke") == contents(smoked, "data/smoke")


def test_flipped_byte_that_dvc_cannot_see_stops_the_stage(smoked: Project, tmp_path: Path) -> None:
    """Time and size are as they were, as after a fault of the disk."""
    first = smoked.copied(tmp_path / "first")
    path = first.root / TRACES
    first.run("dvc", "status")  # DVC notes time and size
    before = path.stat()
    text = pq.read_metadata(path).row_group(0).column(5)
    assert text.path_in_schema == "reasoning"
    end = (text.dictionary_page_offset or text.data_page_offset) + text.total_compressed_size
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(end - 4)
        byte = file.read(1)
        file.seek(end - 4)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    first.compose("smoke", OTHER)
    done = first.run("dvc", "repro", check=False)
    assert done.returncode != 0
    assert f"error: {TRACES}: damaged" in done.stderr


@pytest.mark.parametrize("kind", ["s3", "ssh"])
def test_host_that_is_not_there_is_told(kind: str, smoked: Project, tmp_path: Path) -> None:
    with KINDS[kind](tmp_path) as remote:
        pass  # and gone
    first = smoked.copied(tmp_path / "first")
    remote.add(first)
    done = first.run("dvc", "push", check=False)
    assert done.returncode != 0
    assert "ERROR" in done.stderr
    assert "Traceback" not in done.stderr


def test_key_that_the_host_does_not_know_is_told(smoked: Project, tmp_path: Path) -> None:
    with remotes.ssh(tmp_path) as remote:
        first = smoked.copied(tmp_path / "first")
        remote.add(first, keyfile=str(tmp_path / "keys/stranger"))
        done = first.run("dvc", "push", check=False)
        assert done.returncode != 0
        assert "Permission denied" in done.stderr
        assert not (tmp_path / "store").exists()
        remote.add(first)
        first.run("dvc", "push")


def test_wrong_key_of_a_bucket_is_told(smoked: Project, tmp_path: Path) -> None:
    """Pushed with the right key and a wrong one, by turns: what was there stays, and the right key
    finds it whole.
    """
    wrong = {
        "InvalidAccessKeyId": {"access_key_id": "AKIASTRANGER00000000"},
        "SignatureDoesNotMatch": {"secret_access_key": "another"},
    }
    with remotes.s3(tmp_path) as opened:
        remote = remotes.guarded(opened)
        first = smoked.copied(tmp_path / "first")
        remote.add(first)
        first.run("dvc", "push", "questions@smoke")
        before = contents(first, "data/smoke")
        second = first.cloned(tmp_path / "second")
        for name, changed in wrong.items():
            for project in (first, second):
                remote.add(project, **changed)
            for command in (
                ("push",),
                ("pull",),
                ("push", "questions@smoke", "verify@smoke-scripted"),
            ):
                done = (second if "pull" in command else first).run("dvc", *command, check=False)
                assert done.returncode != 0
                # asked for one file's head S3 says 403 without a word, asked for more it says why
                assert ("Forbidden" if len(command) == 1 else name) in done.stderr
                assert "Traceback" not in done.stderr
        assert not (second.root / "data/smoke").exists()
        assert contents(first, "data/smoke") == before
        for project in (first, second):
            remote.add(project)
        second.run("dvc", "pull", "questions@smoke")
        assert list(contents(second, "data/smoke")) == [
            "data/smoke/near_duplicates.jsonl",
            "data/smoke/questions.parquet",
        ]
        assert (
            second.run("dvc", "pull", "verify@smoke-scripted", check=False).returncode != 0
        )  # was never pushed
        first.run("dvc", "push")
        second.run("dvc", "pull")
        assert contents(second, "data/smoke") == before
