"""Regular expressions of users: refused by name, and given up after a while."""

import re
import signal
import threading
import time
from typing import Any

import pytest

from stages.core.program.errors import StageError
from stages.core.questions import patterns


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that a test can wait for."""
    monkeypatch.setattr(patterns, "SECONDS", 0.2)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(a|aa)+$", r"^(a*)*b", r"(x+x+)+y|(a|a)*$"])
def test_catastrophic_expression_is_given_up(pattern: str) -> None:
    began, timer = time.monotonic(), signal.getitimer(signal.ITIMER_REAL)
    with pytest.raises(
        StageError, match=r"row 3: '.*' takes more than 0.2 s on this row; write it without"
    ):
        patterns.search(pattern, "a" * 40 + "!", "row 3")
    assert time.monotonic() - began < 5
    assert (signal.getitimer(signal.ITIMER_REAL)[0] > 0) == (
        timer[0] > 0
    )  # that of the test runner goes on


@pytest.mark.parametrize(
    "pattern", ["(", "[a", "a{2,1}", "(?P<a", "a{99999999999999999999}", "*", "\\", "(" * 20_000]
)
def test_what_is_no_expression_is_refused(pattern: str) -> None:
    with pytest.raises(StageError, match="is no regular expression") as refused:
        patterns.compiled(pattern)
    assert len(str(refused.value)) < 250


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"####\s*(.+)$", "2 + 2\n#### 4"),
        (r"\\boxed{(.*)}", r"\boxed{e}"),
        (r"x{e}", "x{e}"),
        ("[[a]", "["),
        ("(?i)A", "a"),
    ],
)
def test_expressions_mean_what_they_mean_in_re(pattern: str, text: str) -> None:
    wanted, found = re.search(pattern, text), patterns.search(pattern, text, "row 1")
    assert wanted is not None
    assert found is not None
    assert (found.span(), found.groups()) == (wanted.span(), wanted.groups())


def test_other_threads_have_no_signals_and_search_all_the_same() -> None:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(patterns.search("b", "abc", "row 1")))
    thread.start()
    thread.join()
    assert found[0].span() == (1, 2)
