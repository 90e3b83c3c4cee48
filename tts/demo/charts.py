"""Line charts as SVG, which take their colours from the page, light or dark."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 400, 260
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 12, 40


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes:
        label: Its name.
        x: From 0 to 1.
        y: Its values.
        kind: A class of `page.css`: "st-a" to "st-d", or "st-chord".
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    kind: str


def chart(title: str, x_name: str, y_name: str, lines: Sequence[Line], least: float | None) -> str:
    """Draw lines over time.

    Args:
        title: What is seen, for those who cannot see it.
        x_name: Of the axis across, which goes from 0 to 1.
        y_name: Of the axis upwards.
        lines: At least one.
        least: Where the axis upwards begins; below the lowest value when None.

    Returns:
        An SVG element.
    """
    values = [value for line in lines for value in line.y if math.isfinite(value)] or [0.0, 1.0]
    low = min(values) if least is None else least
    ticks = _ticks(low, max(max(values), low + 1e-6))
    low, high = (ticks[0], ticks[-1])

    def place(x: float, y: float) -> str:
        across = LEFT + x * (WIDTH - LEFT - RIGHT)
        up = TOP + (high - min(max(y, low), high)) / (high - low) * (HEIGHT - TOP - BOTTOM)
        return f"{across:.1f},{up:.1f}"

    parts = [_grid(ticks, place), _names(x_name, y_name)]
    for line in lines:
        points = " ".join(place(x, y) for x, y in zip(line.x, line.y, strict=True))
        parts.append(f'<polyline class="{line.kind}" points="{points}"/>')
    return (
        f'<svg class="st-chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{html.escape(title)}">{"".join(parts)}</svg>'
    )


def legend(lines: Sequence[Line]) -> str:
    """The names of lines beside their colours, as HTML."""
    keys = "".join(
        f'<li><svg viewBox="0 0 24 8" aria-hidden="true"><polyline class="{line.kind}" '
        f'points="1,4 23,4"/></svg>{html.escape(line.label)}</li>'
        for line in lines
    )
    return f'<ul class="st-legend">{keys}</ul>'


def _grid(ticks: Sequence[float], place: object) -> str:
    assert callable(place)
    parts = []
    for tick in ticks:
        left, height = place(0.0, tick).split(",")
        right = place(1.0, tick).split(",")[0]
        parts.append(
            f'<line class="st-rule" x1="{left}" x2="{right}" y1="{height}" y2="{height}"/>'
            f'<text x="{LEFT - 6}" y="{float(height) + 4:.1f}" text-anchor="end">{tick:g}</text>'
        )
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        across = place(share, ticks[0]).split(",")[0]
        parts.append(
            f'<text x="{across}" y="{HEIGHT - BOTTOM + 17}" text-anchor="middle">{share:g}</text>'
        )
    return "".join(parts)


def _names(x_name: str, y_name: str) -> str:
    middle, centre = (LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2
    return (
        f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{html.escape(x_name)}</text>'
        f'<text transform="translate(12 {centre}) rotate(-90)" text-anchor="middle">'
        f"{html.escape(y_name)}</text>"
    )


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers that enclose a range, three to seven of them."""
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]
