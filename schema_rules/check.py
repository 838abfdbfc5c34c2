"""Runs every rule, and holds what it finds against the known exceptions."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import DecodeError

from codegen import image
from codegen.project import BUILD, ROOT
from schema_rules import (
    authorization_rules,
    cel_rules,
    comment_rules,
    compatibility_rules,
    python_rules,
    resource_rules,
    rpc_rules,
    secret_rules,
    status_rules,
    token_rules,
)
from schema_rules.finding import Finding
from schema_rules.schema import Schema

EXCEPTIONS = Path(__file__).with_name("exceptions.toml")
_SENTENCE = re.compile(r"[A-Z`](?:\S*\s+){2,}\S.*\.", re.DOTALL)

RULES: dict[str, Callable[[Schema], Iterator[Finding]]] = {
    "FILE_PLACE": python_rules.file_place,
    "PYTHON_NAME": python_rules.python_name,
    "COMMENT_PRESENT": comment_rules.comment_present,
    "COMMENT_SENTENCE": comment_rules.comment_sentence,
    "COMMENT_FINISHED": comment_rules.comment_finished,
    "COMMENT_INFORMS": comment_rules.comment_informs,
    "DEPRECATION_REASON": comment_rules.deprecation_reason,
    "STATUS_ONLY_FIELD": status_rules.status_only_field,
    "STATUS_WRITER": status_rules.status_writer,
    "SPEC_WRITER": status_rules.spec_writer,
    "TOKEN_SHAPE": token_rules.token_shape,
    "SECRET_STATED": secret_rules.secret_stated,
    "SPEC_WITHOUT_STATUS": status_rules.spec_without_status,
    "SPEC_REPEATS_STATUS": status_rules.spec_repeats_status,
    "RESOURCE_SHAPE": resource_rules.resource_shape,
    "NUMBER_GAP": resource_rules.number_gap,
    "KIND_REGISTRY": resource_rules.kind_registry,
    "RPC_AUTHORIZED": rpc_rules.rpc_authorized,
    "SERVICE_KIND": rpc_rules.service_kind,
    "SERVICE_ROLE": authorization_rules.service_role,
    "PERMISSION_FITS": authorization_rules.permission_fits,
    "AUTHORIZED_ID": authorization_rules.authorized_id,
    "OPEN_COMMAND": authorization_rules.open_command,
    "SECRET_ANSWER": authorization_rules.secret_answer,
    "QUERY_ONLY_READS": authorization_rules.query_only_reads,
    "CEL_COMPILES": cel_rules.cel_compiles,
    "CEL_ENUM_NUMBER": cel_rules.cel_enum_number,
    "CEL_ID": cel_rules.cel_id,
    "CEL_CLOCK": cel_rules.cel_clock,
    "CEL_DECIDES": cel_rules.cel_decides,
    "VALIDATION_SATISFIABLE": cel_rules.validation_satisfiable,
    "STRUCT_IGNORED": cel_rules.struct_ignored,
}

COMPATIBILITY_RULES: dict[str, Callable[[Schema, Schema], Iterator[Finding]]] = {
    "REDACTION_KEPT": compatibility_rules.redaction_kept,
    "WRITER_KEPT": compatibility_rules.writer_kept,
    "VALIDATION_KEPT": compatibility_rules.validation_kept,
    "OLD_STAYS_VALID": compatibility_rules.old_stays_valid,
    "AUTHORIZATION_KEPT": compatibility_rules.authorization_kept,
    "KIND_KEPT": compatibility_rules.kind_kept,
    "OPTION_KEPT": compatibility_rules.option_kept,
}

ALLOWED_FOR_NEW = frozenset({"OPEN_COMMAND", "RPC_AUTHORIZED", "STATUS_WRITER"})
"""The rules from which an element may be excused that no release has."""

Reasons = Mapping[str, Mapping[str, str]]
"""Reasons by rule ID and full name."""


def load_exceptions(path: Path = EXCEPTIONS) -> Reasons:
    """Read the file of exceptions, which are from the rules of the contract.

    Raises:
        ValueError: it names an unknown rule, or gives no reason.
    """
    return load_reasons(path, RULES)


def load_corrections(path: Path) -> Reasons:
    """Read a file of corrections, which are from compatibility rules; a missing file has none.

    Raises:
        ValueError: it names an unknown rule, or gives no reason.
    """
    return load_reasons(path, COMPATIBILITY_RULES) if path.exists() else {}


def load_reasons(path: Path, rules: Container[str]) -> Reasons:
    """Read a file of reasons by rule and full name.

    Raises:
        ValueError: it names an unknown rule, or gives no reason.
    """
    try:
        found: dict[str, Any] = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path.name} is no TOML: {error}; correct it") from None
    for rule, reasons in found.items():
        if rule not in rules:
            raise ValueError(f"{path.name} names an unknown rule, {rule}; correct or remove it")
        if not isinstance(reasons, dict):
            raise ValueError(f"{path.name} needs a table [{rule}] of reasons by name; correct it")
        for name, reason in cast("dict[str, object]", reasons).items():
            if not isinstance(reason, str) or not _SENTENCE.fullmatch(reason):
                raise ValueError(
                    f"{path.name} gives no reason for {name} in {rule}; write a sentence of at "
                    "least three words, with a capital letter and a full stop"
                )
    return found


def contract(path: Path | None) -> FileDescriptorSet:
    """Return the compiled contract: the image at a path, or compiled now if there is no path.

    Raises:
        StepError: the contract does not compile.
    """
    if path is not None:
        return FileDescriptorSet.FromString(path.read_bytes())
    return image.build(ROOT, BUILD / "contract.binpb")


def findings(compiled: FileDescriptorSet) -> Iterator[Finding]:
    """Everything that the rules find in an image, what is excused included."""
    schema = Schema(compiled)
    for rule in RULES.values():
        yield from rule(schema)


def incompatibilities(
    baseline: FileDescriptorSet,
    compiled: FileDescriptorSet,
    fixtures: Mapping[str, bytes] | None = None,
) -> Iterator[Finding]:
    """Yield every incompatibility of an image with a baseline, whose fixtures may be given."""
    before = compatibility_rules.baseline_schema(baseline, compiled, fixtures)
    yield from incompatible(before, Schema(compiled))


def incompatible(before: Schema, now: Schema) -> Iterator[Finding]:
    """Yield every incompatibility of a contract with an earlier one."""
    for rule in COMPATIBILITY_RULES.values():
        with suppress(DecodeError):  # the wire format is another, which `buf breaking` finds
            yield from rule(before, now)


def unexcused(
    found: Iterable[Finding], reasons: Reasons, file: Path = EXCEPTIONS
) -> tuple[list[Finding], list[str]]:
    """Return the findings that nothing excuses, and a sentence for each unused reason of a file."""
    findings = list(found)
    fired = {(finding.rule, finding.element.name) for finding in findings}
    listed = {(rule, name) for rule, names in reasons.items() for name in names}
    unused = [
        f"{file.name} excuses {name} from {rule}, which it does not break; remove it"
        for rule, name in sorted(listed - fired)
    ]
    return [f for f in findings if (f.rule, f.element.name) not in listed], unused


def excused_but_new(exceptions: Reasons, released: Container[str]) -> list[str]:
    """Return a sentence for each exception for an element that no release has."""
    return [
        f"{EXCEPTIONS.name} excuses {name} from {rule}, but no release has it; an exception is for "
        "what users already have, so correct the contract"
        for rule, reasons in exceptions.items()
        for name in reasons
        if rule not in ALLOWED_FOR_NEW and name not in released
    ]
