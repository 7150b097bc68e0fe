"""Charts of rows: estimates with their intervals, side by side in panels that share the rows."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from stages.core.cells import label
from stages.core.report.figures.charts import paper_marks
from stages.core.report.figures.charts.axes import add_legend, axes_grid, empty_figure, log_x
from stages.core.report.figures.charts.panels import Mark, Panel, RowLayout, Scale, distinct
from stages.core.report.figures.styles import ArmStyle, arm_styles, marker_artist

_INTERVAL_WIDTH = 1.3  # of the line, in points
# Panels of these scales share x, where all panels of the figure are of that one scale
_SHARED_SCALES: tuple[set[Scale], ...] = ({"percent"}, {"share"})


def arm_rows_figure(arms: Sequence[str], panels: Sequence[Panel], rows: Sequence[str]) -> Figure:
    """Panels whose rows have a slot for each arm that has a mark; the legend names the arms."""
    marked_arms = {mark.arm for panel in panels for mark in panel.marks}
    slots = [arm for arm in arms if arm in marked_arms]
    styles = arm_styles(arms)
    legend = []
    for arm in slots:
        style = styles[arm]
        legend.append(marker_artist(style.colour, style.marker, label(arm)))
    return rows_figure(panels, styles, RowLayout(rows, slots), legend, columns=3)


def rows_of(panels: Sequence[Panel]) -> list[str]:
    """The rows that the marks of panels stand in, in the order of the marks."""
    return distinct(mark.row for panel in panels for mark in panel.marks)


def rows_figure(
    panels: Sequence[Panel],
    styles: Mapping[str, ArmStyle],
    layout: RowLayout,
    legend: Sequence[Line2D],
    columns: int,
) -> Figure:
    """Panels with the same rows, `columns` of them side by side; those of one quantity share x."""
    estimates = [mark.estimate for panel in panels for mark in panel.marks]
    if all(estimate.value is None for estimate in estimates):
        return empty_figure()
    # A single panel may be wider, in inches
    width = 3.2 if len(panels) > 1 else 4.4
    share_x = {panel.scale for panel in panels} in _SHARED_SCALES
    figure, all_axes = axes_grid(
        len(panels), columns, (width, layout.height), share_x=share_x, left_margin=1.3
    )
    # A shared x has its limits only after all panels are drawn, and the edges need the limits
    axes_and_panels = list(zip(all_axes, panels, strict=True))
    for axes, panel in axes_and_panels:
        _draw_panel(axes, panel, styles, layout)
    # All ratios of the figure together say whether x is logarithmic, so panels look alike
    ratios = _ratios(panels)
    for axes, panel in axes_and_panels:
        _scale_x(axes, panel.scale, ratios)
    for axes, panel in axes_and_panels:
        _draw_edges(axes, panel, styles, layout)
    add_legend(figure, [*legend, *_paper_handles(panels)])
    return figure


def _ratios(panels: Sequence[Panel]) -> list[float]:
    """The values of all panels of ratios, which have one scale."""
    ratios = []
    for panel in panels:
        for mark in panel.marks:
            if panel.scale == "ratio" and mark.estimate.value is not None:
                ratios.append(mark.estimate.value)
    return ratios


def _paper_handles(panels: Sequence[Panel]) -> list[Line2D | Patch]:
    """The legend's entries of what panels show of the paper."""
    handles: list[Line2D | Patch] = []
    if any(panel.paper_range for panel in panels):
        handles.append(paper_marks.RANGE_HANDLE)
    if any(panel.paper_maximum is not None for panel in panels):
        handles.append(paper_marks.MAXIMUM_HANDLE)
    return handles


def _draw_panel(
    axes: Axes, panel: Panel, styles: Mapping[str, ArmStyle], layout: RowLayout
) -> None:
    """Draws a panel with its title and its names of rows, the first row on top."""
    for mark in panel.marks:
        _draw_mark(axes, mark, styles[mark.arm], layout)
    rows = layout.rows
    # Every second row is shaded, behind the grid
    for shaded_row in range(1, len(rows), 2):
        axes.axhspan(shaded_row - 0.5, shaded_row + 0.5, color="#f5f5f5", zorder=0)
    if panel.paper_range is not None:
        low, high = panel.paper_range
        paper_marks.draw_range(axes, low, high)
    if panel.paper_maximum is not None:
        paper_marks.draw_maximum(axes, panel.paper_maximum)
    if panel.reference is not None:
        axes.axvline(panel.reference, color="#808080", linewidth=0.9, linestyle="--", zorder=1)
    row_labels = [_broken(label(row)) for row in rows]
    axes.set_yticks(range(len(rows)), row_labels)
    axes.set_ylim(len(rows) - 0.5, -0.5)  # from the bottom to the top
    axes.grid(visible=False, axis="y")
    axes.set_title(panel.title, loc="left")
    axes.set_xlabel(panel.x_label)
    axes.autoscale_view(scaley=False)


def _draw_mark(axes: Axes, mark: Mark, style: ArmStyle, layout: RowLayout) -> None:
    """Draws an estimate and its interval; nothing where there is no value.

    An interval without an upper end is drawn up to the value; `_draw_edges` draws the rest.
    """
    estimate = mark.estimate
    if estimate.value is None:
        return
    y = layout.y(mark)
    if estimate.low is not None:
        high = estimate.value if estimate.high is None else estimate.high
        axes.hlines(y, estimate.low, high, colors=style.colour, linewidth=_INTERVAL_WIDTH)
    marker = marker_artist(style.colour, style.marker, teacher_index=mark.teacher_index)
    marker.set_data([estimate.value], [y])
    axes.add_line(marker)


def _scale_x(axes: Axes, scale: Scale, ratios: Sequence[float]) -> None:
    """Gives x the limits of its scale; `ratios` are those of the whole figure."""
    if scale == "ratio":
        log_x(axes, ratios)
    elif scale in ("percent", "share"):
        # so that the axis has a width where all values are 0
        narrowest = 10 if scale == "percent" else 0.1
        right = max(axes.get_xlim()[1], narrowest)
        # room for a marker at 0
        axes.set_xlim(-0.02 * right, right)


def _draw_edges(
    axes: Axes, panel: Panel, styles: Mapping[str, ArmStyle], layout: RowLayout
) -> None:
    """Draws what no scale holds at the edges of the axes, and leaves the limits as they are.

    An interval without an upper end runs to the right edge. A 0 on a logarithmic axis stands at the
    left edge.
    """
    left, right = axes.get_xlim()
    for mark in panel.marks:
        estimate, style, y = mark.estimate, styles[mark.arm], layout.y(mark)
        endless = estimate.low is not None and estimate.high is None
        if estimate.value is not None and endless:
            start = max(estimate.value, left)
            axes.hlines(y, start, right, colors=style.colour, linewidth=_INTERVAL_WIDTH)
            # an arrow head: it goes on
            axes.plot([right], [y], ">", color=style.colour, ms=4, clip_on=False)
        if estimate.value == 0 and axes.get_xscale() == "log":
            _draw_zero(axes, mark, style, (left, y))
    # What was drawn beyond the edge must not widen the axes
    axes.set_xlim(left, right)


def _draw_zero(axes: Axes, mark: Mark, style: ArmStyle, position: tuple[float, float]) -> None:
    """Draws a mark at the left edge, with a "0" beside it."""
    x, y = position
    marker = marker_artist(style.colour, style.marker, teacher_index=mark.teacher_index)
    marker.set(data=([x], [y]), clip_on=False)
    axes.add_line(marker)
    offset_points = (4, 2)
    axes.annotate(
        "0", position, offset_points, textcoords="offset points", color=style.colour, size=8
    )


def _broken(row_label: str) -> str:
    """A label with long names of arms in several lines, which the margin has room for."""
    lines = row_label.replace("truncated to ", "truncated to\n")
    return lines.replace(", thinking closed at ", ", thinking closed\nat ")
