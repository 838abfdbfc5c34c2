"""Pictures of the contract as SVG, drawn from the descriptors, as narrow as a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from textwrap import wrap

from markupsafe import Markup, escape

from codegen.project import StepError
from reference.model import Entry, Reference
from schema_rules.resource_ids import Registry
from schema_rules.words import singular, words

_WIDTH = 360
_ROW = 30
_LINE = 56
"""How many characters of a label fit into the width."""
_TERMINAL = "Terminal."
_STEP = re.compile(
    r"participant (?P<actor>\w+) as (?P<name>.+)"
    r"|(?:Note over (?P<over>\w+)|(?P<origin>\w+)->>(?P<target>\w+)): (?P<text>.+)"
)


def resources(reference: Reference) -> Markup:
    """Draw which resources refer to which: a list, with an arc from each to what it names."""
    names = [entry.name for entry, _ in reference.resources()]
    edges = _references(reference)
    order = _ordered(names, edges)
    row = {name: 24 + i * _ROW for i, name in enumerate(order)}
    parts = [_label(name, 176, y + 4, "end") for name, y in row.items()]
    for origin, target in edges:
        parts.append(_arc(row[origin], row[target]))
    said = ". ".join(f"{origin} refers to {target}" for origin, target in edges)
    title = "Which resources refer to which"
    return _svg(title, f"{said}.", len(order) * _ROW + 20, parts)


def _references(reference: Reference) -> list[tuple[str, str]]:
    registry = Registry(reference.schema)
    kinds = {kind: name for kind, name in registry.names.items() if name}
    edges: dict[tuple[str, str], None] = {}
    for resource, _ in reference.resources():
        spec = reference.schema.messages.get(f"{resource.element.name}Spec")
        for name in sorted(reference.schema.reachable(spec.name)) if spec else ():
            message = reference.schema.messages[name]
            if message.package != resource.element.package:
                continue
            for field in message.fields:
                *stem, end = map(singular, words(field.descriptor.name))
                meant = {kinds[kind] for kind in registry.ending_in(tuple(stem)) & kinds.keys()}
                if end in ("id", "ref") and stem and len(meant) == 1:
                    edges[resource.name, *meant] = None  # type: ignore[index]
    return [(origin, target) for origin, target in edges if origin != target]


def _ordered(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> list[str]:
    """Order names so that arcs lead down wherever they can."""
    below: dict[str, int] = {}

    def depth(name: str, above: frozenset[str]) -> int:
        if name not in below:
            targets = [t for o, t in edges if o == name and t not in above]
            below[name] = 1 + max((depth(t, above | {name}) for t in targets), default=0)
        return below[name]

    return sorted(names, key=lambda n: (-depth(n, frozenset()), n))


def _arc(start: int, end: int) -> str:
    x, wide = 184, 18 + 0.42 * abs(end - start)
    return (
        f'<path class="edge" marker-end="url(#arrow)" d="M{x} {start} '
        f'C{x + wide:.0f} {start} {x + wide:.0f} {end} {x + 4} {end}"/>'
    )


def phases(enum: Entry) -> Markup | None:
    """Draw the order of the values of an enum, if their comments say which are terminal."""
    values = [value for value in enum.members if value.descriptor.number]
    terminal = [value for value in values if value.comment.endswith(_TERMINAL)]
    if not terminal:
        return None
    prefix = len(_common([value.name for value in values]))
    chain = [value.name[prefix:] for value in values if value not in terminal]
    ends = [value.name[prefix:] for value in terminal]
    parts: list[str] = []
    for i, name in enumerate(chain):
        parts += _box(name, _WIDTH / 2, 26 + i * 64)
        if i:
            parts.append(_line(_WIDTH / 2, i * 64 - 20, _WIDTH / 2, 8 + i * 64))
    low = len(chain) * 64 + 26
    for i, name in enumerate(ends):
        x = _WIDTH * (i + 0.5) / len(ends)
        parts += _box(name, x, low, "end")
        parts.append(_line(_WIDTH / 2, low - 46, x, low - 18))
    said = f"{', then '.join(chain)}, then one of {', '.join(ends)}."
    return _svg(f"The order of {enum.name}", said, low + 26, parts)


def sequence(source: str, title: str) -> Markup:
    """Draw a sequence diagram from the part of Mermaid's language that the guides use.

    Raises:
        StepError: A line means nothing here, so that the picture would lack it.
    """
    actors: dict[str, str] = {}
    steps: list[tuple[str, str, list[str]]] = []
    for line in filter(None, map(str.strip, source.splitlines()[1:])):
        found = _STEP.fullmatch(line)
        origin = found and (found["origin"] or found["over"])
        target = found and (found["target"] or origin)
        if found and found["actor"]:
            actors[found["actor"]] = found["name"]
        elif found and origin in actors and target in actors:
            lines = [part for text in found["text"].split("<br/>") for part in wrap(text, _LINE)]
            steps.append((origin, target, lines))
        else:
            raise StepError(f"{title}: the diagram's line `{line}` cannot be drawn; simplify it")
    at = {actor: _WIDTH * (i + 0.5) / len(actors) for i, actor in enumerate(actors)}
    names = {actor: wrap(name, 9) for actor, name in actors.items()}
    top = y = 14.0 * max(map(len, names.values())) + 8
    parts: list[str] = []
    for origin, target, lines in steps:
        half = 3.1 * max(map(len, lines)) + 4
        middle = min(max((at[origin] + at[target]) / 2, half), _WIDTH - half)
        if origin == target:
            wide, high = 2 * half, 15 * len(lines) + 6
            parts.append(_rect("", middle, y + high / 2, wide, high, 4))
        for text in lines:
            y += 15
            parts.append(_label(text, middle, y, "middle", "" if origin == target else "halo"))
        if origin != target:
            y += 9
            parts.append(
                _line(at[origin], y, at[target] + (4 if at[target] < at[origin] else -4), y)
            )
        y += 9
    for actor, words_of in names.items():
        parts[:0] = [f'<path class="life" d="M{at[actor]:.0f} {top:.0f}V{y:.0f}"/>']
        for i, word in enumerate(words_of):
            parts.append(_label(word, at[actor], 14 + i * 14, "middle", "strong"))
    said = ". ".join(
        f"{actors[o]}{f' to {actors[t]}' if t != o else ''}: {' '.join(lines)}"
        for o, t, lines in steps
    )
    return _svg(title, f"{said}.", y + 4, parts)


def _box(name: str, x: float, y: float, kind: str = "") -> Iterator[str]:
    yield _rect(kind, x, y, min(112, _WIDTH / 3 - 10), 32, 8)
    yield _label(name, x, y + 4, "middle")


def _rect(kind: str, x: float, y: float, wide: float, high: float, radius: int) -> str:
    return (
        f'<rect class="box {kind}" x="{x - wide / 2:.0f}" y="{y - high / 2:.0f}" '
        f'width="{wide:.0f}" height="{high:.0f}" rx="{radius}"/>'
    )


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    d = f"M{x1:.0f} {y1:.0f}L{x2:.0f} {y2:.0f}"
    return f'<path class="edge" marker-end="url(#arrow)" d="{d}"/>'


def _label(text: str, x: float, y: float, anchor: str, kind: str = "") -> str:
    return (
        f'<text class="{kind}" x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _common(names: Sequence[str]) -> str:
    """Return the beginning that all names share, up to an underscore."""
    first, last = min(names), max(names)
    differ = (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b)
    return first[: next(differ, len(first))].rpartition("_")[0] + "_"


def _svg(title: str, description: str, height: float, parts: Sequence[str]) -> Markup:
    arrow = (
        '<marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path class="head" d="M0 0L8 4L0 8z"/></marker>'
    )
    label = f"{title}. {description}"
    return Markup(
        f'<figure class="picture"><svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" '
        f'aria-label="{escape(label)}"><defs>{arrow}</defs>{"".join(parts)}</svg>'
        f"<figcaption>{escape(title)}</figcaption></figure>"
    )
