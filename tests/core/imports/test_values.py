"""Values of mapped fields: used as they are, null, or refused; and how messages show them."""

import datetime
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.imports import values
from stages.core.program.errors import StageError, shown

NAN = float("nan")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        ("", ""),
        (None, None),
        (NAN, None),
        (0, "0"),
        (10**40, "1" + "0" * 40),
        (0.5, "0.5"),
        (["a"], "a"),
        (
            [
                {"type": "text", "text": "a"},
                {"type": "text", "text": None},
                {"type": "text", "text": "b"},
            ],
            "ab",
        ),
    ],
)
def test_text(value: Any, text: str | None) -> None:
    assert values.text(value, "answer", "row 1") == text


@pytest.mark.parametrize(
    "value",
    [
        True,
        float("inf"),
        b"a",
        {},
        {"a": 1},
        [],
        ["a", "b"],
        [None],
        [["a"]],
        [{"text": "a"}],
        [{"type": "image", "url": "x"}],
        [{"type": "text", "text": {"a": 1}}],
        [{"type": "text", "text": "a"}, "b"],
        datetime.date(2026, 1, 1),
        ("a",),
    ],
)
def test_what_is_no_text_is_refused(value: Any) -> None:
    with pytest.raises(
        StageError, match=r"row 1: answer: expected .*, found .*; mend the field map or the file"
    ):
        values.text(value, "answer", "row 1")


@given(st.text(), st.integers(0xD800, 0xDFFF).map(chr), st.text())
def test_half_of_a_surrogate_pair_is_refused_by_its_place(
    before: str, half: str, after: str
) -> None:
    assert values.text(before + after, "answer", "row 1") == before + after
    with pytest.raises(
        StageError, match=rf"answer: character {len(before) + 1} is \\ud[0-9a-f]+, half of a"
    ) as refused:
        values.text(before + half + after, "answer", "row 1")
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("value", "count"),
    [(0, 0), (7, 7), (7.0, 7), (None, None), (NAN, None), (2**63 - 1, 2**63 - 1)],
)
def test_whole(value: Any, count: int | None) -> None:
    assert values.whole_number(value, "sample", "row 1") == count


@pytest.mark.parametrize("value", [-1, 2**63, 1e300, 1.5, float("inf"), True, "7", [7], {}, b"7"])
def test_what_is_no_count_is_refused(value: Any) -> None:
    with pytest.raises(
        StageError, match=r"row 1: sample: .* (is no whole number|is not between 0 and)"
    ):
        values.whole_number(value, "sample", "row 1")


@pytest.mark.parametrize(("value", "name"), [("a", "a"), (3, "3"), (3.0, "3"), (2**70, str(2**70))])
def test_identifier(value: Any, name: str) -> None:
    assert values.identifier(value, "id", "row 1") == name


@pytest.mark.parametrize("value", [None, NAN, True, 3.5, float("inf"), ["a"], {"a": 1}])
def test_what_is_no_id_is_refused(value: Any) -> None:
    with pytest.raises(
        StageError, match="row 1: id: expected an id, a text or a whole number, found"
    ):
        values.identifier(value, "id", "row 1")


@given(
    st.recursive(
        st.none() | st.text() | st.binary() | st.floats() | st.integers(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_shown_is_one_short_printable_line(value: Any) -> None:
    assert shown(value).isprintable()
    assert len(shown(value)) < 800


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("plain ü 漢", "plain ü 漢"),
        ("a\nb\x1b[31m\u202e\ud83d", "a\\nb\\x1b[31m\\u202e\\ud83d"),
        ("x" * 61, "x" * 60 + "... (61 characters)"),
        (8, "8"),
    ],
)
def test_shown(value: Any, said: str) -> None:
    assert shown(value) == said


def test_message_is_one_printable_line_whatever_is_put_in() -> None:
    error = StageError("row 1: a\r\nb\tc\x1b]0;title\x07 \u2028 \ud83d \u200b")
    assert str(error) == r"row 1: a b c\x1b]0;title\x07 \ud83d \u200b"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # from the workers of a pool
