"""The signs of tools/mirror.py on a small file and a short text, with numbers counted by hand."""

import pytest

from tools import mirror, source_file
from tools.source_file import SourceFile

# Lines 7, 13 and 14 hold comments. Lines 4, 6, 7, 8, 9, 12, 14, 15 and 16 hold code.
SAMPLE = '''\
"""A module."""


def doubled(number: int) -> int:
    """Twice the number."""
    result = number * 2
    total = [result]  # a comment
    return print(
        *total)


class Box:
    # why
    def size(self, width):  # not annotated
        heights = [height for height in width]
        return sum(one for one in heights)
'''
TEXT = """\
# A heading of five words

One two three. Four `five six` seven [eight nine](https://address)!

| a table | is left out |

- An item without an end
- Another one

```sh
a command is no sentence
```
"""


def test_statements_of_the_sample() -> None:
    file = SourceFile.parse(SAMPLE)
    kinds = [type(statement).__name__ for statement in file.simple_statements()]
    assert sorted(kinds) == ["Assign"] * 3 + ["Return"] * 2
    assert file.comment_and_code_lines() == (3, 9)


def test_nodes_of_a_statement() -> None:
    # Assign, Name, Store, BinOp, Name, Load, Mult, Constant
    (statement,) = SourceFile.parse("result = number * 2").simple_statements()
    assert source_file.node_count(statement) == 8


@pytest.mark.parametrize(
    "text",
    ["for one in two:\n    pass", "match one:\n    case 1:\n        pass", "with one:\n    pass"],
)
def test_statement_with_a_body_is_not_simple(text: str) -> None:
    kinds = [type(statement).__name__ for statement in SourceFile.parse(text).simple_statements()]
    assert kinds == ["Pass"]


def test_signs_of_the_sample() -> None:
    signs = {sign.name: sign.value for sign in mirror.code_signs([SourceFile.parse(SAMPLE)], 7)}
    assert signs == {
        "function lines, median / p90": "4.5 / 6",
        "annotated signatures %": "50",
        "most files in one folder of stages/": "7",
        # result, total, heights, height, one: 27 letters in five names
        "letters of an assigned name, mean": "5.4",
        # the simple statements have 8, 7, 8, 11 and 12 nodes
        "AST nodes of a statement, p90": "12",
        "comprehensions in 100 statements": "40.0",
        "star expressions in 100 statements": "20.0",
        "comment lines for 100 of code": "33.3",
        "lines over 100 columns %": "0.0",
    }


def test_sentences_of_the_text() -> None:
    lengths = [len(words) for words in mirror.sentences(TEXT)]
    assert lengths == [3, 5, 5, 2]
    words, long_ones = mirror.prose_signs(TEXT)
    assert (words.value, long_ones.value) == ("3.8", "0.0")


def test_percentile_is_a_value_of_the_list() -> None:
    assert mirror.percentile_90(range(1, 11)) == 9
    assert mirror.percentile_90([5]) == 5
    assert mirror.percentile_90([]) == 0


def test_table_is_aligned() -> None:
    header, *rows = mirror.table(mirror.prose_signs(TEXT)).splitlines()
    column = header.index("goal")
    assert [row[column:] for row in rows] == ["<= 16", "<= 5"]
