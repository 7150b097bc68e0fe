"""Question sets from reasoning-gym and from files: split without overlap, every gold readable,
nothing lost unseen.
"""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from stages.core import grading, records
from stages.core.grading.choice import options
from stages.core.program.errors import StageError
from stages.core.questions import patterns
from stages.core.questions.items import QuestionSet
from stages.core.records import Question
from stages.questions import collect
from tests.conftest import Project
from tests.made import run

FIELDS = {"question": "q", "gold": "a"}
FILE = QuestionSet(
    "file",
    "in_distribution",
    "numeric",
    {"train": 2, "test": 2},
    files={"pool": "pool.jsonl"},
    fields=FIELDS,
)
SUMS = QuestionSet(
    "reasoning_gym",
    "in_distribution",
    "numeric",
    {"train": 6, "validation": 3, "test": 4},
    seed=3,
    task="chain_sum",
    config={"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 1},
)


@pytest.fixture
def imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of files that users bring, in a project of its own."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data/imports/questions"
    folder.mkdir(parents=True)
    return folder


def rows(*numbers: int, **more: Any) -> str:
    """A jsonl file of the questions `<n> + 1?`."""
    return "".join(
        json.dumps({"q": f"{n} + 1?", "a": n + 1, "id": f"i{n}"} | more) + "\n" for n in numbers
    )


def texts(found: list[Question], split: str) -> set[str]:
    """The questions of a split."""
    return {question.question for question in found if question.split == split}


def change(entry: QuestionSet, **values: Any) -> QuestionSet:
    """The set with other settings."""
    return dataclasses.replace(entry, **values)


def test_pool_is_dealt_to_the_splits_without_overlap(imports: Path) -> None:
    (imports / "pool.jsonl").write_text(rows(*range(7)))
    found, dropped = collect("mine", FILE)
    train, test = texts(found, "train"), texts(found, "test")
    assert (len(train), len(test), train & test, dropped) == (2, 2, set(), {})
    assert len({question.question_id for question in found}) == 4


def test_dealing_depends_on_listedand_seed_and_not_on_the_files_order(imports: Path) -> None:
    (imports / "pool.jsonl").write_text(rows(*range(40)))
    found, _ = collect("mine", FILE)
    (imports / "pool.jsonl").write_text(rows(*reversed(range(40))))
    again, _ = collect("mine", FILE)
    assert {(row.question_id, row.split) for row in again} == {
        (row.question_id, row.split) for row in found
    }
    other, _ = collect("mine", change(FILE, seed=1))
    assert texts(other, "test") != texts(found, "test")


def test_size_none_takes_all_that_are_left(imports: Path) -> None:
    (imports / "pool.jsonl").write_text(rows(*range(9)))
    found, _ = collect("mine", change(FILE, sizes={"train": None, "test": 2}))
    assert (len(texts(found, "train")), len(texts(found, "test"))) == (7, 2)


def test_own_files_of_the_splits_stay_there(imports: Path) -> None:
    (imports / "train.jsonl").write_text(rows(1, 2, 3))
    (imports / "test.jsonl").write_text(rows(4, 5))
    files = {"train": "train.jsonl", "test": "test.jsonl"}
    found, _ = collect("mine", change(FILE, files=files, sizes={"train": None, "test": None}))
    assert texts(found, "train") == {"1 + 1?", "2 + 1?", "3 + 1?"}
    assert texts(found, "test") == {"4 + 1?", "5 + 1?"}


def test_question_of_train_and_test_stays_in_test_alone(imports: Path) -> None:
    (imports / "train.jsonl").write_text(rows(1, 2))
    (imports / "test.jsonl").write_text(rows(2, 3))
    files, sizes = {"train": "train.jsonl", "test": "test.jsonl"}, {"train": None, "test": None}
    found, dropped = collect("mine", change(FILE, files=files, sizes=sizes, duplicates="drop"))
    assert (texts(found, "train"), texts(found, "test")) == ({"1 + 1?"}, {"2 + 1?", "3 + 1?"})
    assert dropped == {"duplicate": 1}


def test_wanted_value_that_no_row_has_is_an_error(imports: Path) -> None:
    (imports / "pool.jsonl").write_text(rows(1, 2, 3, kind="pick") + rows(4, kind="other"))
    entry = change(FILE, sizes={"test": 1}, where={"kind": ["pick", "picks"]})
    with pytest.raises(StageError, match="where: no row has kind 'picks'"):
        collect("mine", entry)
    assert len(collect("mine", change(entry, where={"kind": ["pick", "other"]}))[0]) == 1


def test_rows_become_questions(imports: Path) -> None:
    row = {
        "n": "x7",
        "ask": " Which? ",
        "gold": "B",
        "opts": ["red", "blue"],
        "kind": "pick",
        "level": "Level 4",
    }
    (imports / "pool.json").write_text(json.dumps([row, row | {"kind": "other"}]))
    fields = {
        "id": "n",
        "question": "ask",
        "gold": "gold",
        "choices": "opts",
        "difficulty": "level",
    }
    entry = change(
        FILE,
        grader="choice",
        sizes={"test": 1},
        files={"pool": "pool.json"},
        fields=fields,
        where={"kind": "pick"},
    )
    (found,), _ = collect("mine", entry)
    assert found == Question(
        question_id=found.question_id,
        source="mine",
        source_id="x7",
        group="in_distribution",
        split="test",
        question="Which?\nA. red\nB. blue",
        choices=("red", "blue"),
        gold="B",
        grader="choice",
        difficulty=4.0,
    )


MATH = {"grader": "math", "sizes": {"test": 1}}


@pytest.mark.parametrize(
    ("row", "changes", "question", "gold"),
    [
        ({"q": [{"role": "user", "content": "1 + 1?"}], "a": 2}, {}, "1 + 1?", "2"),
        (
            {
                "q": [{"from": "system", "value": "Think."}, {"from": "human", "value": "1 + 1?"}],
                "a": 2,
            },
            {},
            "1 + 1?",
            "2",
        ),
        ({"q": [{"type": "text", "text": "1 + 1?"}], "a": ["2"]}, {}, "1 + 1?", "2"),
        ({"q": ["1 + 1?"], "a": 2.0}, {}, "1 + 1?", "2.0"),
        ({"q": "Roots?", "a": ["3", 5]}, MATH, "Roots?", "3, 5"),
        ({"q": "Sky blue?", "a": True}, {"grader": "boolean"}, "Sky blue?", "true"),
        ({"q": "1 + 1?", "a": "x or 2"}, {"gold_pattern": r"(?:(\d)|x)$"}, "1 + 1?", "2"),
    ],
)
def test_values_are_used_as_text_where_they_are_one(
    imports: Path, row: dict[str, Any], changes: dict[str, Any], question: str, gold: str
) -> None:
    (imports / "pool.json").write_text(json.dumps([row]))
    entry = change(FILE, files={"pool": "pool.json"}, sizes={"test": 1})
    (found,), _ = collect("mine", change(entry, **changes))
    assert (found.question, found.gold) == (question, gold)


@pytest.mark.parametrize("gold", [None, float("nan"), "", [], " "])
def test_missing_golds_are_counted_whatever_says_so(imports: Path, gold: Any) -> None:
    (imports / "pool.jsonl").write_text(rows(1) + rows(2, a=gold))
    entry = change(FILE, sizes={"test": None}, missing_gold="drop")
    assert collect("mine", entry)[1] == {"no_gold": 1}


def test_unreadable_golds_are_dropped_and_counted_where_the_set_says_so(imports: Path) -> None:
    (imports / "pool.jsonl").write_text(rows(1, 2, 3) + rows(4, a="several") + rows(5, a="many"))
    entry = change(FILE, sizes={"train": 1, "test": 2}, unreadable_gold="drop")
    found, dropped = collect("mine", entry)
    assert dropped == {"unreadable_gold": 2}
    assert texts(found, "train") | texts(found, "test") == {"1 + 1?", "2 + 1?", "3 + 1?"}
    healthy = rows(1, 2, 3)
    (imports / "pool.jsonl").write_text(healthy)
    assert (
        collect("mine", entry)[0]
        == collect("mine", change(entry, unreadable_gold="error"))[0]
        == found
    )


OPTIONS = {"s": "Sky?", "p": "Look up.", "o1": "blue", "o2": "red", "all": ["red", "blue"]}


@pytest.mark.parametrize(
    ("row", "fields", "changes", "text", "gold"),
    [
        (
            {"g": "o2"},
            {"choices": ["o1", "o2"]},
            {"gold_pattern": "o(2)"},
            "Sky?\nA. blue\nB. red",
            "2",
        ),
        ({"g": 1}, {"choices": "all"}, {"gold_is": "place"}, "Sky?\nA. red\nB. blue", "B"),
        ({"g": "0"}, {"choices": "all"}, {"gold_is": "place"}, "Sky?\nA. red\nB. blue", "A"),
        ({"g": [0, 1]}, {"choices": "all"}, {"gold_is": "flags"}, "Sky?\nA. red\nB. blue", "B"),
        (
            {"g": "A"},
            {"choices": ["{o1} sky", "o2"], "question": "{p} {s}"},
            {},
            "Look up. Sky?\nA. blue sky\nB. red",
            "A",
        ),
        ({"g": "yes"}, {"question": "{p}\n{s}"}, {"grader": "boolean"}, "Look up.\nSky?", "yes"),
    ],
)
def test_listedand_listedof_several_fields(
    imports: Path,
    row: dict[str, Any],
    fields: dict[str, Any],
    changes: dict[str, Any],
    text: str,
    gold: str,
) -> None:
    (imports / "pool.json").write_text(json.dumps([OPTIONS | row]))
    mapped = {"question": "s", "gold": "g"} | fields
    entry = change(FILE, sizes={"test": 1}, files={"pool": "pool.json"}, fields=mapped)
    (found,), _ = collect("mine", change(entry, **{"grader": "choice"} | changes))
    assert (found.question, found.gold) == (text, gold)


ARC = [  # labels of both kinds, as ARC has them; options that are numbers, in another order
    {"q": "1 + 1?", "c": {"text": ["3", "1", "2", "4"], "label": ["1", "2", "3", "4"]}, "a": "3"},
    {"q": "2 + 1?", "c": {"text": ["3", "1", "2", "4"], "label": ["A", "B", "C", "D"]}, "a": "A"},
    {"q": "Wet?", "c": {"text": ["sand", "rain"], "label": ["1", "2"]}, "a": "2"},
]
LABELLED = change(
    FILE,
    sizes={"test": None},
    grader="choice",
    fields={"question": "q", "gold": "a", "choices": "c.text", "labels": "c.label"},
)


@pytest.mark.parametrize("kind", ["file", "hub"])
@pytest.mark.parametrize("shuffle", [False, True])
def test_golds_are_read_through_the_labels_of_the_choices(
    imports: Path, kind: str, shuffle: bool
) -> None:
    (imports / "pool.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ARC))
    files, dataset = {"test": "pool.jsonl"}, None
    if kind == "hub":
        files, dataset = {"test": "train"}, str(imports)
    found, _ = collect(
        "arc", change(LABELLED, kind=kind, files=files, dataset=dataset, shuffle=shuffle)
    )
    right = {row.question.splitlines()[0]: row.choices[ord(row.gold) - ord("A")] for row in found}
    assert right == {"1 + 1?": "2", "2 + 1?": "3", "Wet?": "rain"}
    for row in found:
        other = "B" if row.gold == "A" else "A"
        assert grading.grade(row.gold, row.gold, "choice", question=row).outcome == "correct"
        assert grading.grade(other, row.gold, "choice", question=row).outcome == "wrong"


LETTER, PLACE, FLAGS = {"gold_is": "letter"}, {"gold_is": "place"}, {"gold_is": "flags"}
# options whose texts are letters: the number of the right one, how its source names it
LETTERED = [
    (["B", "A", "AB", "O"], 0, "option 1", 0, PLACE),
    (["B", "A", "AB", "O"], 1, "option 2", [0, 1, 0, 0], FLAGS),
    (["B", "A", "AB", "O"], 3, "D", 3, PLACE),
    (["A", "B", "AB", "O"], 1, "B", 1, PLACE),
    (["B", "A", "AB", "O"], 1, "option 2", "B", LETTER),
    (["A", "B", "AB", "O"], 0, "A", "A", LETTER),
    (["C", "D", "A", "B"], 2, "option 3", "C", {}),
    (["(b)", "a.", "*c*"], 0, "option 1", "A", {}),
    (["B", "A", "C"], 0, "option 1", [1, 0, 0], FLAGS),
    (["vitamin C", "vitamin A", "B"], 1, "option 2", 1, PLACE),
    (list("KABCDEFGHIJL"), 10, "option 11", 10, PLACE),
    (list("BCDEFGHIJA"), 9, "option 10", "J", {}),
    (["2", "1", "4", "3"], 0, "A", 0, PLACE),
]


@pytest.mark.parametrize("kind", ["file", "hub"])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(("listed", "right", "written", "gold", "how"), LETTERED)
def test_listedthat_are_letters_keep_their_gold(
    imports: Path,
    kind: str,
    shuffle: bool,
    listed: list[str],
    right: int,
    written: str,
    gold: Any,
    how: dict[str, Any],
) -> None:
    labels = [chr(ord("A") + number) for number in range(len(listed))]
    lines = [
        {"q": f"Which of {n}?", "a": gold, "c": {"text": listed, "label": labels}} for n in range(8)
    ]
    (imports / "pool.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines))
    fields = {"question": "q", "gold": "a", "choices": "c.text"} | (
        {} if how else {"labels": "c.label"}
    )
    files, dataset = (
        ({"test": "train"}, str(imports)) if kind == "hub" else ({"test": "pool.jsonl"}, None)
    )
    entry = change(
        LABELLED, kind=kind, files=files, dataset=dataset, shuffle=shuffle, fields=fields, **how
    )
    found, _ = collect("mine", entry)
    assert len(found) == 8
    for row in found:
        assert shuffle or row.gold == written
        place = options.gold(row.gold, row.choices)
        assert place is not None
        assert row.choices[place - 1] == listed[right]
        verdict = grading.grade(f"The answer is {row.gold}.", row.gold, "choice", question=row)
        assert (verdict.outcome, verdict.second) == ("correct", True)
        assert grading.stated(f"The answer is {row.gold}.", verdict, row) == listed[right]
        other = options.written(place % len(listed) + 1, row.choices)
        verdict = grading.grade(f"The answer is {other}.", row.gold, "choice", question=row)
        assert (verdict.outcome, verdict.second) == ("wrong", False)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"a": "E"}, "row 1: gold 'E' is none of the labels 1, 2; mend fields"),
        (
            {"c": {"text": ["a", "b"], "label": ["1"]}},
            "row 1: 1 labels for 2 choices, expected a different one",
        ),
        (
            {"c": {"text": ["a", "b"], "label": ["1", "1"]}},
            "row 1: 2 labels for 2 choices, expected a different one",
        ),
        (
            {"c": {"text": ["a", "b"], "label": "12"}},
            "row 1: labels are no list but str; mend the field map",
        ),
    ],
)
def test_labels_that_do_not_fit_are_refused(
    imports: Path, row: dict[str, Any], complaint: str
) -> None:
    (imports / "pool.jsonl").write_text(json.dumps(ARC[2] | row))
    with pytest.raises(StageError, match=complaint):
        collect("arc", LABELLED)


def test_numbers_that_are_labels_in_some_rows_and_listedin_others_are_refused(
    imports: Path,
) -> None:
    (imports / "pool.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ARC))
    bare = change(LABELLED, fields={"question": "q", "gold": "a", "choices": "c.text"})
    with pytest.raises(
        StageError,
        match=r"row 1: gold '3' is an option's text, but a place in .*row 3: map the options'",
    ):
        collect("arc", bare)


def test_shuffled_listedkeep_their_gold_and_stand_anywhere(imports: Path) -> None:
    made = [{"q": f"{n} + 1?", "a": n + 1, "b": n, "c": n - 1} for n in range(60)]
    (imports / "pool.json").write_text(json.dumps(made))
    fields = {"question": "q", "gold": "a", "choices": ["a", "b", "c"]}
    entry = change(
        FILE,
        grader="choice",
        files={"pool": "pool.json"},
        fields=fields,
        sizes={"test": None},
        shuffle=True,
    )
    found, _ = collect("mine", entry)
    for one in found:
        number = int(one.question.partition(" ")[0])
        assert one.choices[ord(one.gold) - ord("A")] == str(number + 1)
        assert sorted(one.choices) == sorted(map(str, (number - 1, number, number + 1)))
        assert one.question.splitlines()[1:] == [
            f"{letter}. {text}" for letter, text in zip("ABC", one.choices, strict=True)
        ]
    assert all(10 <= sum(one.gold == letter for one in found) <= 30 for letter in "ABC")
    assert collect("mine", entry)[0] == found
    assert collect("mine", change(entry, seed=1))[0] != found


def test_rows_with_one_of_several_values(imports: Path) -> None:
    (imports / "pool.jsonl").write_text(rows(1, of="a") + rows(2, of="b") + rows(3, of="c"))
    found, _ = collect("mine", change(FILE, sizes={"test": None}, where={"of": ["a", "c"]}))
    assert texts(found, "test") == {"1 + 1?", "3 + 1?"}


def test_choice_pattern_finds_the_options(imports: Path) -> None:
    row = {"q": "2 + 2?", "a": "B", "o": ["A) 3", "B)4 ", "C)"]}
    (imports / "pool.jsonl").write_text(json.dumps(row) + "\n")
    entry = change(FILE, grader="choice", sizes={"test": 1}, fields=FIELDS | {"choices": "o"})
    (found,), _ = collect("mine", change(entry, choice_pattern=r"[A-E]\)(.*)"))
    assert (found.question, found.choices) == ("2 + 2?\nA. 3\nB. 4\nC. ", ("3", "4", ""))
    with pytest.raises(
        StageError, match=r"row 1: choices: option 3 'C\)' does not match choice_pattern; mend"
    ):
        collect("mine", change(entry, choice_pattern=r"[A-E]\)(.+)"))


def test_gold_pattern_finds_the_gold(imports: Path) -> None:
    (imports / "pool.jsonl").write_text('{"q": "2 + 2?", "a": "2 + 2 = 4\\n#### 4 "}\n')
    (found,), _ = collect("mine", change(FILE, sizes={"test": 1}, gold_pattern=r"####\s*(.+)$"))
    assert found.gold == "4"


def test_keep_filters_by_the_questions_text(imports: Path) -> None:
    (imports / "pool.jsonl").write_text(rows(1, 22, 3))
    found, _ = collect("mine", change(FILE, sizes={"test": None}, keep=r"^\d \+"))
    assert texts(found, "test") == {"1 + 1?", "3 + 1?"}


def test_rows_without_gold_are_dropped_where_the_set_says_so(imports: Path) -> None:
    (imports / "pool.jsonl").write_text(rows(1) + rows(2, a=None) + rows(3, a=" "))
    found, dropped = collect("mine", change(FILE, sizes={"test": None}, missing_gold="drop"))
    assert (texts(found, "test"), dropped) == ({"1 + 1?"}, {"no_gold": 2})


def test_gold_zero_is_a_gold(imports: Path) -> None:
    (imports / "pool.jsonl").write_text(rows(1, a=0))
    (found,), _ = collect("mine", change(FILE, sizes={"test": 1}))
    assert found.gold == "0"


@pytest.mark.parametrize(
    ("contents", "changes", "complaint"),
    [
        (
            rows(1, 1),
            {},
            r"pool\.jsonl: row 2: duplicate of .*row 1 \(same id or text\); remove it, or set duplicates: drop",
        ),
        (rows(1, 2, id="same"), {"fields": FIELDS | {"id": "id"}}, "row 2: duplicate of .*row 1"),
        (
            rows(1) + rows(2, q="1  +\n1?"),
            {},
            "row 2: duplicate of .*row 1",
        ),  # equal but for spacing
        (
            rows(1) + rows(2, a=None),
            {},
            "row 2: no gold answer; give it one, or set missing_gold: drop",
        ),
        (rows(1, a=""), {}, "row 1: no gold answer"),
        (rows(1), {"gold_pattern": "#### (.+)"}, "row 1: no gold answer"),
        (rows(1, q=" "), {}, "row 1: the question is empty"),
        (
            rows(1, 2, a="many"),
            {"sizes": {"test": 2}},
            "grader numeric cannot read the gold 'many'; choose another",
        ),
        (
            rows(1),
            {"fields": FIELDS | {"gold": "answer"}},
            "row 1: no field 'answer' for gold; it has: a, id, q",
        ),
        (
            rows(1),
            {"fields": {"question": "q"}},
            "row 1: the field map names no field for question and gold",
        ),
        (
            rows(1, opts="AB"),
            {"fields": FIELDS | {"choices": "opts"}},
            "row 1: choices are no list but str",
        ),
        (
            rows(1, opts=["1", "2"]),
            {"fields": FIELDS | {"choices": "opts"}, "gold_is": "place"},
            "row 1: gold '2' is no place of 2 options, counted from 0",
        ),
        (
            rows(1, a="C", opts=["1", "2"]),
            {"fields": FIELDS | {"choices": "opts"}, "gold_is": "letter"},
            "row 1: gold 'C' is no letter of 2 options, which begin with A",
        ),
        (
            rows(1, a=None, opts=["1", "2"]),
            {"fields": FIELDS | {"choices": "opts"}, "gold_is": "letter"},
            "row 1: no gold answer",
        ),
        (
            rows(1, a=[1, 1], opts=["1", "2"]),
            {"fields": FIELDS | {"choices": "opts"}, "gold_is": "flags"},
            "row 1: 2 options are flagged as right, expected one",
        ),
        (
            rows(1, opts=["2", "2"]),
            {"fields": FIELDS | {"choices": "opts"}, "shuffle": True},
            "row 1: gold '2' is the letter or text of 2 options, expected one",
        ),
        (
            rows(1, 2, a="many"),
            {"sizes": {"test": 2}},
            "gold 'many'; choose another grader or mend the gold, or set unreadable_gold: drop",
        ),
        (
            rows(1, a=["3", "5"]),
            {},
            "row 1: gold: expected text, found list of 2: .*; mend the field map or the file",
        ),
        (rows(1, a=["3", None]), MATH, "row 1: gold: value 2: expected text, found NoneType"),
        (rows(1, a={"x": 1}), {}, "row 1: gold: expected text, found dict of 1"),
        (rows(1, a=True), {}, "row 1: gold: expected text, found bool: True"),
        (
            rows(1, a="2 \udc00"),
            {},
            r"row 1: gold: character 3 is \\udc00, half of a surrogate pair; mend the file",
        ),
        (
            rows(1, q="\ud83d?"),
            {},
            r"row 1: question: character 1 is \\ud83d, half of a surrogate pair",
        ),
        (rows(1, q={"text": "x"}), {}, "row 1: question: expected text, found dict of 1"),
        (rows(1, q=["a", "b"]), {}, "row 1: question: expected text, found list of 2"),
        (
            rows(1, q=[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]),
            {},
            "row 1: question: expected one user's message, found user, assistant; bring one question a row",
        ),
        (
            rows(1, q="x" * 1_000_001),
            {},
            "row 1: the question has 1,000,001 characters, at most 1,000,000 are taken",
        ),
        (
            rows(1, id=None),
            {"fields": FIELDS | {"id": "id"}},
            "row 1: id: expected an id, a text or a whole number",
        ),
        (
            rows(1, level="9" * 400),
            {"fields": FIELDS | {"difficulty": "level"}},
            "row 1: difficulty: 9+\\.+ .400 char",
        ),
        (
            rows(1, level=[1]),
            {"fields": FIELDS | {"difficulty": "level"}},
            "row 1: difficulty: expected text, found",
        ),
        (
            rows(1, opts=["1", None]),
            {"fields": FIELDS | {"choices": "opts"}},
            "row 1: choices: option 2 is null",
        ),
        (
            rows(1, opts=["1", ["2"] * 2]),
            {"fields": FIELDS | {"choices": "opts"}},
            "row 1: choices: option 2: expected",
        ),
        (
            rows(1, opts=["1", "\ud83d"]),
            {"fields": FIELDS | {"choices": "opts"}},
            "row 1: choices: option 2: character 1",
        ),
        (
            rows(1, opts=list("a" * 27)),
            {"fields": FIELDS | {"choices": "opts"}},
            "row 1: 27 choices, at most 26 have a",
        ),
        (
            rows(1, a=["1", "0"], opts=["1", "2"]),
            {"fields": FIELDS | {"choices": "opts"}, "gold_is": "flags"},
            "row 1: gold: expected a list of flags, true or false, 1 or 0, found list of 2",
        ),
        (
            rows(1, a=1, opts=["1", "2"]),
            {"fields": FIELDS | {"choices": "opts"}, "gold_is": "flags"},
            "row 1: gold: expected a list of flags",
        ),
        (
            rows(1, a="9" * 5000, opts=["1", "2"]),
            {"fields": FIELDS | {"choices": "opts"}, "gold_is": "place"},
            r"row 1: gold '9+\.+ \(5,000 characters\)' is no place of 2 options",
        ),
        (
            rows(1, ctx=None),
            {"fields": FIELDS | {"question": "{ctx} {q}"}},
            "row 1: question: field 'ctx' is null; mend",
        ),
        (
            rows(1, a="x"),
            {"gold_pattern": r"(\d)?x"},
            "row 1: no gold answer; give it one, or set missing_gold: drop",
        ),
        (
            rows(1, q="a" * 40 + "!"),
            {"keep": "(a+)+$"},
            "row 1: '.a[+].[+][$]' takes more than 0.2 s on this row",
        ),
        (
            rows(1, a="a" * 40 + "!"),
            {"gold_pattern": "(a+)+$"},
            "row 1: '.a[+].[+][$]' takes more than 0.2 s on this",
        ),
        (
            rows(1, of="a"),
            {"where": {"off": "a"}, "sizes": {"train": None}},
            "where: no row has off .a.",
        ),
        (
            rows(1),
            {"keep": "2", "sizes": {"train": None}},
            "questions.sets.mine: no question is left .none dropped.",
        ),
        (
            rows(1, a=None),
            {"missing_gold": "drop", "sizes": {"train": None}},
            "questions.sets.mine: no question is left .1 no_gold.; check sizes",
        ),
        (
            rows(1, 2, 3),
            {},
            "questions.sets.mine: 1 questions for split train, 2 wanted; ask for fewer",
        ),
        (
            rows(1),
            {"kind": "web"},
            "questions.sets.mine: kind 'web' .* is unknown; known: reasoning_gym, file, hub",
        ),
        (
            rows(1),
            {"distinct_by": "look"},
            "mine.distinct_by: 'look' is unknown; known: text, numbers",
        ),
        (rows(1), {"group": "ood"}, "group 'ood' is unknown; .* ood_reasoning"),
        (
            rows(1),
            {"grader": "fuzzy", "sizes": {"test": 1}},
            "grader 'fuzzy': unknown; known: boolean",
        ),
        (
            rows(1),
            {"sizes": {"dev": 1}},
            "questions.sets.mine: split 'dev' is unknown; known: test, validation, train",
        ),
        (rows(1), {"files": {"dev": "pool.jsonl"}}, "split 'dev' is unknown"),
        (rows(1), {"files": {"pool": "none.jsonl"}}, "none.jsonl: no such file"),
    ],
)
def test_bad_file_is_refused_by_file_and_row(
    imports: Path,
    monkeypatch: pytest.MonkeyPatch,
    contents: str,
    changes: dict[str, Any],
    complaint: str,
) -> None:
    monkeypatch.setattr(patterns, "SECONDS", 0.2)
    (imports / "pool.jsonl").write_text(contents)
    with pytest.raises(StageError, match=complaint):
        collect("mine", change(FILE, **changes))


def test_questions_of_the_same_numbers_are_duplicates_where_the_set_says_so(imports: Path) -> None:
    (imports / "pool.jsonl").write_text(rows(1) + rows(2, q="1 and 1 more?") + rows(3, q="1 + 12?"))
    whole = change(FILE, sizes={"test": None}, duplicates="drop")
    assert len(collect("mine", whole)[0]) == 3
    found, dropped = collect("mine", change(whole, distinct_by="numbers"))
    assert (texts(found, "test"), dropped) == ({"1 + 1?", "1 + 12?"}, {"duplicate": 1})


def test_made_questions_of_one_split_permute_none_of_another(imports: Path) -> None:
    found, _ = collect("sums", change(SUMS, distinct_by="numbers"))
    operands = [tuple(sorted(re.findall(r"\d+", question.question))) for question in found]
    assert len(set(operands)) == len(found) == 13


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"gold_pattern": "####.*"}, "needs .brackets. around the gold"),
        ({"choice_pattern": "[A-E].*"}, "choice_pattern '.*' needs .brackets. around the choice"),
        ({"keep": "("}, "is no regular expression"),
        (
            {"gold_is": "letters"},
            "gold_is: 'letters' is unknown; known: said, letter, place, flags",
        ),
        ({"shuffle": True}, "shuffle and gold_is are about the options: fields needs choices"),
        ({"fields": FIELDS | {"labels": "l"}}, "fields.labels: labels name the choices"),
        (
            {"fields": FIELDS | {"labels": "l", "choices": "c"}, "gold_is": "place"},
            "for gold_is said alone",
        ),
    ],
)
def test_bad_expression_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(StageError, match=complaint):
        change(FILE, **changes)


def test_reasoning_gym_gives_as_many_different_questions_as_asked(imports: Path) -> None:
    found, _ = collect("sums", SUMS)
    assert [len(texts(found, split)) for split in ("train", "validation", "test")] == [6, 3, 4]
    assert len({question.question for question in found}) == 13
    assert found == collect("sums", SUMS)[0]
    assert found != collect("sums", change(SUMS, seed=4))[0]


def test_keep_filters_what_reasoning_gym_makes(imports: Path) -> None:
    found, _ = collect("sums", change(SUMS, keep=r"^[^-]*$"))
    assert len(found) == 13
    assert not [question for question in found if "-" in question.question]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"task": "no_such_task"}, "task 'no_such_task'.*mend task or config"),
        ({"config": {"depth": 3}}, "task 'chain_sum'.*mend task or config"),
        ({"config": {"min_terms": -1}}, "mend task or config"),
        (
            {"sizes": {"train": 400}},
            "chain_sum: only .* different questions in 40000 draws, 400 wanted",
        ),
    ],
)
def test_what_reasoning_gym_cannot_make_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(StageError, match=complaint):
        collect("sums", change(SUMS, **changes))


def test_question_that_another_set_tests_is_not_trained_on(project: Project, imports: Path) -> None:
    (imports / "a.jsonl").write_text(rows(1, 2, 3))
    (imports / "b.jsonl").write_text(rows(2, q="2  +  1?") + rows(9))
    plain = {"kind": "file", "group": "in_distribution", "grader": "numeric", "fields": FIELDS}
    sets = {
        "a": plain | {"files": {"train": "a.jsonl"}, "sizes": {"train": None}},
        "b": plain | {"files": {"test": "b.jsonl"}, "sizes": {"test": None}},
    }
    root = project(questions={"sets": sets, "decontaminate": {"remove": False}})
    done = run("stages.questions", "--profile", "test", cwd=root)
    assert (done.returncode, done.stderr) == (0, "")
    found = list(records.read(root / "data/test/questions.parquet", Question))
    assert texts(found, "train") == {"1 + 1?", "3 + 1?"}
    counted = json.loads((root / "metrics/test/questions.json").read_text())["sets"]
    assert [(one["train"], one["test"], one["dropped"]) for one in counted] == [
        (2, 0, {"near_test": 1}),
        (0, 2, {}),
    ]


def test_set_of_which_other_tests_leave_nothing_is_named(project: Project, imports: Path) -> None:
    (imports / "a.jsonl").write_text(rows(1))
    plain = {"kind": "file", "group": "in_distribution", "grader": "numeric", "fields": FIELDS}
    sets = {
        name: plain | {"files": {split: "a.jsonl"}, "sizes": {split: None}}
        for name, split in (("a", "train"), ("b", "test"))
    }
    root = project(questions={"sets": sets, "decontaminate": {}})
    done = run("stages.questions", "--profile", "test", cwd=root)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert (
        "error: questions.sets.a: no question is left: all are nearly test or validation questions;"
        in done.stderr
    )
    assert not [path for path in root.rglob("data/test/*") if path.is_file()]


def test_command_writes_every_set_sorted_and_counts_it(project: Project, imports: Path) -> None:
    (imports / "pool.jsonl").write_text(rows(1, 1, 2, 3))
    plain = {
        key: value
        for key, value in dataclasses.asdict(FILE).items()
        if value not in (None, {}, "", 0)
    }
    sums = {
        key: value for key, value in dataclasses.asdict(SUMS).items() if value not in (None, {})
    }
    mine = plain | {"duplicates": "drop", "sizes": {"train": None, "test": 1}}
    root = project(questions={"sets": {"mine": mine, "sums": sums}, "decontaminate": {}})
    done = run("stages.questions", "--profile", "test", cwd=root)
    assert (done.returncode, done.stderr) == (0, "")
    found = list(records.read(root / "data/test/questions.parquet", Question))
    assert {row.source for row in found} == {"mine", "sums"}
    counted = json.loads((root / "metrics/test/questions.json").read_text())["sets"]
    assert counted[0] == {
        "source": "mine",
        "group": "in_distribution",
        "grader": "numeric",
        "kind": "file",
        "train": 2,
        "validation": 0,
        "test": 1,
        "near_test": 0,
        "dropped": {"duplicate": 1},
    }
