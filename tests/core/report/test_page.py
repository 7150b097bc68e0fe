"""The page, in a real browser: it renders, filters, and shows hostile text as text."""

import re
import shutil
import subprocess
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from stages.core.report.page import page
from stages.core.report.tables.table import Table

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
HOSTILE = [
    "<script>document.title = 'owned'</script>",
    "</script><script>document.title = 'owned'</script>",
    "<img src=x onerror=\"document.title = 'owned'\">",
    "<!--<script>",
    "@SCRIPT@ @DATA@",
    "{{ script }} {% raw %} {# a comment",
    "\u2028 & &lt; ' \"",
]
HEADLINE = Table(
    "A <b>title</b>",
    ("target", "accuracy"),
    [("raw", "62.5 [55.2, 69.8]"), ("<i>odd</i>", "-")],
    ("a & b",),
)


def version(target: str, text: str, *flags: str, kept: bool = True) -> dict[str, Any]:
    """One target's version of a trace."""
    dropped = None if kept else "answer_lost"
    known = {"student": None, "rho": 0.4, "kept": kept, "drop_reason": dropped}
    return {"target": target, "reasoning": text, "flags": list(flags)} | known


def answer(cell: str, text: str, outcome: str) -> dict[str, Any]:
    """One student's answer."""
    return {
        "cell": cell,
        "target": "raw",
        "reasoning": text,
        "answer": "1",
        "outcome": outcome,
        "tokens": 7,
    }


def question(number: int, text: str, **values: Any) -> dict[str, Any]:
    """A question of the page."""
    known = {"source": "sums", "group": "in_distribution", "split": "test", "gold": "1"}
    return (
        {"question_id": f"q{number}", "question": text, "traces": [], "answers": []}
        | known
        | values
    )


TRACED = {
    "teacher": "solver",
    "reasoning": "a long way",
    "answer": "1",
    "versions": [version("mild", "short", "verbatim")],
}
EXAMPLES = [
    question(
        0, "first", answers=[answer("one", "why", "correct"), answer("two", "because", "wrong")]
    ),
    question(1, "second", source="words", answers=[answer("one", "so", "hit_cap")]),
    question(2, "third", split="train", traces=[TRACED]),
]


@pytest.fixture
def browse(tmp_path: Path) -> Callable[..., tuple[str, str, str]]:
    """(title, how many match, the text that is shown) of a page, as Chromium has it after its
    script ran.
    """
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install Debian's chromium")

    def run(examples: list[dict[str, Any]], link: str = "", **parts: Any) -> tuple[str, str, str]:
        known: dict[str, Any] = {"headline": HEADLINE, "figures": {}} | parts
        (tmp_path / "report.html").write_text(
            page("A report", "About it", examples=examples, **known)
        )
        flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
        ]
        place = [
            f"--user-data-dir={tmp_path / 'chromium'}",
            "--dump-dom",
            f"file://{tmp_path / 'report.html'}{link}",
        ]
        done = subprocess.run(
            [CHROMIUM, *flags, *place], capture_output=True, text=True, check=True, timeout=60
        )
        found = [
            re.search(pattern, done.stdout, re.DOTALL)
            for pattern in (
                "<title>(.*?)</title>",
                'role="status">(.*?)</span>',
                '<div id="shown">(.*?)<script type',
            )
        ]
        title, count, shown = (match[1] if match else "" for match in found)
        return title, count, shown

    return run


def test_first_question_is_shown_with_its_students(
    browse: Callable[..., tuple[str, str, str]],
) -> None:
    title, count, shown = browse(EXAMPLES)
    assert (title, count) == ("A report", "1 of 3")
    for part in ("first", "gold: 1", "one", "why", "two", "because", "7 tokens"):
        assert part in shown
    assert "second" not in shown


@pytest.mark.parametrize(
    ("link", "count", "text"),
    [
        ("#source=words", "1 of 1", "second"),
        ("#outcome=wrong", "1 of 1", "because"),
        ("#outcome=wrong&cell=one", "none", ""),
        ("#outcome=hit_cap&cell=one", "1 of 1", "second"),
        ("#flag=verbatim", "1 of 1", "a long way"),
        ("#split=train", "1 of 1", "rho 0.4"),
        ("#source=nowhere", "1 of 3", "first"),  # a link of an older report
    ],
)
def test_filters(
    browse: Callable[..., tuple[str, str, str]], link: str, count: str, text: str
) -> None:
    _, found, shown = browse(EXAMPLES, link)
    assert found == count
    assert text in shown


@pytest.mark.parametrize(
    ("link", "shown_too"), [("#outcome=wrong", False), ("#cell=two", False), ("#source=sums", True)]
)
def test_cards_are_filtered_with_their_questions(
    browse: Callable[..., tuple[str, str, str]], link: str, shown_too: bool
) -> None:
    _, _, shown = browse(EXAMPLES, link)
    assert "because" in shown
    assert ("why" in shown) == shown_too


def test_training_question_has_its_trace_and_answers_and_says_that_they_are_no_measure(
    browse: Callable[..., tuple[str, str, str]],
) -> None:
    """Side by side: the raw trace, each version with its flags, each student's answer with its
    outcome.
    """
    answers = [
        answer("one", "my way", "correct"),
        answer("base", "no idea", "wrong") | {"target": "untrained"},
    ]
    one = question(0, "which", split="train", traces=[TRACED], answers=answers)
    _, count, shown = browse([one])
    assert count == "1 of 1"
    parts = [
        "which",
        "Traces of solver",
        "a long way",
        "mild",
        "verbatim",
        "short",
        "Students, trained on this question",
    ]
    parts += [
        "no measure and counts nowhere",
        "one",
        "correct",
        "trained on this question",
        "my way",
    ]
    parts += ["base", "wrong", "not trained", "no idea"]
    places = [shown.index(part) for part in parts]
    assert places[:6] == sorted(places[:6])
    assert shown.count("trained on this question") == 2
    assert shown.count('class="cards"') == 2
    _, _, evaluated = browse(EXAMPLES)
    assert "<h3>Students</h3>" in evaluated
    assert "trained" not in evaluated


def test_versions_are_filtered_by_flag(browse: Callable[..., tuple[str, str, str]]) -> None:
    traced = TRACED | {
        "versions": [version("mild", "short", "verbatim"), version("strong", "unflagged")]
    }
    _, _, shown = browse([question(0, "which", traces=[traced])], "#flag=verbatim")
    assert "short" in shown
    assert "unflagged" not in shown


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text_everywhere(
    browse: Callable[..., tuple[str, str, str]], text: str
) -> None:
    trace = {
        "teacher": text,
        "reasoning": text,
        "answer": text,
        "versions": [version(text, text, text, kept=False)],
    }
    one = question(
        0, text, source=text, gold=text, traces=[trace], answers=[answer(text, text, "wrong")]
    )
    table = Table(text, ("target", text), [("raw", text)], (text,))
    title, count, shown = browse([one], headline=table, holes=[text], tables=[table])
    assert (title, count) == ("A report", "1 of 1")
    assert unescape(shown).count(text) == 11
    assert "<script" not in shown
    assert "<img" not in shown


def test_without_examples_the_page_still_stands(
    browse: Callable[..., tuple[str, str, str]],
) -> None:
    assert browse([], headline=None, holes=["metrics/default/examples.json"])[:2] == (
        "A report",
        "none",
    )


def test_tables_are_folded_under_their_titles_which_stand_there_once() -> None:
    text = page("A", "B", None, {}, [], tables=[HEADLINE])
    assert "<details><summary>A &lt;b&gt;title&lt;/b&gt;</summary>" in text
    assert text.count("A &lt;b&gt;title") == 1
    for part in ("62.5 [55.2, 69.8]", "&lt;i&gt;odd&lt;/i&gt;", "a &amp; b"):
        assert part in text


def test_page_asks_for_nothing_from_the_network() -> None:
    text = page(
        "A", "B", HEADLINE, {"4_accuracy": (b"<svg/>", "Bars of <it>.", "From it.")}, EXAMPLES
    )
    assert not re.findall(r"(?:src|href)=(?!\"data:)", text)
    assert "default-src 'none'" in text
    assert text.count("data:image/svg+xml;base64,PHN2Zy8+") == 1
    assert "From it." in text
    assert (
        text.count("Bars of &lt;it&gt;.") == 2
    )  # for those who see the figure, and for those who do not
