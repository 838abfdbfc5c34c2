"""`python -m schema_rules.breaking`: compare the contract with releases, and with a revision.

A comparison is `buf breaking` with the rules in `buf.yaml`, and then our own compatibility rules,
which compare what buf leaves out. Every release is compared with the one before it, so that none
can be added or rewritten to excuse what follows, and the contract with every release.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Set
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from codegen.place import SCHEMA_IMAGE
from codegen.project import PACKAGE, ROOT, StepError
from schema_rules import buf, releases
from schema_rules.check import Reasons, contract, incompatible, load_corrections, unexcused
from schema_rules.compatibility_rules import baseline_schema
from schema_rules.finding import FORMATS, Finding, as_text, in_order, problem_line
from schema_rules.releases import CHANGELOG, CORRECTIONS, RELEASES
from schema_rules.revision import Revision
from schema_rules.schema import Schema


def main(arguments: list[str] | None = None) -> int:
    """Compare, and return the exit code: 0, or 1 after findings or a sentence on what is wrong."""
    parser = argparse.ArgumentParser(prog="breaking", description=__doc__)
    parser.add_argument(
        "--against",
        metavar="REVISION",
        default=os.environ.get("AGAINST"),
        help="a git revision to compare with as well; AGAINST in the environment if not given",
    )
    parser.add_argument("--error-format", choices=FORMATS, default="text")
    parser.add_argument("--image", type=Path, help="the compiled contract; compiled if not given")
    options = parser.parse_args(arguments)
    name: str | None = options.against
    problems: list[str] = []
    against = ""
    try:
        revision = Revision.find(name) if name else None
        if revision is not None:
            problems += _changed_releases(revision)
        comparison = _Comparison(contract(options.image), options.error_format)
        against = f"release {comparison.last.name}" if revision is None else revision.name
        problems += comparison.with_releases()
        if revision is not None:
            problems += comparison.with_revision(revision)
    except (StepError, ValueError) as failure:
        problems.append(str(failure))
    sys.stdout.flush()
    for problem in problems:
        print(problem_line("breaking", problem, options.error_format), file=sys.stderr)
    if problems:
        return 1
    print(f"breaking: compatible with {against}")
    return 0


class _Comparison:
    """Compares the contract as it is; prints findings, and yields a sentence for each problem."""

    def __init__(self, image: FileDescriptorSet, error_format: str) -> None:
        self._image = image
        self._error_format = error_format
        self._now = Schema(image)
        self._releases = releases.every(RELEASES)
        self.last = self._releases[-1]
        self._schemas = {
            folder.name: self._schema(releases.image_of(folder), folder)
            for folder in self._releases
        }
        self._printed: set[str] = set()
        self._corrections = load_corrections(CORRECTIONS)
        self._released_corrections = {
            folder.name: load_corrections(folder / CORRECTIONS.name) for folder in self._releases
        }

    def with_releases(self) -> Iterator[str]:
        """Compare each release with the one before it, and the contract with all of them."""
        yield from releases.bookkeeping(RELEASES, releases.version_of(PACKAGE), CHANGELOG)
        yield from self._unnamed_corrections()
        for older, newer in zip(self._releases, self._releases[1:], strict=False):
            sides = (newer / SCHEMA_IMAGE, "--against", older / SCHEMA_IMAGE)
            # No file of this folder has the lines of a release, so these findings are text.
            stock = buf.findings(["breaking", *sides, "--config", ROOT / "buf.yaml"], "text")
            broken = incompatible(self._schemas[older.name], self._schemas[newer.name])
            ours = self._uncorrected(broken, {newer.name})
            what = f"release {newer.name}"
            yield from self._told([*stock, *map(as_text, ours)], what, older.name)
        later = {""}
        for folder in reversed(self._releases):
            found = list(incompatible(self._schemas[folder.name], self._now))
            stock = self._buf(folder / SCHEMA_IMAGE) if folder == self.last else []
            lines = [*stock, *self._shown(found, later)]
            yield from self._told(lines, "the contract", f"release {folder.name}")
            if folder == self.last:
                yield from self._unused(found)
            later.add(folder.name)

    def with_revision(self, revision: Revision) -> Iterator[str]:
        """Compare the contract with that of a git revision."""
        against = revision.image()
        before = FileDescriptorSet.FromString(against.read_bytes())
        fixtures = releases.fixtures_of(revision.fixtures())
        found = incompatible(baseline_schema(before, self._image, fixtures), self._now)
        later = {folder.name for folder in self._releases} - set(revision.releases())
        lines = [*self._buf(against), *self._shown(found, later | {""})]
        yield from self._told(lines, "the contract", revision.name)

    def _schema(self, image: FileDescriptorSet, folder: Path) -> Schema:
        return baseline_schema(image, self._image, releases.fixtures_of(folder))

    def _buf(self, against: Path) -> list[str]:
        """Return what buf finds in the contract."""
        return buf.findings(["breaking", "apis", "--against", against], self._error_format)

    def _shown(self, found: Iterable[Finding], corrected_by: Set[str]) -> list[str]:
        """Return the lines of findings in the contract that no correction covers."""
        return list(map(FORMATS[self._error_format], self._uncorrected(found, corrected_by)))

    def _uncorrected(self, found: Iterable[Finding], corrected_by: Set[str]) -> list[Finding]:
        left = list(found)
        for name in corrected_by:
            corrections = self._released_corrections[name] if name else self._corrections
            left, _ = unexcused(left, corrections)
        return in_order(left)

    def _told(self, lines: list[str], what: str, base: str) -> Iterator[str]:
        """Print lines of findings, and yield a sentence if there are any."""
        for line in dict.fromkeys(lines):
            if line not in self._printed:  # several baselines find the same
                print(line)
        self._printed.update(lines)
        if lines:
            yield f"{what} is not compatible with {base}; see docs/schema-rules.md"

    def _unused(self, found: list[Finding]) -> Iterator[str]:
        """Yield a sentence for each correction that corrects nothing, or no longer."""
        spent = self._released_corrections[self.last.name]
        _, unused = unexcused(found, _without(self._corrections, spent), CORRECTIONS)
        yield from unused
        for rule, names in self._corrections.items():
            for name in names.keys() & spent.get(rule, {}).keys():
                yield (
                    f"{CORRECTIONS.name} corrects {name} in {rule}, which {self.last.name} did; "
                    "it is spent, so remove it"
                )

    def _unnamed_corrections(self) -> Iterator[str]:
        """Yield a sentence for each correction that the changelog does not name where it must."""
        entries = releases.changelog_entries(CHANGELOG)
        version = releases.version_of(PACKAGE)
        is_released = f"v{version}" in self._released_corrections
        for entry, corrections in [
            ("Unreleased" if is_released else version, self._corrections),
            *((name.removeprefix("v"), c) for name, c in self._released_corrections.items()),
        ]:
            for name in dict.fromkeys(name for names in corrections.values() for name in names):
                short = ".".join(name.split(".")[-2:])
                if f"`{short}`" not in entries.get(entry, ""):
                    yield (
                        f"{CHANGELOG.name} does not name `{short}` under {entry}, which a "
                        "correction changes; write what changes for users"
                    )


def _changed_releases(revision: Revision) -> Iterator[str]:
    """Yield a sentence for each release that differs from that of a git revision."""
    for name in revision.changed_releases():
        yield (
            f"{RELEASES.name}/{name} differs from {revision.name}; a release never changes, so "
            "restore it"
        )


def _without(reasons: Reasons, others: Reasons) -> Reasons:
    return {
        rule: {name: why for name, why in names.items() if name not in others.get(rule, {})}
        for rule, names in reasons.items()
    }


if __name__ == "__main__":
    sys.exit(main())
