"""What the breaking rules let through, and what they stop."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorSet,
)

from tests.toolchain import Run, findings

STATUSES = ["WorkflowExecutionStatus", "AgentExecutionStatus"]
Compare = Callable[[FileDescriptorSet, FileDescriptorSet], list[str]]


@pytest.fixture
def compare(buf: Run, root: Path, tmp_path: Path) -> Compare:
    """The rules broken by going from one image to another, under our buf.yaml."""

    def run(old: FileDescriptorSet, new: FileDescriptorSet) -> list[str]:
        for name, image in (("old", old), ("new", new)):
            (tmp_path / f"{name}.binpb").write_bytes(image.SerializeToString())
        sides = [tmp_path / "new.binpb", "--against", tmp_path / "old.binpb"]
        options = ["--config", root / "buf.yaml", "--error-format", "json"]
        return sorted(f["type"] for f in findings(buf("breaking", *sides, *options)))

    return run


def _copy(image: FileDescriptorSet) -> FileDescriptorSet:
    copy = FileDescriptorSet()
    copy.CopyFrom(image)
    return copy


def _status(image: FileDescriptorSet, name: str) -> DescriptorProto:
    (found,) = [m for file in image.file for m in file.message_type if m.name == name]
    return found


def _token(image: FileDescriptorSet, name: str) -> FieldDescriptorProto:
    (found,) = [f for f in _status(image, name).field if f.name == "callback_token"]
    return found


def _drop(image: FileDescriptorSet, name: str) -> None:
    _status(image, name).field.remove(_token(image, name))


def _renumber(image: FileDescriptorSet, name: str) -> None:
    _token(image, name).number = 12


def _rename(image: FileDescriptorSet, name: str) -> None:
    token = _token(image, name)
    token.name, token.json_name = "task_token", "taskToken"


def _rename_in_json(image: FileDescriptorSet, name: str) -> None:
    _token(image, name).json_name = "token"


def _retype(image: FileDescriptorSet, name: str) -> None:
    _token(image, name).type = FieldDescriptorProto.TYPE_STRING


def _repeat(image: FileDescriptorSet, name: str) -> None:
    _token(image, name).label = FieldDescriptorProto.LABEL_REPEATED


def test_nothing_changed_breaks_nothing(contract: FileDescriptorSet, compare: Compare) -> None:
    assert compare(contract, contract) == []


def test_adding_the_two_tokens_breaks_nothing(
    contract: FileDescriptorSet, compare: Compare
) -> None:
    before = _copy(contract)
    for name in STATUSES:
        _drop(before, name)
    assert before != contract
    assert compare(before, contract) == []


@pytest.mark.parametrize("name", STATUSES)
@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (_drop, "FIELD_NO_DELETE"),
        (_renumber, "FIELD_NO_DELETE"),
        (_rename, "FIELD_SAME_NAME"),
        (_rename_in_json, "FIELD_SAME_JSON_NAME"),
        (_retype, "FIELD_SAME_TYPE"),
        (_repeat, "FIELD_SAME_CARDINALITY"),
    ],
)
def test_changing_a_token_is_stopped(
    contract: FileDescriptorSet,
    compare: Compare,
    name: str,
    change: Callable[[FileDescriptorSet, str], None],
    rule: str,
) -> None:
    after = _copy(contract)
    change(after, name)
    assert rule in compare(contract, after)


def test_dropping_a_reserved_number_is_stopped(
    contract: FileDescriptorSet, compare: Compare
) -> None:
    after = _copy(contract)
    del _status(after, "WorkflowExecuteInput").reserved_range[:]
    assert compare(contract, after) == ["RESERVED_MESSAGE_NO_DELETE"]


def test_the_contract_is_compatible_with_every_release(
    buf: Run, root: Path, contract: FileDescriptorSet
) -> None:
    releases = sorted((root / "releases").glob("v*/schema.binpb"))
    assert releases
    for release in releases:
        finished = buf("breaking", "apis", "--against", release)
        assert finished.returncode == 0, f"{release.parent.name}: {finished.stdout}"


def test_a_release_image_is_taken_as_it_is(root: Path) -> None:
    # What was released is what the package of that version ships: no comments, no rule import.
    for release in (root / "releases").glob("v*/schema.binpb"):
        image = FileDescriptorSet.FromString(release.read_bytes())
        assert not any(file.HasField("source_code_info") for file in image.file)
        assert not any("buf/validate/validate.proto" in file.dependency for file in image.file)


def _edit(checkout: Path, old: str, new: str) -> None:
    source = checkout / "apis/ai/stigmer/agentic/workflowexecution/v1/api.proto"
    text = source.read_text()
    assert text.count(old) == 1
    source.write_text(text.replace(old, new))


class TestMakeBreaking:
    """`make breaking` as a pull request runs it."""

    def test_it_compares_with_the_last_release(self, make: Run, checkout: Path) -> None:
        assert "compatible with release v" in make("breaking").stdout
        _edit(checkout, "bytes callback_token = 11", "bytes callback_token = 12")
        broken = make("breaking")
        assert broken.returncode != 0
        assert 'Previously present field "11"' in broken.stdout

    def test_the_last_release_is_the_highest_and_not_the_last_by_letters(
        self, make: Run, checkout: Path
    ) -> None:
        releases = checkout / "releases"
        first = sorted(releases.glob("v*"))[0]
        for version in ("v0.9.0", "v0.10.0"):
            shutil.copytree(first, releases / version, dirs_exist_ok=True)
        assert "compatible with release v0.10.0" in make("breaking").stdout

    def test_it_compares_with_a_revision(self, make: Run, checkout: Path) -> None:
        _edit(checkout, "string error = 4;", "string error = 4;\n\n  // New.\n  string extra = 12;")
        compatible = make("breaking", "AGAINST=main")
        assert compatible.returncode == 0, compatible.stdout + compatible.stderr
        assert "compatible with revision main" in compatible.stdout
        _edit(checkout, "string error = 4;", "string failure = 4;")
        broken = make("breaking", "AGAINST=main")
        assert broken.returncode != 0
        assert 'from "error" to "failure"' in broken.stdout

    @pytest.mark.parametrize("revision", ["no-such-branch", "--help", "HEAD:README.md"])
    def test_a_wrong_revision_is_answered_with_one_sentence(self, make: Run, revision: str) -> None:
        refused = make("breaking", f"AGAINST={revision}")
        assert refused.returncode != 0
        assert f"AGAINST={revision} names no commit of this repository" in refused.stderr
        assert "Traceback" not in refused.stderr
