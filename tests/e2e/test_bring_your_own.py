"""Imported traces through the whole graph: Qwen3-8B's answers of ../shared/data, from verify to
report.
"""

import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.project import Project
from tests.imports import ROOT

TRACES = ROOT.parent / "shared" / "data" / "traces" / "qwen3-8b"
PROFILE = """# @package _global_
defaults:
  - smoke
  - _self_
profile: own
grid:
  profiles: [own]
  teachers: [qwen]
  generated: []
  imported: [qwen]
  methods: [lora]
report:
  headline: {teacher: qwen, student: tiny, method: lora, seed: s0}
questions:
  sets:
    chain_sum: null             # inherited from the smoke profile, and left out
    products: null
    equations: null
    mixed: null
    legs: null
    arithmetic: &set
      kind: file
      group: in_distribution
      grader: numeric
      files: {pool: items.json}
      fields: {id: id, question: prompt, gold: answer}
      where: {type: arith}
      sizes: {train: 32, validation: 0, test: 8}
    deduction: {<<: *set, grader: exact, where: {type: deduct}}
teachers:
  qwen:
    model: qwen3-8b
    files: [think-on.jsonl]
    fields:
      question_id: item_id
      reasoning: thinking
      answer: content
      finish_reason: done_reason
      completion_tokens: eval_count
      prompt_tokens: prompt_eval_count
    unknown_questions: drop     # the file answers items of other types too
students:
  tiny:
    source: {config: {max_position_embeddings: 4096}}
    text: {max_tokens: 4000}
"""


@pytest.mark.slow
@pytest.mark.skipif(not TRACES.is_dir(), reason="../shared/data is absent")
def test_imported_traces_reach_the_report(tmp_path: Path) -> None:
    project = Project(tmp_path / "own")
    shutil.copy(TRACES / "items.json", project.root / "data/imports/questions/items.json")
    shutil.copy(
        TRACES / "qwen3-8b__think-on.jsonl", project.root / "data/imports/traces/think-on.jsonl"
    )
    (project.root / "conf/profile/own.yaml").write_text(PROFILE)
    project.compose("own")
    ran = project.repro()
    assert "import_traces@own-qwen" in ran
    assert not [name for name in ran if name.startswith("generate")]
    metrics = project.root / "metrics/own"
    sets = json.loads((metrics / "questions.json").read_text())["sets"]
    assert [question_set["source"] for question_set in sets] == ["arithmetic", "deduction"]
    verified = {
        row["source"]: row for row in json.loads((metrics / "verify/qwen.json").read_text())["sets"]
    }
    assert verified["arithmetic"]["traces_kept"] >= 28
    assert verified["deduction"]["traces_kept"] >= 20
    assembled = json.loads((metrics / "assemble/qwen-tiny.json").read_text())
    assert assembled["dropped"]["over_long"] > 0
    assert assembled["examples"] >= 20
    assert (project.root / "plots/own/tables/headline.md").is_file()
