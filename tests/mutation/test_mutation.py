"""One mutation of every kind is stopped, and the tool that says so can say otherwise.

`make mutation` runs them all; see docs/mutation.md.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from schema_rules import check, releases
from tests.mutation.changes import Mutation
from tests.mutation.draft import Draft
from tests.mutation.gates import BUF, Catch, Gates, image_settings
from tests.mutation.mutations import mutations
from tests.mutation.score import Result, load_equivalents, report, score

pytestmark = pytest.mark.toolchain

_STATUS = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionStatus"
_API = "ai/stigmer/agentic/workflowexecution/v1/api.proto"


def _run_buf(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BUF_CACHE_DIR": str(cwd / "build" / "cache" / "buf")}
    command = [str(BUF), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def gates(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Gates:
    """The gates before the contract as it is in `apis/`."""
    folder = tmp_path_factory.mktemp("gates")
    built = _run_buf("build", "--output", folder / "contract.binpb", cwd=root)
    assert built.returncode == 0, built.stderr
    release = releases.last(root / "releases")
    return Gates((folder / "contract.binpb").read_bytes(), release, folder)


@pytest.fixture(scope="module")
def every(gates: Gates) -> list[Mutation]:
    """Every mutation of the contract."""
    return list(mutations(gates.contract))


def _one_of_each_kind(every: list[Mutation]) -> Iterator[Mutation]:
    """The middle one: the first are alike, all in the file that comes first."""
    by_kind: dict[str, list[Mutation]] = {}
    for mutation in every:
        by_kind.setdefault(mutation.kind, []).append(mutation)
    for alike in by_kind.values():
        yield alike[len(alike) // 2]


def _find(every: list[Mutation], kind: str, name: str) -> Mutation:
    (found,) = [m for m in every if (m.kind, m.name) == (kind, name)]
    return found


def test_the_contract_as_it_is_passes_every_gate(gates: Gates) -> None:
    def touch(draft: Draft) -> None:
        draft.file(_API)

    assert gates.judge(Mutation("nothing", _API, "", touch), by_all=True) == []


def test_one_mutation_of_every_kind_is_stopped(gates: Gates, every: list[Mutation]) -> None:
    equivalents = load_equivalents()
    survivors = [
        f"{mutation.kind}: {mutation.name}"
        for mutation in _one_of_each_kind(every)
        if not mutation.is_right
        and not gates.judge(mutation)
        and gates.must_stop(mutation)
        and mutation.name not in equivalents.get(mutation.kind, {})
    ]
    assert not survivors, "no gate stops these; add a rule to schema_rules/"


def test_a_right_change_of_every_kind_passes(gates: Gates, every: list[Mutation]) -> None:
    alarms = {
        f"{mutation.kind}: {mutation.name}": caught
        for mutation in _one_of_each_kind(every)
        if mutation.is_right and (caught := gates.judge(mutation))
    }
    assert not alarms, "a false alarm costs a reviewer's trust; make the rule more exact"


def test_every_mutation_changes_something_and_has_a_name_of_its_own(
    gates: Gates, every: list[Mutation]
) -> None:
    names = [(mutation.kind, mutation.name) for mutation in every]
    assert len(set(names)) == len(names)
    unused: list[str] = []
    for mutation in _one_of_each_kind(every):
        draft = Draft(gates.contract)
        mutation.change(draft)
        if all(file == gates.contract.files.get(name) for name, file in draft.changed.items()):
            unused.append(mutation.kind)
    assert not unused


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("field: drop debug_redact", f"{_STATUS}.callback_token"),
        ("field: add computed", f"{_STATUS}.error"),
        (
            "authorization: add is_public",
            "ai.stigmer.tenancy.organization.v1.OrganizationCommandController/apply",
        ),
    ],
)
def test_a_mutation_survives_without_the_rule_against_it(
    gates: Gates, every: list[Mutation], kind: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutation = _find(every, kind, name)
    assert gates.judge(mutation)
    monkeypatch.setattr(check, "COMPATIBILITY_RULES", {})
    monkeypatch.setattr(check, "RULES", {})
    # Without any rule every exception is unused, which would be a catch of its own.
    monkeypatch.setattr(gates, "_exceptions", {})
    assert gates.judge(mutation) == []


def test_the_gates_ask_the_rules_as_make_does(gates: Gates, every: list[Mutation]) -> None:
    # They go through the rules themselves, to leave out the slow one and share one schema.
    release = FileDescriptorSet.FromString(releases.last(releases.RELEASES).read_bytes())
    for kind, name in (
        ("rule: drop required", "ai.stigmer.commons.apiresource.ApiResourceId.value"),
        (
            "reservation: drop a number",
            "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionSpec 2",
        ),
    ):
        draft = Draft(gates.contract)
        mutation = _find(every, kind, name)
        mutation.change(draft)
        files = {**gates.contract.files, **draft.changed}
        image = FileDescriptorSet()
        for file in files.values():
            assert file is not None
            image.file.add().MergeFromString(file.SerializeToString())
        found, unused = check.unexcused(list(check.findings(image)), check.load_exceptions())
        corrections = check.load_corrections(releases.CORRECTIONS)
        broken, _ = check.unexcused(check.incompatibilities(release, image), corrections)
        by_ours = {c.gate for c in gates.judge(mutation, by_all=True)} & {
            "schema rules",
            "compatibility rules",
        }
        expected = {"schema rules"} if found or unused else set[str]()
        assert by_ours == expected | ({"compatibility rules"} if broken else set())


class TestFaithfulness:
    """What is done with images gives the verdicts that sources give."""

    @pytest.mark.parametrize(
        ("kind", "name", "old", "new"),
        [
            (
                "field: make repeated",
                f"{_STATUS}.error",
                "string error = 4;",
                "repeated string error = 4;",
            ),
            (
                "comment: drop that of a message",
                "ai.stigmer.agentic.workflowexecution.v1.WorkflowTask",
                "// One task of a workflow execution, as it was run.\n",
                "",
            ),
        ],
    )
    def test_buf_says_the_same_of_a_source_file(
        self,
        gates: Gates,
        every: list[Mutation],
        root: Path,
        tmp_path: Path,
        kind: str,
        name: str,
        old: str,
        new: str,
    ) -> None:
        for folder in ("apis", "validation"):
            shutil.copytree(root / folder, tmp_path / folder)
        shutil.copy(root / "buf.yaml", tmp_path)
        source = tmp_path / "apis" / _API
        text = source.read_text()
        assert old in text
        source.write_text(text.replace(old, new, 1))
        against = releases.last(releases.RELEASES)
        verdicts: dict[str, bool] = {}
        for gate, arguments in {
            "buf lint": ["lint"],
            "buf breaking": ["breaking", "apis", "--against", against],
        }.items():
            finished = _run_buf(*arguments, cwd=tmp_path)
            assert finished.returncode in (0, 100), finished.stderr
            verdicts[gate] = finished.returncode == 100
        caught = {c.gate for c in gates.judge(_find(every, kind, name), by_all=True)}
        assert {gate for gate, stops in verdicts.items() if stops} == caught & verdicts.keys()

    def test_the_settings_of_an_image_are_those_of_the_workspace(self, root: Path) -> None:
        settings = (root / "buf.yaml").read_text()
        for_image = image_settings(settings)
        assert "modules:" not in for_image
        assert "apis/ai" not in for_image
        kept = [line for line in settings.splitlines() if line.startswith("      - apis/")]
        assert len(kept) == for_image.count("      - ai/")


class TestScore:
    """The report says neither more nor less than the results."""

    CAUGHT = Result("field: delete", "a.B.c", True, [Catch("buf breaking", "FIELD_NO_DELETE")])
    SURVIVOR = Result("field: delete", "a.B.d", True, [])
    NEW = Result("field: delete", "a.B.e", False, [])

    def test_a_survivor_is_named_and_counts(self) -> None:
        found = score([self.CAUGHT, self.SURVIVOR], {})
        assert found.percent == "50 %"
        assert "- field: delete: `a.B.d`" in report(found, "v1.0.0")

    def test_a_right_change_that_is_stopped_is_a_false_alarm_and_no_part_of_the_score(self) -> None:
        right = Result("right: a field", "a.B", True, [Catch("schema rules", "NUMBER_GAP")], True)
        found = score([self.CAUGHT, right], {})
        assert (found.percent, found.counted) == ("100 %", 1)
        assert "**false alarm**: right: a field: `a.B` (NUMBER_GAP)" in report(found, "v1.0.0")

    def test_an_equivalent_mutation_does_not_count_and_is_argued(self) -> None:
        found = score([self.CAUGHT, self.SURVIVOR], {"field: delete": {"a.B.d": "no harm"}})
        assert (found.percent, found.survivors, found.unused) == ("100 %", [], [])
        assert "`a.B.d`: no harm" in report(found, "v1.0.0")

    def test_an_excuse_for_what_is_stopped_is_an_error(self) -> None:
        assert score([self.CAUGHT], {"field: delete": {"a.B.c": "no harm"}}).unused

    def test_what_no_release_has_may_still_change(self) -> None:
        assert score([self.CAUGHT, self.NEW], {}).percent == "100 %"

    def test_the_score_is_never_rounded_up_to_100(self) -> None:
        found = score([self.CAUGHT] * 99_999 + [self.SURVIVOR], {})
        assert found.percent == "99.99 %"


def test_the_page_has_a_row_for_every_kind_of_mutation(root: Path, every: list[Mutation]) -> None:
    # How many there are of each changes with the contract; the nightly run compares that.
    page = (root / "docs" / "mutation.md").read_text()
    rows = set(re.findall(r"^\| ([^|*]+) \| +\d", page, re.MULTILINE))
    kinds = {mutation.kind for mutation in every if not mutation.is_right}
    assert rows == kinds, "run `make mutation` and commit docs/mutation.md"
