"""`python -m reference.changes`: what changed in the contract since a release or a revision.

What is breaking is not decided here: `buf breaking` and the compatibility rules say so, and each of
their findings is shown with the change that causes it, or on its own.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Set
from enum import Enum
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from codegen.project import StepError
from reference.compare import Comparison, Difference
from reference.parts import COMMENT, Parts, short
from schema_rules import releases
from schema_rules.check import Reasons, contract, load_corrections
from schema_rules.releases import CORRECTIONS, RELEASES
from schema_rules.revision import Revision
from schema_rules.schema import APIRESOURCE, AUTHORIZATION, COMPUTED
from schema_rules.words import sentences


class Section(Enum):
    """What kind of change it is: its heading. An element is in the first that fits."""

    REMOVED = "Removed or reserved"
    CORRECTED = "Corrected"
    DEPRECATED = "Deprecated"
    TIGHTENED = "Validation tightened"
    LOOSENED = "Validation loosened"
    REVALIDATED = "Validation changed"
    AUTHORIZATION_TIGHTENED = "Authorization tightened"
    AUTHORIZATION_LOOSENED = "Authorization loosened"
    REAUTHORIZED = "Authorization changed"
    CHANGED = "Changed"
    ADDED = "Added"
    SOURCE = "Comments, order and imports"


_ASKED = {
    Section.DEPRECATED: "Stop using {it}.",
    Section.TIGHTENED: "Send only what the rules of {it} now accept.",
    Section.LOOSENED: "Accept in {it} what its rules rejected before.",
    Section.REVALIDATED: "Check what you send in {it} and what you accept there against its rules.",
    Section.AUTHORIZATION_TIGHTENED: "Give callers of {it} the permission that it now requires.",
    Section.REAUTHORIZED: "Check that callers of {it} have the permission that it now requires.",
}
"""What a change of each kind asks of callers; of the other kinds, see `_asked`."""
_IS = {
    "options.debug_redact": ("is now secret: text output masks it", "is no longer secret"),
    f"options.({COMPUTED})": ("is now written by the system alone", "callers may now write it"),
    f"options.({APIRESOURCE}.immutable)": (
        "can no longer change once it is created",
        "may now change after it is created",
    ),
    "options.deprecated": ("is deprecated", "is no longer deprecated"),
    "proto3_optional": ("now tells unset from empty", "no longer tells unset from empty"),
    "client_streaming": ("now takes a stream", "no longer takes a stream"),
    "server_streaming": ("now answers with a stream", "no longer answers with a stream"),
}
"""What it means that a part is true, and that it no longer is."""
_CALLED = {
    "options.(buf.validate.": "rule ",
    f"options.({AUTHORIZATION}.": "authorization ",
    "options.": "option ",
}
"""What parts are called whose names begin in some way."""
_DEPRECATED = "options.deprecated"
_RULES = "options.(buf.validate."


class Change(NamedTuple):
    """What changed in one element, as a report has it."""

    section: Section
    package: str
    name: str
    """The full name; the earlier one if the element is gone."""
    kind: str
    """What a person calls it, such as `field`."""
    says: tuple[str, ...]
    """What changed, in Markdown."""
    asks: str
    """What an upgrade asks of callers, in a sentence; empty for nothing."""
    breaks: tuple[str, ...]
    """The IDs of the rules that call it breaking, without those that a correction excuses."""
    correction: str
    """Why the released rule was wrong, if it is a correction."""


def changes(comparison: Comparison, corrections: Iterable[Reasons] = ()) -> list[Change]:
    """Return every change, in the order of a report.

    Raises:
        StepError: buf cannot compare the contracts.
    """
    loosened, reasons = comparison.loosened(), list(corrections)
    return sorted(
        (_change(each, loosened, reasons) for each in comparison.all_told()),
        key=lambda change: (list(Section).index(change.section), *change[1:4]),
    )


def _change(found: Difference, loosened: Set[str], corrections: Iterable[Reasons]) -> Change:
    parts = found.parts_now
    element = parts.element
    excused = {
        rule: reasons[rule][element.name]
        for reasons in corrections
        for rule in reasons.keys() & {told.rule for told in found.told}
        if element.name in reasons[rule]
    }
    breaks = sorted({told.rule for told in found.told} - excused.keys())
    section = _section(found, loosened)
    return Change(
        Section.CORRECTED if excused and not breaks else section,
        element.package,
        element.name,
        parts.kind,
        tuple(_said(found)),
        _asked(found, section),
        tuple(breaks),
        " ".join(dict.fromkeys(excused.values())),
    )


def _section(found: Difference, loosened: Set[str]) -> Section:
    if found.new is None or any(
        part.startswith("reserved ") and now is not None for part, (_, now) in found.parts.items()
    ):
        return Section.REMOVED
    if found.old is None:
        return Section.ADDED
    if found.parts.get(_DEPRECATED, ("", ""))[1] == "true":
        return Section.DEPRECATED
    rules = {told.rule for told in found.told}
    if rules & {"VALIDATION_KEPT", "OLD_STAYS_VALID"}:
        return _revalidated(found, loosened)
    if "AUTHORIZATION_KEPT" in rules:
        return _reauthorized(found.old, found.new)
    is_source = all(
        part == COMMENT or part.startswith(("import ", "order of ")) for part in found.parts
    )
    return Section.SOURCE if is_source and not rules else Section.CHANGED


def _revalidated(found: Difference, loosened: Set[str]) -> Section:
    """Ask what protovalidate rejects of the other side; if nothing, see which rules are set."""
    rules = [values for part, values in found.parts.items() if part.startswith(_RULES)]
    is_tighter = any(told.rule == "OLD_STAYS_VALID" for told in found.told)
    is_looser = found.parts_now.element.name in loosened
    if not is_tighter and not is_looser:
        is_tighter = all(old is None for old, _ in rules)
        is_looser = all(new is None for _, new in rules)
    if is_tighter == is_looser:
        return Section.REVALIDATED
    return Section.TIGHTENED if is_tighter else Section.LOOSENED


def _reauthorized(old: Parts, new: Parts) -> Section:
    was_open, is_open = (
        not any(part.startswith(f"options.({AUTHORIZATION}.config)") for part in side.stated)
        for side in (old, new)
    )
    if was_open == is_open:
        return Section.REAUTHORIZED
    return Section.AUTHORIZATION_LOOSENED if is_open else Section.AUTHORIZATION_TIGHTENED


def _asked(found: Difference, section: Section) -> str:
    parts = found.parts_now
    it = code(short((found.old or parts).element.name, parts.element.package))
    if found.new is None:
        return f"Stop using {it}."
    if any(told.rule == "OLD_STAYS_VALID" for told in found.told):
        section = Section.TIGHTENED
    if section in _ASKED:
        return _ASKED[section].format(it=it)
    if section is Section.ADDED and (parts.kind == "enum value" or "oneof" in parts.stated):
        holder = code(short(parts.parent, parts.element.package))
        return f"Handle what is new in {holder} in code that tells its cases apart."
    if found.told and section is not Section.ADDED:
        return f"Change code and stored data that depend on {it} as it was."
    return ""


def _said(found: Difference) -> Iterator[str]:
    """Yield what changed in an element, in words where they are known."""
    if found.old is None and found.new is not None:
        yield from _summary(found.new)
    if found.parts.get(_DEPRECATED, ("", ""))[1] == "true":
        comment = found.parts_now.element.comment
        yield from (said for said in sentences(comment) if said.startswith("Deprecated"))
    for part, (old, new) in found.parts.items():
        if part in _IS and "true" in (old, new):
            yield _IS[part][new != "true"]
        elif part.startswith("reserved ") or (part.startswith("import ") and None in (old, new)):
            verb, _, what = part.partition(" ")
            words = {"reserved": ("reserves", "reserve"), "import": ("imports", "import")}[verb]
            yield f"now {words[0]} {what}" if old is None else f"no longer {words[0]} {what}"
        elif part == COMMENT:
            done = "added" if old is None else "removed" if new is None else "reworded"
            yield f"the comment is {done}"
        elif old is None and new is None:
            yield f"the {part} changed"
        else:
            values = ("not set" if value is None else code(value) for value in (old, new))
            yield f"{_called(part)}: {' → '.join(values)}"
    if not found.parts and found.new is not None:
        yield from (told.message for told in found.told)


def _summary(parts: Parts) -> Iterator[str]:
    """Yield what a reader wants to know of an element that is new."""
    yield from sentences(parts.element.comment)[:1]
    for order, names in parts.orders.items():
        kinds = order.removeprefix("order of ")
        if names and parts.kind != "file":
            yield f"{len(names)} {kinds if len(names) > 1 else kinds.removesuffix('s')}"
    for part, value in parts.stated.items():
        if part.partition(" ")[0] not in ("name", "json_name", "file", "import", "map", COMMENT):
            yield _called(part) + (f" {code(value)}" if value not in ("", "true") else "")


def _called(part: str) -> str:
    for beginning, words in _CALLED.items():
        if part.startswith(beginning):
            rest = part.removeprefix(beginning)
            # What follows the name of an option of rules, or of ours, is what differs.
            return words + (rest.partition(").")[2] or rest.strip("()").rpartition(".")[2])
    return part.replace("_", " ")


def code(text: str) -> str:
    """Return text as code in Markdown."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


Link = Callable[[Change], str]


def report(
    changes: Iterable[Change], since: str, *, level: int = 1, link: Link | None = None
) -> str:
    """Return a report of changes as Markdown, whose headings begin at a level.

    `link` writes the name of what changed; it is code without it.
    """
    link = link or (lambda change: code(short(change.name, change.package)))
    by_section = {
        section: list(group) for section, group in groupby(changes, lambda change: change.section)
    }
    found = [change for group in by_section.values() for change in group]
    breaking = sum(bool(change.breaks) for change in found)
    lines = [f"{'#' * level} Contract changes since {since}", ""]
    lines += [_counted(found, breaking), ""] if found else ["Nothing changed in the contract.", ""]
    if found:
        asked = dict.fromkeys(change.asks for change in found if change.asks)
        lines += [f"{'#' * (level + 1)} What an upgrade asks of you", ""]
        lines += [f"- {ask}" for ask in asked] or ["Nothing: you can upgrade as you are."]
        lines += [""]
    for section, group in by_section.items():
        lines += [f"{'#' * (level + 1)} {section.value}", ""]
        for package, members in groupby(group, lambda change: change.package):
            lines += [f"{'#' * (level + 2)} {package}", ""]
            lines += [_item(change, link) for change in members]
            lines += [""]
    return "\n".join(lines)


def _counted(found: list[Change], breaking: int) -> str:
    changed = f"{len(found)} element{'s' if len(found) > 1 else ''} changed"
    return f"{changed}, {breaking or 'none'} in a breaking way."


def _item(change: Change, link: Link) -> str:
    said = "; ".join(words.removesuffix(".") for words in change.says)
    said = f": {said}" if said else ""
    item = f"- {link(change)} ({change.kind}){said}."
    if change.correction:
        item += f" Corrected: {change.correction}"
    if change.breaks:
        item += f" **Breaking** ({', '.join(change.breaks)})."
    return item


def as_text(markdown: str) -> str:
    """Return a report for a terminal: the same lines, without the marks of Markdown."""
    lines: list[str] = []
    for line in markdown.splitlines():
        marks, _, heading = line.partition(" ")
        depth = len(marks) if marks.strip("#") == "" else 0
        lines.append(heading if depth else line.replace("**Breaking**", "BREAKING"))
    return "\n".join(lines) + "\n"


FORMATS: dict[str, Callable[[str], str]] = {"text": as_text, "markdown": str}


def main(arguments: list[str] | None = None) -> int:
    """Print what changed, and return the exit code: 0, or 1 after a sentence on what is wrong."""
    parser = argparse.ArgumentParser(prog="changes", description=__doc__)
    parser.add_argument(
        "--against",
        metavar="REVISION",
        default=os.environ.get("AGAINST"),
        help="a release (vX.Y.Z) or git revision; AGAINST in the environment, or the last release",
    )
    parser.add_argument("--format", choices=FORMATS, default="text")
    parser.add_argument("--image", type=Path, help="the compiled contract; compiled if not given")
    options = parser.parse_args(arguments)
    try:
        since, found = _since(options.against, contract(options.image))
    except (StepError, ValueError) as failure:
        print(f"changes: {failure}", file=sys.stderr)
        return 1
    print(FORMATS[options.format](report(found, since)), end="")
    return 0


def _since(name: str | None, image: FileDescriptorSet) -> tuple[str, list[Change]]:
    """Return what the contract is compared with, and what changed since."""
    kept = {folder.name: folder for folder in releases.every(RELEASES)}
    name = name or list(kept)[-1]
    if name in kept:
        return f"release {name}", unreleased(kept[name], image)
    revision = Revision.find(name)
    before = FileDescriptorSet.FromString(revision.image().read_bytes())
    comparison = Comparison(before, image, image, releases.fixtures_of(revision.fixtures()))
    later = [kept[each] for each in kept.keys() - set(revision.releases())]
    return revision.name, changes(comparison, _corrections(later))


def unreleased(release: Path, image: FileDescriptorSet) -> list[Change]:
    """Return what changed in the contract since a release."""
    later = [folder for folder in releases.every(RELEASES) if _is_later(folder, release)]
    comparison = Comparison(releases.image_of(release), image, image, releases.fixtures_of(release))
    return changes(comparison, _corrections(later))


def released(release: Path, image: FileDescriptorSet) -> list[Change]:
    """Return what changed in a release since the one before; `image` declares what they import."""
    earlier = [folder for folder in releases.every(RELEASES) if _is_later(release, folder)]
    before = releases.image_of(earlier[-1]) if earlier else FileDescriptorSet()
    fixtures = releases.fixtures_of(earlier[-1]) if earlier else {}
    comparison = Comparison(before, releases.image_of(release), image, fixtures)
    return changes(comparison, [load_corrections(release / CORRECTIONS.name)])


def _is_later(folder: Path, other: Path) -> bool:
    return releases.numbers(folder.name) > releases.numbers(other.name)


def _corrections(later: Iterable[Path]) -> list[Reasons]:
    return [load_corrections(CORRECTIONS)] + [
        load_corrections(folder / CORRECTIONS.name) for folder in later
    ]


if __name__ == "__main__":
    sys.exit(main())
