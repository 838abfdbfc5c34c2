"""Validation rules in plain words; a rule without words stops the build."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from reference.__main__ import Site
from reference.model import Reference
from reference.rule_words import Rule, UnknownRuleError, rules_of
from schema_rules.schema import RULES


def _words(reference: Reference, text: str) -> list[Rule]:
    rules = reference.schema.prototype("buf.validate.FieldRules")
    text_format.Parse(text, rules, descriptor_pool=reference.schema.pool)
    return list(rules_of({RULES: rules}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("required: true", Rule("it must be set", "required")),
        ("string: {min_len: 1}", Rule("at least 1 character", "string.min_len")),
        ('string: {const: "v1"}', Rule('always `"v1"`', "string.const")),
        ("bytes: {max_len: 64}", Rule("at most 64 bytes", "bytes.max_len")),
        ("int32: {gte: 1, lte: 9}", Rule("at least 1 and at most 9", "int32.gte_lte")),
        ("repeated: {min_items: 2}", Rule("at least 2 elements", "repeated.min_items")),
        ("map: {max_pairs: 3}", Rule("at most 3 entries", "map.max_pairs")),
        ("ignore: IGNORE_ALWAYS", Rule("what it holds is not validated", "")),
        (
            "repeated: {items: {string: {min_len: 2}}}",
            Rule("in each element, at least 2 characters", "string.min_len"),
        ),
        (
            'cel: {id: "a.b", message: "a must be b.", expression: "this == 1"}',
            Rule("a must be b", "a.b", "this == 1"),
        ),
    ],
)
def test_a_rule_has_words_and_its_id(reference: Reference, text: str, expected: Rule) -> None:
    (found,) = _words(reference, text)
    assert found == expected


@pytest.mark.parametrize(
    "text",
    ["string: {email: true}", "duration: {gt: {seconds: 1}}", "string: {uuid: true}", "ignore: 1"],
)
def test_a_rule_without_words_is_an_error(reference: Reference, text: str) -> None:
    with pytest.raises(UnknownRuleError, match="has no words in the reference"):
        _words(reference, text)


def test_a_rule_without_words_stops_the_build(image: FileDescriptorSet, tmp_path: Path) -> None:
    changed = FileDescriptorSet()
    changed.CopyFrom(image)
    (file,) = (f for f in changed.file if f.name.endswith("workflowexecution/v1/spec.proto"))
    options = file.message_type[0].field[0].options
    options.MergeFromString(_email_rule(Reference(image, {})))
    with pytest.raises(UnknownRuleError, match=r"string\.email"):
        Site(changed, tmp_path).write()


def _email_rule(reference: Reference) -> bytes:
    options = reference.schema.prototype("google.protobuf.FieldOptions")
    text = "[buf.validate.field] {string: {email: true}}"
    text_format.Parse(text, options, descriptor_pool=reference.schema.pool)
    return options.SerializeToString()
