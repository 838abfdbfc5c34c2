"""docs/schema-rules.md: each rule has a section, and its examples are what it says they are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from codegen import image
from schema_rules.check import COMPATIBILITY_RULES, RULES, findings, incompatibilities
from schema_rules.finding import Finding
from tests import toolchain
from tests.schema_rules.small_schemas import APIS, Mark, SmallSchemas, assert_announced, marks
from tests.schema_rules.test_comment_rules import COMMENT_RULES
from tests.toolchain import Run

DOCS = Path(__file__).resolve().parents[2] / "docs" / "schema-rules.md"
_TEXT = DOCS.read_text()
_SECTION = re.compile(r"^### (\S+)\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
_EXAMPLE = re.compile(r"^<!-- (\w+) -->\n```proto\n(.*?)^```$", re.MULTILINE | re.DOTALL)

SECTIONS = {rule: dict(_EXAMPLE.findall(text)) for rule, text in _SECTION.findall(_TEXT)}
"""The examples of each section, by their marker."""


class Side(NamedTuple):
    """All examples with one marker, and what the rules of the contract find in them."""

    schemas: SmallSchemas
    found: list[Finding]


@pytest.fixture(scope="module")
def sides(buf: Run, root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Side]:
    """The examples, compiled. Those of the registry are values of the enum that it is."""
    sides: dict[str, Side] = {}
    for marker in ("before", "wrong", "right"):
        examples = {rule.lower(): own[marker] for rule, own in SECTIONS.items() if marker in own}
        kinds = examples.pop("kind_registry", "")
        workspace = tmp_path_factory.mktemp(marker)
        bare = {name for name in examples if marker == "right" or name.upper() in COMMENT_RULES}
        schemas = SmallSchemas(buf, root, workspace, examples, kinds, bare=bare)
        sides[marker] = Side(schemas, list(findings(schemas.image)))
    return sides


def _made(side: Side, rule: str, found: list[Finding]) -> list[Mark]:
    if rule == "KIND_REGISTRY":
        return side.schemas.made_in_registry(found)
    return side.schemas.made_in(rule.lower(), found)


def test_every_rule_has_a_section_and_every_section_a_rule() -> None:
    headings = re.findall(r"^### (.*)$", _TEXT, re.MULTILINE)
    assert headings == [*RULES, *COMPATIBILITY_RULES]


def test_every_example_is_found_by_its_marker() -> None:
    assert _TEXT.count("```proto\n") == sum(map(len, SECTIONS.values()))
    for rule, examples in SECTIONS.items():
        before = ["before"] if rule in COMPATIBILITY_RULES else []
        assert list(examples) == [*before, "wrong", "right"], rule


@pytest.mark.parametrize("rule", SECTIONS)
def test_a_wrong_example_names_its_rule_and_no_other(rule: str) -> None:
    assert {mark.rule for mark in marks(SECTIONS[rule]["wrong"])} == {rule}


@pytest.mark.parametrize("rule", RULES)
def test_a_wrong_example_breaks_its_rule_where_it_says_and_no_other(
    sides: dict[str, Side], rule: str
) -> None:
    side = sides["wrong"]
    found = _made(side, rule, side.found)
    # An example may break its rule in more ways than one on a line.
    assert_announced(
        sorted({Mark(m.line, m.rule, "") for m in found}), marks(SECTIONS[rule]["wrong"])
    )


@pytest.mark.parametrize("rule", SECTIONS)
def test_a_right_example_breaks_no_rule_of_the_contract(sides: dict[str, Side], rule: str) -> None:
    assert _made(sides["right"], rule, sides["right"].found) == []


def test_buf_finds_nothing_in_the_right_examples(
    buf: Run, sides: dict[str, Side], root: Path
) -> None:
    linted = buf("lint", "--error-format", "json", cwd=sides["right"].schemas.workspace)
    found = [f for f in toolchain.findings(linted) if f["path"].startswith(f"{APIS}/small/")]
    # Every example has the same imports.
    assert [f for f in found if f["type"] != "IMPORT_USED"] == []
    assert any(f["type"] == "IMPORT_USED" for f in found), "buf did not look at the examples"


@pytest.mark.parametrize("rule", COMPATIBILITY_RULES)
@pytest.mark.parametrize("after", ["wrong", "right"])
def test_only_the_wrong_example_breaks_a_compatibility_rule(
    sides: dict[str, Side], after: str, rule: str
) -> None:
    released = image.without_rules_import(sides["before"].schemas.image)
    broken = list(incompatibilities(released, sides[after].schemas.image))
    assert_announced(_made(sides[after], rule, broken), marks(SECTIONS[rule][after]))


def test_what_is_named_in_backticks_as_a_make_target_is_one(root: Path) -> None:
    makefile = (root / "Makefile").read_text()
    named = set(re.findall(r"`make ([a-z-]+)", _TEXT))
    assert {"lint", "breaking"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"there is no make {target}"
