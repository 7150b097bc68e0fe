"""Files under data/imports, tracked with `dvc add`: pushed, pulled and run in a clone, by DVC and
git alone.
"""

import json
from pathlib import Path

from tests.e2e.project import Project

QUESTIONS, TRACES = "data/imports/questions/set.jsonl", "data/imports/traces/mine.jsonl"
VERIFIED = "metrics/own/verify/mine.json"
PROFILE = """# @package _global_
defaults:
  - smoke
  - _self_
profile: own
grid:
  profiles: [own]
  teachers: [mine]
  generated: []
  imported: [mine]
report:
  headline: {teacher: mine}
questions:
  sets:
    <<: {chain_sum: null, products: null, equations: null, mixed: null, legs: null}
    sums:
      kind: file
      group: in_distribution
      grader: numeric
      files: {pool: set.jsonl}
      fields: {id: id, question: q, gold: a}
      sizes: {train: 6, test: 2}
teachers:
  mine:
    model: someone
    files: [mine.jsonl]
    fields: {question_id: id, answer: text}
"""


def write(project: Project) -> None:
    """A profile of the user's own, and the files that it reads."""
    (project.root / "conf/profile/own.yaml").write_text(PROFILE)
    questions = [
        {"id": f"i{number}", "q": f"{number} and {number + 7}?", "a": 2 * number + 7}
        for number in range(8)
    ]
    answers = [
        {"id": row["id"], "text": f"<think>I add.</think>The answer is {row['a']}."}
        for row in questions
    ]
    for name, rows in ((QUESTIONS, questions), (TRACES, answers)):
        (project.root / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_imports_tracked_with_dvc_reach_a_clone_and_run_there(tmp_path: Path) -> None:
    project = Project(tmp_path / "first")
    write(project)
    project.compose("own")
    project.run("dvc", "add", QUESTIONS, TRACES)
    project.run("dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    assert "verify@own-mine" in project.repro("verify")
    first = (project.root / VERIFIED).read_text()
    assert json.loads(first)["sets"][0]["traces_kept"] == 6
    project.commit("own data")
    tracked = project.run("git", "ls-files", "data").stdout.split()
    assert {f"{QUESTIONS}.dvc", f"{TRACES}.dvc"} <= set(tracked)
    assert not {QUESTIONS, TRACES} & set(tracked)
    pushed = project.run("dvc", "push", QUESTIONS, TRACES).stdout
    assert "2 files pushed" in pushed

    clone = project.cloned(tmp_path / "second")
    assert not (clone.root / TRACES).exists()
    pulled = clone.run("dvc", "repro", "--pull", "verify").stdout
    assert "Running stage 'verify@own-mine'" in pulled  # the store has what was brought alone
    for name in (QUESTIONS, TRACES):
        assert (clone.root / name).read_bytes() == (project.root / name).read_bytes()
    assert (clone.root / VERIFIED).read_text() == first
    assert clone.run("git", "status", "--porcelain").stdout == ""
