"""Generated messages: valid ones of every type, and the valid ones nearest to fixtures."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from schema_rules import releases
from schema_rules.check import incompatibilities, incompatible
from schema_rules.compatibility_rules import baseline_schema
from schema_rules.samples import Samples
from schema_rules.schema import Schema
from tests.conftest import ROOT
from tests.toolchain import Run

FOLDERS = [releases.RELEASES / releases.HEAD, *releases.every(ROOT / "releases")]


@pytest.fixture(scope="module")
def present(buf: Run, tmp_path_factory: pytest.TempPathFactory) -> FileDescriptorSet:
    """The image of the contract as it is, with the definitions of the validation rules."""
    target = tmp_path_factory.mktemp("contract") / "image.binpb"
    built = buf("build", "--output", target)
    assert built.returncode == 0, built.stderr
    return FileDescriptorSet.FromString(target.read_bytes())


def _schema(folder: Path, present: FileDescriptorSet) -> Schema:
    contract = present if folder.name == releases.HEAD else releases.image_of(folder)
    return baseline_schema(contract, present, releases.fixtures_of(folder))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_fixture_of_a_release_has_a_valid_message_near_it(
    folder: Path, present: FileDescriptorSet
) -> None:
    schema = _schema(folder, present)
    samples = Samples(schema)
    assert schema.fixtures
    broken = same = 0
    for name, fixtures in schema.fixtures.items():
        for fixture in fixtures:
            filled = samples.empty(name)
            filled.ParseFromString(fixture)
            repaired = samples.repaired(filled)
            assert repaired is not None, f"no message near the fixture of {name} is valid"
            assert samples.oracle.violations(repaired) == [], name
            broken += bool(samples.oracle.violations(filled))
            same += repaired == filled
            kept = {field.name for field, _ in repaired.ListFields()}
            assert kept >= {field.name for field, _ in filled.ListFields()}, name
    # Fixtures fill every field with what follows from its path, valid or not.
    assert broken
    assert same


def test_every_message_of_the_contract_has_a_valid_one(present: FileDescriptorSet) -> None:
    schema = Schema(present)
    samples = Samples(schema)
    for name in schema.messages:
        valid = samples.valid(name)
        assert valid is not None, name
        assert samples.oracle.violations(valid) == [], name


def test_a_new_rule_deep_in_what_a_fixture_holds_is_found_at_its_field(
    present: FileDescriptorSet,
) -> None:
    now = FileDescriptorSet()
    now.CopyFrom(present)
    metadata = next(
        message
        for file in now.file
        for message in file.message_type
        if message.name == "ApiResourceMetadata"
    )
    new = metadata.field.add(name="region", number=900, json_name="region", type=9, label=1)
    required = b"\xba\x48\x03\xc8\x01\x01"  # (buf.validate.field).required = true
    new.options.MergeFromString(required)
    for folder in FOLDERS[1:]:
        found = [f for f in incompatible(_schema(folder, present), Schema(now))]
        found = [f for f in found if f.rule == "OLD_STAYS_VALID"]
        assert {f.element.name for f in found} == {
            "ai.stigmer.commons.apiresource.ApiResourceMetadata.region"
        }


PREDEFINED = """\
syntax = "proto2";
package ai.stigmer.small.v1;
import "buf/validate/validate.proto";
extend buf.validate.StringRules {{
  optional bool is_slug = 95301 [(buf.validate.predefined).cel = {{
    id: "string.slug" message: "{message}" expression: "!rule || this.matches('{pattern}')"
  }}];
}}
message Report {{
  optional string slug = 1 [(buf.validate.field).string.(is_slug) = true];
}}
"""


class TestPredefinedRules:
    """A rule that many fields use is defined once, and changes all of them."""

    @pytest.fixture
    def changed(self, buf: Run, root: Path, tmp_path: Path) -> list[str]:
        images: list[FileDescriptorSet] = []
        for message, pattern in (("m", "^[a-z]*$"), ("n", "^[a-z]*$"), ("m", "^[a-z]{0,3}$")):
            (tmp_path / "small.proto").write_text(
                PREDEFINED.format(message=message, pattern=pattern)
            )
            rules = root / "validation" / "buf" / "validate"
            (tmp_path / "buf" / "validate").mkdir(parents=True, exist_ok=True)
            (tmp_path / "buf/validate/validate.proto").write_bytes(
                (rules / "validate.proto").read_bytes()
            )
            built = buf("build", "--output", "image.binpb", cwd=tmp_path)
            assert built.returncode == 0, built.stderr
            images.append(FileDescriptorSet.FromString((tmp_path / "image.binpb").read_bytes()))
        before, reworded, tightened = images
        assert list(incompatibilities(before, reworded)) == []
        return [
            f"{found.rule} {found.element.name}" for found in incompatibilities(before, tightened)
        ]

    def test_it_may_be_reworded_and_not_tightened(self, changed: list[str]) -> None:
        assert changed == [
            "VALIDATION_KEPT ai.stigmer.small.v1.is_slug",
            "OLD_STAYS_VALID ai.stigmer.small.v1.Report.slug",
        ]
