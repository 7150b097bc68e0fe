"""The report as one HTML file that needs no network: the headline table, the figures, and a browser
of examples.

Text that models wrote is data for a script that shows it as text; a content security policy lets
that one script run and nothing else.
"""

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from stages.core.report.tables.table import Table

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class _Figure:
    """A figure of the page: its SVG in base64, what it shows, and where its numbers come from."""

    image: str
    description: str
    source: str


def page(
    title: str,
    about: str,
    headline: Table | None,
    figures: Mapping[str, tuple[bytes, str, str]],
    examples: Sequence[Mapping[str, Any]],
    holes: Sequence[str] = (),
    tables: Sequence[Table] = (),
) -> str:
    """The text of the HTML file.

    `figures` are (SVG, what it shows, where it comes from) by title. `holes` are the paths of
    missing metrics. `tables` are shown folded.
    """
    script = (_FOLDER / "page.js").read_text(encoding="utf-8")
    template = _environment().get_template("page.html.jinja")
    return template.render(
        title=title,
        about=about,
        holes=holes,
        headline=headline,
        figures=[_Figure(_base64(svg), *captions) for svg, *captions in figures.values()],
        tables=tables,
        script=Markup(script),
        script_hash=_base64(hashlib.sha256(script.encode()).digest()),
        examples_json=_examples_json(examples),
    )


def _environment() -> Environment:
    """What the template is read and filled in with; a name that it lacks is an error."""
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        finalize=_escaped,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _escaped(value: str) -> Markup:
    """A value of the template as HTML, with quotation marks as the standard library writes them.

    Markup is left as it is. Autoescape would write the same marks by other numbers, which would
    change the bytes of every report.
    """
    return value if isinstance(value, Markup) else Markup(html.escape(value))


def _examples_json(examples: Sequence[Mapping[str, Any]]) -> Markup:
    """The examples as JSON that no tag can end: every < is written as an escape."""
    text = json.dumps({"questions": examples}, ensure_ascii=False, sort_keys=True)
    return Markup(text.replace("<", "\\u003c"))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
