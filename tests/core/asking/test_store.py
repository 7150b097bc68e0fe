"""The store of answers: nothing that was written is lost, nothing damaged is taken for an answer."""

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from stages.core.asking import store, store_lines
from stages.core.asking.store import Store, StoredAnswer
from stages.core.program.errors import StageError
from tests.imports import ROOT
from tests.made import leftovers, run
from tools import store as program

SAID = StoredAnswer("m", "The answer is 4.", None, "stop", 7, 5, 64, 0.25)
CUT = dataclasses.replace(
    SAID, text="The ans", finish_reason="length", completion_tokens=3, limit=3
)
SAMPLING = {"temperature": 0.6, "top_p": 0.95}


def name(number: int = 0) -> str:
    """A key."""
    return store.key("m", None, [1, 2, number], SAMPLING, 7, 0)


def fill(folder: Path, count: int = 3) -> Path:
    """A store of answers to the first keys; its shard."""
    with Store(folder) as found:
        for number in range(count):
            found.add(name(number), dataclasses.replace(SAID, text=f"The answer is {number}.\n"))
    (shard,) = folder.glob("*.shard")
    return shard


def test_answers_come_back_in_this_process_and_the_next(tmp_path: Path) -> None:
    with Store(tmp_path) as found:
        assert found.find(name(), 64) is None
        found.add(name(), SAID)
        assert found.find(name(), 64) == SAID
        with Store(tmp_path) as beside:
            assert beside.find(name(), 64) == SAID
    with Store(tmp_path) as found:
        assert found.find(name(), 64) == SAID
        assert found.find(name(1), 64) is None
        assert len(found) == 1


@given(text=st.text(), reasoning=st.none() | st.text())
def test_any_text_comes_back(
    tmp_path_factory: pytest.TempPathFactory, text: str, reasoning: str | None
) -> None:
    odd = dataclasses.replace(SAID, text=text + "\ud800\x00\r\n", reasoning=reasoning)
    folder = tmp_path_factory.mktemp("store")
    with Store(folder) as found:
        found.add(name(), odd)
    with Store(folder) as found:
        assert found.find(name(), 64) == odd


@pytest.mark.parametrize(
    ("answer", "limit", "serves"),
    [
        (SAID, 64, True),
        (SAID, 65, True),  # it ended by itself, and would have again
        (SAID, 5, True),
        (SAID, 4, False),
        (CUT, 3, True),
        (CUT, 4, False),  # a longer limit is asked again
        (CUT, 2, False),
        (dataclasses.replace(SAID, completion_tokens=None), 64, True),
        (dataclasses.replace(SAID, completion_tokens=None), 65, False),
    ],
)
def test_which_limits_an_answer_serves(
    tmp_path: Path, answer: StoredAnswer, limit: int, serves: bool
) -> None:
    with Store(tmp_path) as found:
        found.add(name(), answer)
        assert (found.find(name(), limit) == answer) == serves


def test_longer_answer_stands_beside_the_cut_one(tmp_path: Path) -> None:
    with Store(tmp_path) as found:
        found.add(name(), CUT)
        found.add(name(), SAID)
    with Store(tmp_path) as found:
        assert (found.find(name(), 3), found.find(name(), 64)) == (CUT, SAID)


def test_key_is_of_all_that_shapes_the_answer() -> None:
    base = ("m", "main", [1, 2], SAMPLING, 7, 0)
    others = [
        ("n", *base[1:]),
        ("m", None, *base[2:]),
        ("m", "main", [1, 2, 3], *base[3:]),
        ("m", "main", "12", *base[3:]),
        (*base[:3], SAMPLING | {"temperature": 0.7}, 7, 0),
        (*base[:3], SAMPLING | {"top_k": 1}, 7, 0),
        (*base[:4], 8, 0),
        (*base[:4], 7, 1),
    ]
    keys = {store.key(*each) for each in [base, *others]}
    assert len(keys) == 1 + len(others)
    assert store.key(*base) == store.key(*base)
    assert store.key(*base[:3], dict(reversed(SAMPLING.items())), 7, 0) == store.key(*base)


def test_shard_cut_at_any_byte_keeps_every_whole_line(tmp_path: Path) -> None:
    shard = fill(tmp_path)
    data = shard.read_bytes()
    ends = [place + 1 for place, byte in enumerate(data) if byte == ord("\n")]
    for size in range(len(data)):
        shard.write_bytes(data[:size])
        with Store(tmp_path) as found:
            whole = sum(end <= size for end in ends)
            assert len(found) == whole
            assert [found.find(name(number), 64) is not None for number in range(3)] == [
                n < whole for n in range(3)
            ]
        assert shard.read_bytes() == data[: ([0, *ends])[whole]]


def test_shard_with_a_changed_byte_loses_that_line_alone(tmp_path: Path) -> None:
    shard = fill(tmp_path)
    data = shard.read_bytes()
    second = data.index(b"\n") + 1
    for place in range(second, data.index(b"\n", second)):
        for path in tmp_path.iterdir():
            path.unlink()
        shard.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with Store(tmp_path) as found:
            assert [found.find(name(number), 64) is not None for number in range(3)] == [
                True,
                False,
                True,
            ], place
            assert found.set_aside >= 1
        assert shard.with_suffix(".torn").stat().st_size > 0
        with Store(tmp_path) as found:
            assert (len(found), found.set_aside) == (2, 0)


def test_line_that_a_living_writer_is_amid_is_left_to_it(tmp_path: Path) -> None:
    with Store(tmp_path) as found:
        found.add(name(0), SAID)
        (shard,) = tmp_path.glob("*.shard")
        whole = shard.read_bytes()
        with shard.open("ab") as file:
            file.write(whole[:20])
        with Store(tmp_path) as beside:
            assert (len(beside), beside.set_aside) == (1, 0)
        assert shard.read_bytes() == whole + whole[:20]
    with Store(tmp_path) as later:
        assert (len(later), later.set_aside) == (1, 1)


def test_killed_writer_loses_nothing_that_it_added(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from tests.core.asking.test_store import SAID, name
from stages.core.asking.store import Store
found = Store(Path({str(tmp_path)!r}))
for number in range(10**6):
    found.add(name(number), SAID)
    print(number, flush=True)
"""
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert writer.stdout
    for _ in range(100):
        last = int(writer.stdout.readline())
    os.kill(writer.pid, signal.SIGKILL)
    last = max([last, *map(int, writer.stdout.read().split("\n")[:-1])])
    writer.wait()
    with Store(tmp_path) as found:
        assert len(found) >= last + 1 >= 100
        assert all(found.find(name(number), 64) == SAID for number in range(last + 1))


def command(folder: Path, *words: str) -> tuple[int, str]:
    """Exit code and output of the store's command."""
    done = CliRunner().invoke(program.main, ["--folder", str(folder), *words])
    return done.exit_code, done.output


def test_list_counts_by_model(tmp_path: Path) -> None:
    with Store(tmp_path) as found:
        found.add(name(0), SAID)
        found.add(name(1), CUT)
        found.add(name(2), dataclasses.replace(SAID, model="n"))
    assert command(tmp_path, "list") == (
        0,
        "m: 2 answers, 1 of them cut, 8 tokens\nn: 1 answers, 0 of them cut, 5 tokens\n",
    )


def test_check_fails_once_where_something_was_damaged(tmp_path: Path) -> None:
    shard = fill(tmp_path)
    assert command(tmp_path, "check") == (0, f"{tmp_path}: 3 answers whole, 0 lines set aside\n")
    shard.write_bytes(shard.read_bytes()[:-1])
    assert command(tmp_path, "check") == (1, f"{tmp_path}: 2 answers whole, 1 lines set aside\n")
    assert command(tmp_path, "check")[0] == 0


def test_prune_merges_and_drops_repeats_and_a_model(tmp_path: Path) -> None:
    for _ in range(3):
        with Store(tmp_path) as found:
            found.add(name(0), SAID)
            found.add(name(0), CUT)
            found.add(name(1), dataclasses.replace(SAID, model="n"))
    assert command(tmp_path, "prune") == (0, f"{tmp_path}: 3 of 9 answers kept\n")
    assert len(list(tmp_path.iterdir())) == 1
    assert command(tmp_path, "prune", "--model", "n") == (0, f"{tmp_path}: 2 of 3 answers kept\n")
    with Store(tmp_path) as found:
        assert (found.find(name(0), 64), found.find(name(0), 3), found.find(name(1), 64)) == (
            SAID,
            CUT,
            None,
        )


def test_prune_leaves_a_store_that_is_written_to(tmp_path: Path) -> None:
    with Store(tmp_path) as found:
        found.add(name(0), SAID)
        code, output = command(tmp_path, "prune")
        assert code == 1
        assert "a stage is writing to it" in output
        assert found.find(name(0), 64) == SAID


@pytest.mark.parametrize("word", ["list", "check", "prune"])
def test_folder_that_is_not_there_is_refused_and_not_made(tmp_path: Path, word: str) -> None:
    done = run("tools.store", "--folder", "typo", word, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: typo: no such folder; ")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_prune_on_a_full_disk_is_one_line_and_loses_nothing(tmp_path: Path) -> None:
    with Store(tmp_path / "data/store") as found:
        for number in range(200):
            found.add(name(number), SAID)
    done = run("tools.store", "prune", cwd=tmp_path, limit=5000)
    assert done.returncode == 1
    assert done.stderr == (
        "error: data/store/.pruned: File too large; make room or rights there, then run the stage again\n"
    )
    assert leftovers(tmp_path) == []
    assert command(tmp_path / "data/store", "list")[1].startswith("m: 200 answers")


def test_refresh_reads_what_others_wrote_since(tmp_path: Path) -> None:
    with Store(tmp_path) as early, Store(tmp_path) as writer:
        for number in range(4):
            writer.add(name(number), SAID)
            assert early.find(name(number), 64) is None
            early.refresh()
            assert early.find(name(number), 64) == SAID
            assert len(early) == number + 1


def test_refresh_passes_over_a_line_that_is_being_written(tmp_path: Path) -> None:
    with Store(tmp_path) as early, Store(tmp_path) as writer:
        writer.add(name(0), SAID)
        (shard,) = tmp_path.glob("*.shard")
        line = store_lines.line(name(1), dataclasses.asdict(SAID))
        with shard.open("ab") as half:
            half.write(line[:20])
        early.refresh()
        assert (early.find(name(0), 64), early.find(name(1), 64)) == (SAID, None)
        with shard.open("ab") as half:
            half.write(line[20:])
        early.refresh()
        assert (early.find(name(1), 64), len(early)) == (SAID, 2)


def test_answers_stay_readable_where_another_process_cleaned_their_shard(tmp_path: Path) -> None:
    shard = fill(tmp_path, count=3)
    with Store(tmp_path) as early:
        with shard.open("r+b") as file:
            file.seek(len(store_lines.line(name(0), dataclasses.asdict(SAID))) // 2)
            file.write(b"#")
        with Store(tmp_path) as cleaner:
            assert (cleaner.set_aside, len(cleaner)) == (1, 2)
        found = early.find(name(2), 64)
        assert found is not None
        assert found.text == "The answer is 2.\n"
        with pytest.raises(
            StageError, match="an answer was damaged while it was in use; run the stage again"
        ):
            early.find(name(0), 64)


def test_one_process_asks_at_a_time(tmp_path: Path) -> None:
    """The lock is one of the file system: another process that waits for it goes on when this one
    is through.
    """
    code = (
        "import sys; from pathlib import Path; from stages.core.asking.store import Store\n"
        "with Store(Path(sys.argv[1])) as store, store.alone('m'): print(len(store))"
    )
    with Store(tmp_path) as found:
        with found.alone("m"):
            other = subprocess.Popen(
                [sys.executable, "-c", code, str(tmp_path)],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            assert other.stderr
            assert "waiting for another stage that asks m" in other.stderr.readline()
            found.add(name(), SAID)
        assert other.communicate()[0] == "1\n"


def test_many_shards_are_no_trouble(tmp_path: Path) -> None:
    for number in range(1500):  # more than the files that a process may open by default
        (tmp_path / f"{number:020}-1.shard").write_bytes(
            store_lines.line(name(number), dataclasses.asdict(SAID))
        )
    with Store(tmp_path) as found:
        assert len(found) == 1500
