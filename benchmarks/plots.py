"""Bars as SVG, which is legible on light and dark pages."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

_WIDTH = 760
_LEFT = 140
_ROW = 18
_STYLE = """
svg { --paper: #fff; --ink: #1f2328; --c0: #0550ae; --c1: #bc4c00; --c2: #6e7781;
  font: 13px system-ui, sans-serif }
@media (prefers-color-scheme: dark) { svg { --paper: #0d1117; --ink: #f0f6fc;
  --c0: #79c0ff; --c1: #ffa657; --c2: #9198a1 } }
text { fill: var(--ink) } .title { font-weight: 600 } .paper { fill: var(--paper) }
.c0 { fill: var(--c0) } .c1 { fill: var(--c1) } .c2 { fill: var(--c2) }
path { stroke: var(--ink); stroke-dasharray: 4 4 }
"""


def number(value: float) -> str:
    """Return a figure as tables and plots show it."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def bars(title: str, base: str, groups: Mapping[str, Mapping[str, float]]) -> str:
    """Draw costs in units of a base's, in groups and on a logarithmic axis."""
    costs = [cost for group in groups.values() for cost in group.values()]
    x = _scale(min(1, *costs), max(1, *costs), _LEFT, _WIDTH - 160)
    parts: list[str] = []
    said: list[str] = []
    y = 44
    for name, group in groups.items():
        parts.append(_text(_LEFT - 12, y + 12, name, "end"))
        for color, (series, cost) in enumerate(group.items()):
            left, right = sorted((x(1), x(cost)))
            box = f'x="{left:.1f}" y="{y}" width="{max(right - left, 2):.1f}" height="{_ROW - 4}"'
            parts.append(f'<rect class="c{color}" {box}/>')
            parts.append(_text(right + 6, y + 12, f"{number(cost)} {series}"))
            said.append(f"{name}, {series}: {number(cost)}")
            y += _ROW
        y += 10
    parts += [f'<path d="M{x(1):.1f} 36V{y}"/>', _text(x(1), y + 16, base, "middle")]
    return _svg(title, f"In units of {base}. {'; '.join(said)}.", y + 28, parts)


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    step = (end - start) / math.log(high / low)
    return lambda value: start + step * math.log(value / low)


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(title: str, description: str, height: int, parts: Sequence[str]) -> str:
    inside = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-labelledby="title description"><title id="title">{escape(title)}</title>\n'
        f'<desc id="description">{escape(description)}</desc><style>{_STYLE}</style>\n'
        f'<rect class="paper" width="{_WIDTH}" height="{height}" rx="6"/>\n'
        f'<text class="title" x="16" y="24">{escape(title)}</text>\n{inside}\n</svg>\n'
    )
