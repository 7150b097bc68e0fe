"""The report as one HTML file that needs no network: the headline table, the figures, and a browser
of examples.

Text that models wrote is data for a script that shows it as text; a content security policy lets
that one script run and nothing else.
"""

import base64
import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from stages.core.report.tables.markup import Table, left

_HERE = Path(__file__).parent


def page(
    title: str,
    about: str,
    headline: Table | None,
    figures: Mapping[str, tuple[bytes, str, str]],
    examples: Sequence[Mapping[str, Any]],
    holes: Sequence[str] = (),
    tables: Sequence[Table] = (),
) -> str:
    """The whole file; `figures` are (SVG, what it shows, where it comes from) by title, `tables`
    are shown folded.
    """
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    parts = {
        "TITLE": escape(title),
        "ABOUT": escape(about),
        "HOLES": _holes(holes),
        "HEADLINE": table(headline) if headline else "<p>Not there yet.</p>",
        "FIGURES": "\n".join(_figure(*figure) for figure in figures.values()),
        "TABLES": "\n".join(map(_folded, tables)) or "<p>None.</p>",
        "HASH": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "SCRIPT": script,
        "DATA": _data(examples),
    }
    # In one pass: what is put in is not looked through for marks again
    return re.sub(
        "@([A-Z]+)@", lambda mark: parts[mark[1]], (_HERE / "page.html").read_text(encoding="utf-8")
    )


def _data(examples: Sequence[Mapping[str, Any]]) -> str:
    """JSON that no tag can end: every < is written as an escape."""
    return json.dumps({"questions": examples}, ensure_ascii=False, sort_keys=True).replace(
        "<", "\\u003c"
    )


def _figure(svg: bytes, says: str, source: str) -> str:
    image = f'<img src="data:image/svg+xml;base64,{base64.b64encode(svg).decode()}" alt="{escape(says)}">'
    return f"<figure>{image}<figcaption>{escape(says)}<br>{escape(source)}</figcaption></figure>"


def _holes(missing: Sequence[str]) -> str:
    if not missing:
        return ""
    rows = "".join(f"<li>{escape(path)}</li>" for path in missing)
    return f"<h2>Not there when this report was made</h2><ul>{rows}</ul>"


def _folded(one: Table) -> str:
    """A table that a click on its title opens."""
    body = table(dataclasses.replace(one, title=""))
    return (
        f'<details><summary>{escape(one.title)}</summary><div class="wide">{body}</div></details>'
    )


def table(one: Table) -> str:
    """A table as HTML, with its title and notes."""
    kinds = [' class="text"' if text else "" for text in left(one)]
    head = "".join(
        f"<th{kind}>{escape(cell)}</th>" for cell, kind in zip(one.columns, kinds, strict=True)
    )
    rows = [
        "<tr>"
        + "".join(f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(row, kinds, strict=True))
        + "</tr>"
        for row in one.rows
    ]
    notes = "".join(f"<p>{escape(note)}</p>" for note in one.notes)
    title = f"<p>{escape(one.title)}</p>" if one.title else ""
    return (
        f"{title}<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>{notes}"
    )
