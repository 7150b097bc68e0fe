"""What a stage's command shows its user: one line for what can be mended, exit code 1, nothing half
written.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from stages.core.records import Question
from tests.imports import ROOT
from tests.made import leftovers, question, response, run

# A stage whose body is given; run as a program, because it is the exit code and stderr that count
STAGE = """
import sys
from pathlib import Path
from stages.core import records
from stages.core.program import command, files
from stages.core.program.errors import StageError
from stages.core.records import Response

@command.stage("profile", optional=("teacher",))
def main(profile, teacher):
    'Does something.'
    {body}

main()
"""


def stage(
    tmp_path: Path, body: str, *options: str, first: str = ""
) -> subprocess.CompletedProcess[str]:
    """Runs a stage with that body in `tmp_path`, after the line `first`."""
    code = first + STAGE.format(body=body)
    env = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [sys.executable, "-c", code, *options],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
    )


TEST = ("--profile", "test")
PATH = "from pathlib import Path"
SMALL_FILES = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))"
RANDOM_TEXT = "''.join(random.choices('abcdefgh', k=400))"
RESPONSE = (
    f"Response(question_id=f'q{{n:05}}', sample=0, request_key='', seed=0, model='', reasoning={RANDOM_TEXT}, "
    "answer='', finish_reason='stop', prompt_tokens=None, completion_tokens=None)"
)
TORN = {
    "text": "files.write_text(Path('out.csv'), 'x' * 10000)",
    "json": "files.write_json(Path('out.json'), ['x'] * 10000)",
    "records": f"import random; records.write(Path('out.parquet'), ({RESPONSE} for n in range(4000)), Response)",
    "weights": "import torch; from safetensors.torch import save_file\n"
    "    with files.replacing(Path('out')) as folder:\n"
    "        folder.mkdir(); save_file({'w': torch.zeros(9999)}, folder / 'model.safetensors')",
}


def test_options_reach_the_body_and_all_is_quiet(tmp_path: Path) -> None:
    done = stage(tmp_path, "print(profile, teacher)", *TEST)
    assert (done.returncode, done.stdout, done.stderr) == (0, "test None\n", "")


def test_missing_option_is_named(tmp_path: Path) -> None:
    done = stage(tmp_path, "pass")
    assert done.returncode == 2
    assert "--profile" in done.stderr


def test_help_tells_what_the_stage_does(tmp_path: Path) -> None:
    done = stage(tmp_path, "pass", "--help")
    assert "Does something." in done.stdout
    assert "an entry of teachers in params.yaml" in done.stdout


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (
            "raise StageError('x.json: row 3: no gold; give it one')",
            "error: x.json: row 3: no gold; give it one\n",
        ),
        ("raise StageError('two\\n  lines\\n')", "error: two lines\n"),
    ],
)
def test_what_the_user_can_mend_is_one_line(tmp_path: Path, body: str, line: str) -> None:
    done = stage(tmp_path, body, *TEST)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", line)


def test_our_own_mistakes_keep_their_traceback(tmp_path: Path) -> None:
    done = stage(tmp_path, "{}['key']", *TEST)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_full_disk_is_one_line(tmp_path: Path) -> None:
    done = stage(tmp_path, "Path('/dev/full').write_text('x')", *TEST)
    assert done.returncode == 1
    assert (
        done.stderr
        == f"error: {tmp_path}: No space left on device; make room or rights there, then run the stage again\n"
    )


def test_folder_without_rights_is_named(tmp_path: Path) -> None:
    done = stage(tmp_path, "raise PermissionError(13, 'Permission denied', 'data/test')", *TEST)
    assert (
        done.stderr
        == "error: data/test: Permission denied; make room or rights there, then run the stage again\n"
    )


@pytest.mark.parametrize("kind", TORN)
def test_out_that_does_not_fit_is_one_line_and_leaves_nothing(tmp_path: Path, kind: str) -> None:
    done = stage(tmp_path, TORN[kind], *TEST, first=SMALL_FILES)
    assert done.returncode == 1
    assert done.stderr.startswith("error: out")
    assert ": File too large; make room or rights there" in done.stderr
    assert "partial" not in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("setup", "body", "line"),
    [
        (
            "Path('out').mkdir()",
            "files.write_text(Path('out'), 'x')",
            "out: Is a directory; move away",
        ),
        (
            "Path('data').write_text('')",
            "files.write_text(Path('data/out'), 'x')",
            "data: File exists; move away",
        ),
        (
            "Path('data').write_text('')",
            "files.write_text(Path('data/a/out'), 'x')",
            "data/a: Not a directory; move",
        ),
        (
            "",
            "files.write_text(Path('x' * 300), 'x')",
            f"{'x' * 300}: File name too long; give shorter names",
        ),
        ("", "Path('gone').read_text()", "gone: No such file or directory; `dvc repro`"),
        (
            "",
            "[open('/dev/null') for _ in range(99)]",
            "/dev/null: Too many open files; allow more open files",
        ),
        (
            "",
            "raise OSError(1, 'Operation not permitted', 'out')",
            "out: Operation not permitted; make room or rights",
        ),
        ("", "raise MemoryError", "out of memory; "),
        (
            "",
            "raise OSError(71, 'Protocol error', 'data')",
            "data: Protocol error; mend that, then run the stage again",
        ),
    ],
)
def test_what_the_system_refuses_is_one_line_that_names_the_file(
    tmp_path: Path, setup: str, body: str, line: str
) -> None:
    first = (
        f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n{PATH}\n{setup}"
    )
    done = stage(tmp_path, body, *TEST, first=first)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {line}")
    assert done.stderr.count("\n") == 1
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (r"a\x1b[31mred\x07 b", r"a\x1b[31mred\x07 b"),
        (r"a\u202eb\u200bc", r"a\u202eb\u200bc"),
        (r"a\ud800b", r"a\ud800b"),
        (r"gr\xf6\xdfer\u00a0\t\u2028x", "größer x"),
        ("'+'x' * 10**6+' at the end; mend it", f"{'x' * 1000} ... "),
    ],
)
def test_control_characters_are_spelled_out_and_long_lines_shortened(
    tmp_path: Path, text: str, line: str
) -> None:
    done = stage(tmp_path, f"raise StageError('{text}')", *TEST)
    assert done.stderr.startswith(f"error: {line}")
    assert done.stderr.count("\n") == 1
    assert len(done.stderr) < 2100
    assert not set(done.stderr) & set("\x1b\x07\u202e\u200b\u2028")
    if "mend it" in text:
        assert done.stderr.endswith(" at the end; mend it\n")


def test_secrets_of_the_environment_are_not_shown(tmp_path: Path) -> None:
    first = "import os; os.environ.update(VENDOR_API_KEY='sk-12345678', DEBUG='verbose-output')"
    done = stage(
        tmp_path,
        "raise StageError('401: bad key sk-12345678 in verbose-output')",
        *TEST,
        first=first,
    )
    assert done.stderr == "error: 401: bad key [VENDOR_API_KEY] in verbose-output\n"


def test_stage_that_runs_out_of_room_keeps_its_old_out(tmp_path: Path) -> None:
    from stages.core import records

    (tmp_path / "params.yaml").write_text("profile: test\nteachers: {own: {}}\n")
    data = tmp_path / "data/test"
    records.write(data / "questions.parquet", [question(0)], Question)
    rows = [
        response(0, sample, reasoning=f"{sample} is {hash((sample, 1)):x} " * 9)
        for sample in range(4000)
    ]
    records.write(data / "responses/own.parquet", rows, type(rows[0]))
    (data / "traces").mkdir()
    (data / "traces/own.parquet").write_text("of an earlier run")
    done = run("stages.verify", "--profile", "test", "--teacher", "own", cwd=tmp_path, limit=20000)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "File too large; make room" in done.stderr
    assert (data / "traces/own.parquet").read_text() == "of an earlier run"
    assert leftovers(tmp_path) == []
    assert not (tmp_path / "metrics").exists()
