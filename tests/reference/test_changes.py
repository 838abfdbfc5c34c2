"""Every change of the contract shows in the report, and a breaking one says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from reference.changes import Section, changes, report
from reference.compare import Comparison
from tests.mutation.changes import Mutation
from tests.mutation.draft import Contract, Draft
from tests.mutation.gates import in_order, standard
from tests.mutation.mutations import mutations
from tests.toolchain import Run

pytestmark = pytest.mark.toolchain

_KINDS = 50
"""How many kinds of mutations are tried: all 200 took 26 s."""
_STATUS = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionStatus"


@pytest.fixture(scope="module")
def contract_to_mutate(image: FileDescriptorSet) -> Contract:
    return Contract(image.SerializeToString())


def _after(contract: Contract, mutation: Mutation) -> FileDescriptorSet | None:
    """The contract after a mutation, or None if it has no order in which it compiles."""
    draft = Draft(contract)
    mutation.change(draft)
    files = in_order({**{f.name: f for f in contract.image.file}, **standard(draft)})
    return FileDescriptorSet(file=files.values()) if files is not None else None


def test_no_kind_of_mutation_leaves_the_report_empty(
    image: FileDescriptorSet, contract_to_mutate: Contract
) -> None:
    of_kind: dict[str, list[Mutation]] = {}
    for mutation in mutations(contract_to_mutate):
        of_kind.setdefault(mutation.kind, []).append(mutation)
    assert len(of_kind) > 150, "the mutations are gone"
    silent: list[str] = []
    compared = 0
    sample = list(of_kind.values())[:: len(of_kind) // _KINDS]
    for alike in sample:
        mutation = alike[len(alike) // 2]
        after = _after(contract_to_mutate, mutation)
        if after is None:
            continue
        try:
            comparison = Comparison(image, after, image)
        except TypeError:  # the descriptor pool refuses it, as a compiler would
            continue
        compared += 1
        if not list(comparison.differences()):
            silent.append(f"{mutation.kind}: {mutation.name}")
    assert not silent, "these changes show nowhere"
    assert compared >= len(sample) - 5, "too many mutations compile no longer"


def test_nothing_changed_says_so(image: FileDescriptorSet) -> None:
    found = changes(Comparison(image, image, image))
    assert found == []
    assert "Nothing changed in the contract." in report(found, "main")


def _field(image: FileDescriptorSet, message: str, name: str) -> Any:
    (found,) = [
        field
        for file in image.file
        for each in file.message_type
        if f"{file.package}.{each.name}" == message
        for field in each.field
        if field.name == name
    ]
    return found


def _changed(image: FileDescriptorSet) -> FileDescriptorSet:
    copy = FileDescriptorSet()
    copy.CopyFrom(image)
    return copy


def test_what_the_rules_call_breaking_says_so(image: FileDescriptorSet) -> None:
    after = _changed(image)
    _field(after, _STATUS, "callback_token").options.ClearField("debug_redact")
    (change,) = changes(Comparison(image, after, image))
    assert change.section is Section.CHANGED
    assert change.breaks == ("REDACTION_KEPT",)
    assert "is no longer secret. **Breaking** (REDACTION_KEPT)." in report([change], "main")


def test_what_buf_calls_breaking_says_so(image: FileDescriptorSet) -> None:
    after = _changed(image)
    _field(after, _STATUS, "callback_token").number = 12
    (change,) = changes(Comparison(image, after, image))
    assert change.breaks == ("FIELD_NO_DELETE",)
    assert "number: `11` → `12`" in change.says


def test_a_correction_is_no_breaking_change(image: FileDescriptorSet) -> None:
    after = _changed(image)
    _field(after, _STATUS, "callback_token").options.ClearField("debug_redact")
    reasons = {"REDACTION_KEPT": {f"{_STATUS}.callback_token": "It was never secret."}}
    (change,) = changes(Comparison(image, after, image), [reasons])
    assert change.section is Section.CORRECTED
    assert change.breaks == ()
    assert change.correction == "It was never secret."


def test_an_option_that_nobody_listed_shows_under_its_own_name(image: FileDescriptorSet) -> None:
    after = _changed(image)
    _field(after, _STATUS, "callback_token").options.MergeFromString(b"\xf8\xff\x03\x07")  # 8191
    (change,) = changes(Comparison(image, after, image))
    assert any("number 8191" in said for said in change.says)


class TestMakeChanges:
    """`make changes` as a pull request runs it."""

    def test_it_compares_with_the_last_release(self, make: Run) -> None:
        told = make("changes")
        assert told.returncode == 0, told.stderr
        assert "Contract changes since release v" in told.stdout

    def test_it_compares_with_a_revision(self, make: Run, checkout: Path) -> None:
        assert "Nothing changed in the contract." in make("changes", "AGAINST=main").stdout
        source = checkout / "apis/ai/stigmer/agentic/workflowexecution/v1/api.proto"
        text = source.read_text()
        added = "string error = 4;\n\n  // Why it waits.\n  string waiting_for = 12;"
        source.write_text(text.replace("string error = 4;", added))
        told = make("changes", "AGAINST=main", "FORMAT=markdown")
        assert told.stdout.startswith("# Contract changes since revision main\n")
        assert "## Added\n" in told.stdout
        assert "WorkflowExecutionStatus.waiting_for` (field): Why it waits;" in told.stdout
        assert told.stdout == make("changes", "AGAINST=main", "FORMAT=markdown").stdout

    def test_an_unknown_revision_is_answered_with_one_sentence(self, make: Run) -> None:
        refused = make("changes", "AGAINST=no-such-branch")
        assert refused.returncode != 0
        assert "changes: AGAINST=no-such-branch names no commit" in refused.stderr
        assert "Traceback" not in refused.stderr
