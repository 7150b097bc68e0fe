"""A table as text, and the columns that it is built from.

A column is a heading and a function that writes a record's cell. The heading and the cells of a
column therefore stand together, and every row is as wide as the head.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Record = TypeVar("Record")
# A column that needs little of a record suits every record that has as much
AnyRecord = TypeVar("AnyRecord", contravariant=True)


@dataclass(frozen=True)
class Table:
    """Cells as text; `notes` are lines below the table."""

    title: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    notes: tuple[str, ...] = ()

    @property
    def text_columns(self) -> list[bool]:
        """Whether each column holds text, and so is aligned left."""
        # Numbers begin with a digit or a sign, and what does not exist is "-"
        return [
            any(row[index][:1].isalpha() for row in self.rows)
            for index in range(len(self.headings))
        ]

    def with_note(self, note: str) -> "Table":
        """The table with one more note below it; itself where the note is empty."""
        return dataclasses.replace(self, notes=(*self.notes, note)) if note else self


@dataclass(frozen=True)
class Column(Generic[AnyRecord]):
    """A column of a table: its heading, and the function that writes the cell of a record."""

    heading: str
    cell: Callable[[AnyRecord], str]


def build_table(
    title: str,
    columns: Sequence[Column[Record]],
    records: Iterable[Record],
    notes: Sequence[str] = (),
) -> Table:
    """The table with a row for each record, in their order."""
    headings = tuple(column.heading for column in columns)
    rows = [tuple(column.cell(record) for column in columns) for record in records]
    return Table(title, headings, rows, tuple(notes))
