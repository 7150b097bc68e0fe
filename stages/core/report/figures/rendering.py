"""How figures look apart from their arms, and their files' bytes.

The bytes follow from the data and matplotlib's version alone.
"""

import io
from contextlib import AbstractContextManager
from typing import Literal

import matplotlib.style
from matplotlib.figure import Figure

_STYLE = {
    "svg.hashsalt": "compress-distill",  # the ids in an SVG are random without it
    "figure.dpi": 150,
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "lines.markeredgewidth": 0.8,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "legend.frameon": False,
}
# Metadata that would change the bytes: the date and the software's name
_LEFT_OUT = {"png": ("Software",), "svg": ("Date", "Creator")}
FileKind = Literal["png", "svg"]


def style_context() -> AbstractContextManager[None]:
    """The context to draw and render figures in, whatever the user's own matplotlibrc says."""
    return matplotlib.style.context(["default", _STYLE])


def render(figure: Figure, kind: FileKind) -> bytes:
    """The bytes of the figure's file."""
    file = io.BytesIO()
    figure.savefig(file, format=kind, metadata=dict.fromkeys(_LEFT_OUT[kind]))
    return file.getvalue()
