"""What the breaking rules let through, and what they stop."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorSet,
)

from schema_rules.check import load_corrections
from schema_rules.releases import CORRECTIONS, RELEASES, changelog_entries, every
from tests.toolchain import Run, findings

STATUSES = ["WorkflowExecutionStatus", "AgentExecutionStatus"]
LAST = every(RELEASES)[-1].name
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

    def test_it_compares_with_a_revision(self, make: Run, checkout: Path) -> None:
        _edit(checkout, "string error = 4;", "string error = 4;\n\n  // New.\n  string extra = 12;")
        compatible = make("breaking", "AGAINST=main")
        assert compatible.returncode == 0, compatible.stdout + compatible.stderr
        assert "compatible with revision main" in compatible.stdout
        _edit(checkout, "string error = 4;", "string failure = 4;")
        broken = make("breaking", "AGAINST=main")
        assert broken.returncode != 0
        assert 'from "error" to "failure"' in broken.stdout

    @pytest.mark.parametrize("revision", ["no-such-branch", "--help", "HEAD:README.md", "it's"])
    def test_a_wrong_revision_is_answered_with_one_sentence(self, make: Run, revision: str) -> None:
        refused = make("breaking", f"AGAINST={revision}")
        assert refused.returncode != 0
        assert f"AGAINST={revision} names no commit of this repository" in refused.stderr
        assert "Traceback" not in refused.stderr

    def test_a_name_of_a_branch_and_a_tag_is_refused(self, make: Run, checkout: Path) -> None:
        git(checkout, "tag", "main")
        refused = make("breaking", "AGAINST=main")
        assert refused.returncode != 0
        assert "AGAINST=main names both a branch and a tag; write refs/heads/main" in refused.stderr
        assert make("breaking", "AGAINST=refs/heads/main").returncode == 0

    def test_what_git_says_is_not_swallowed(
        self, make: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
        refused = make("breaking", "AGAINST=main")
        assert refused.returncode != 0
        assert "breaking: git rev-parse says: fatal: detected dubious ownership" in refused.stderr
        assert "names no commit" not in refused.stderr

    def test_what_the_target_branch_added_since_is_not_deleted_here(
        self, make: Run, checkout: Path
    ) -> None:
        git(checkout, "switch", "--quiet", "--create", "work")
        git(checkout, "switch", "--quiet", "main")
        _edit(checkout, "string error = 4;", "string error = 4;\n\n  // New.\n  string extra = 12;")
        git(checkout, "commit", "--quiet", "--all", "--message=added")
        git(checkout, "switch", "--quiet", "work")
        behind = make("breaking", "AGAINST=main")
        assert behind.returncode == 0, behind.stdout + behind.stderr
        assert "with the merge base of main and HEAD" in behind.stdout
        _edit(checkout, "string error = 4;", "string failure = 4;")
        broken = make("breaking", "AGAINST=main")
        assert 'from "error" to "failure"' in broken.stdout

    def test_a_revision_without_history_in_common_is_answered_with_one_sentence(
        self, make: Run, checkout: Path
    ) -> None:
        git(checkout, "branch", "target")
        git(checkout, "checkout", "--quiet", "--orphan", "alone")
        git(checkout, "commit", "--quiet", "--message=alone")
        refused = make("breaking", "AGAINST=target")
        assert "AGAINST=target has no commit in common with HEAD" in refused.stderr
        assert "Traceback" not in refused.stderr


class TestReleasedFolders:
    """Nobody rewrites a release, or adds one that excuses what follows."""

    def test_a_changed_a_removed_and_an_added_file_are_seen(
        self, make: Run, checkout: Path
    ) -> None:
        for version in ("v0.9.1", "v0.9.2"):
            _release(checkout, version)
        (checkout / "releases/v0.9.2/a.json").write_text("{}")
        git(checkout, "add", "--all")
        git(checkout, "commit", "--quiet", "--message=releases")
        assert make("breaking", "AGAINST=HEAD").returncode == 0
        image = checkout / "releases" / LAST / "schema.binpb"
        image.write_bytes(image.read_bytes() + b"\xa0\x9c\x01\x01")
        (checkout / "releases/v0.9.1/corrections.toml").write_text("")
        (checkout / "releases/v0.9.2/a.json").unlink()
        refused = make("breaking", "AGAINST=HEAD")
        assert refused.returncode != 0
        for version in (LAST, "v0.9.1", "v0.9.2"):
            sentence = f"releases/{version} differs from revision HEAD; a release never changes"
            assert sentence in refused.stderr
        assert "v0.1.0" not in refused.stderr

    def test_a_removed_release_is_seen(self, make: Run, checkout: Path) -> None:
        shutil.rmtree(checkout / "releases/v0.1.0")
        assert make("breaking").returncode == 0
        refused = make("breaking", "AGAINST=HEAD")
        assert "releases/v0.1.0 differs from revision HEAD" in refused.stderr

    def test_an_added_release_does_not_excuse_a_change(self, make: Run, checkout: Path) -> None:
        command = checkout / "apis/ai/stigmer/agentic/session/v1/command.proto"
        text = command.read_text()
        assert "permission: can_edit" in text
        command.write_text(text.replace("permission: can_edit", "permission: can_view", 1))
        assert make("generate").returncode == 0
        _release(checkout, "v0.9.1", checkout / "python/stigmer_apis/schema.binpb")
        refused = make("breaking")
        assert refused.returncode != 0
        assert "(AUTHORIZATION_KEPT)" in refused.stdout
        assert f"release v0.9.1 is not compatible with {LAST}" in refused.stderr

    def test_buf_compares_an_added_release_with_the_one_before(
        self, make: Run, checkout: Path
    ) -> None:
        _release(checkout, "v0.9.1", checkout / "releases/v0.1.0/schema.binpb")
        refused = make("breaking")
        assert refused.returncode != 0
        assert "was deleted" in refused.stdout


def _release(checkout: Path, version: str, image: Path | None = None) -> None:
    """Add a release, with the contract of the last one if no image is given."""
    folder = checkout / "releases" / version
    folder.mkdir()
    shutil.copy(image or RELEASES / LAST / "schema.binpb", folder / "schema.binpb")
    init = checkout / "python/stigmer_apis/__init__.py"
    number = version.removeprefix("v")
    init.write_text(
        re.sub(r'^__version__ = ".*"$', f'__version__ = "{number}"', init.read_text(), flags=re.M)
    )
    corrections = checkout / "schema_rules/corrections.toml"
    named = re.findall(r'^"(\S+)" = ', corrections.read_text(), re.M)
    short = " ".join(f"`{'.'.join(name.split('.')[-2:])}`" for name in named)
    changelog = checkout / "CHANGELOG.md"
    changelog.write_text(f"{changelog.read_text()}\n## {number} - today\n\n{short}\n")


def git(checkout: Path, *arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *who, *arguments], cwd=checkout, check=True, capture_output=True)


CORRECTED = (
    "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionUpdateStatusInput.execution_id"
)
SHORT = ".".join(CORRECTED.split(".")[-2:])


@pytest.fixture
def corrections(checkout: Path) -> Path:
    """Return the corrections of a checkout, with one."""
    path = checkout / "schema_rules/corrections.toml"
    path.write_text(f'[VALIDATION_KEPT]\n"{CORRECTED}" = "It was wrong for years."\n')
    return path


class TestCorrections:
    """A wrong rule is corrected once, where users read of it."""

    @pytest.fixture
    def corrected(self, checkout: Path, corrections: Path) -> None:
        """Correct a rule in a checkout."""
        command = checkout / "apis/ai/stigmer/agentic/workflowexecution/v1/command.proto"
        rule = " [(buf.validate.field).string.min_len = 1]"
        assert rule in command.read_text()
        command.write_text(command.read_text().replace(rule, "", 1))
        changelog = checkout / "CHANGELOG.md"
        entry = f"## Unreleased\n\n`{SHORT}`\n\n## "
        changelog.write_text(re.sub("^## ", entry, changelog.read_text(), count=1, flags=re.M))

    @pytest.mark.usefixtures("corrections")
    def test_a_correction_that_corrects_nothing_is_unused(self, make: Run) -> None:
        refused = make("breaking")
        assert refused.returncode != 0
        assert f"corrections.toml excuses {CORRECTED} from VALIDATION_KEPT" in refused.stderr
        assert f"does not name `{SHORT}` under Unr" in refused.stderr

    @pytest.mark.usefixtures("corrected")
    def test_without_its_correction_a_change_is_refused(self, make: Run, corrections: Path) -> None:
        assert make("breaking").returncode == 0
        corrections.write_text("")
        refused = make("breaking")
        assert refused.returncode != 0
        assert '"execution_id" changed its validation rules' in refused.stdout

    @pytest.mark.usefixtures("corrected")
    def test_a_correction_is_spent_with_the_release_that_keeps_it(
        self, make: Run, checkout: Path, corrections: Path
    ) -> None:
        assert make("generate").returncode == 0
        _release(checkout, "v0.9.1", checkout / "python/stigmer_apis/schema.binpb")
        shutil.copy(corrections, checkout / "releases/v0.9.1/corrections.toml")
        spent = make("breaking")
        assert spent.returncode != 0
        assert "which v0.9.1 did; it is spent, so remove it" in spent.stderr
        corrections.write_text("")
        after = make("breaking", "AGAINST=HEAD")
        assert after.returncode == 0, after.stdout + after.stderr
        # The correction stays what made the difference between the two releases.
        (checkout / "releases/v0.9.1/corrections.toml").unlink()
        assert f"release v0.9.1 is not compatible with {LAST}" in make("breaking").stderr


def test_the_changelog_names_each_correction(root: Path) -> None:
    entries = changelog_entries(root / "CHANGELOG.md")
    current = load_corrections(CORRECTIONS)
    kept = {f.name[1:]: load_corrections(f / CORRECTIONS.name) for f in every(root / "releases")}
    for entry, corrections in {"Unreleased": current, **kept}.items():
        for name in (name for names in corrections.values() for name in names):
            assert f"`{'.'.join(name.split('.')[-2:])}`" in entries[entry], name
