"""The schema rules on the contract, and how they are run.

Each kind of rule has a file of its own, with small schemas that carry their findings: a line that
breaks a rule ends with `// RULE_ID: words`, where the words, if any, are part of the message.
A schema without such a line is right by every rule, not only by the one that it was written for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from codegen import image
from codegen.project import StepError
from schema_rules import __main__ as command
from schema_rules.check import (
    RULES,
    excused_but_new,
    findings,
    incompatibilities,
    load_exceptions,
    unexcused,
)
from schema_rules.finding import (
    FORMATS,
    Finding,
    Position,
    as_github_action,
    as_json,
    as_text,
    github_command,
    in_order,
)
from schema_rules.schema import Element, Schema
from tests.schema_rules import (
    test_authorization_rules,
    test_cel_rules,
    test_comment_rules,
    test_python_rules,
    test_resource_rules,
    test_rpc_rules,
    test_secret_rules,
    test_status_rules,
    test_token_rules,
)
from tests.schema_rules.fragments import (
    edit,
)
from tests.schema_rules.small_schemas import APIS, SmallSchemas, marks
from tests.toolchain import Run


def _built(schema: FileDescriptorSet) -> Callable[[Path, Path], FileDescriptorSet]:
    """What stands for `codegen.image.build`, and needs no toolchain."""

    def build(workspace: Path, target: Path) -> FileDescriptorSet:
        return schema

    return build


SCHEMAS = test_status_rules.SCHEMAS
"""What the command is tried on."""
_MODULES = (
    test_authorization_rules,
    test_cel_rules,
    test_comment_rules,
    test_python_rules,
    test_resource_rules,
    test_rpc_rules,
    test_secret_rules,
    test_status_rules,
    test_token_rules,
)


def test_every_rule_fires_on_a_small_schema() -> None:
    texts = [text for module in _MODULES for text in module.SCHEMAS.values()]
    announced = {mark.rule for text in [*texts, test_resource_rules.KINDS] for mark in marks(text)}
    # Small schemas are files of the right syntax, in the right place.
    assert announced == RULES.keys() - {"FILE_PLACE"}


@pytest.fixture(scope="module")
def whole(buf: Run, tmp_path_factory: pytest.TempPathFactory) -> FileDescriptorSet:
    """The image that `make lint` checks."""
    target = tmp_path_factory.mktemp("contract") / "image.binpb"
    built = buf("build", "--output", target)
    assert built.returncode == 0, built.stderr
    return FileDescriptorSet.FromString(target.read_bytes())


@pytest.fixture(scope="module")
def found(whole: FileDescriptorSet) -> list[Finding]:
    """Everything that the rules find, what is excused included."""
    return list(findings(whole))


class TestTheContract:
    """What the rules find in the real contract, beside the exceptions."""

    def test_it_has_no_finding_and_no_unused_exception(self, found: list[Finding]) -> None:
        open_findings, unused = unexcused(found, load_exceptions())
        assert [as_text(finding) for finding in open_findings] == []
        assert unused == []

    def test_every_exception_hides_a_finding_of_its_own(self, found: list[Finding]) -> None:
        exceptions = load_exceptions()
        assert exceptions
        for rule, reasons in exceptions.items():
            for name in reasons:
                less = {
                    **exceptions,
                    rule: {other: why for other, why in reasons.items() if other != name},
                }
                open_findings, unused = unexcused(found, less)
                assert {(f.rule, f.element.name) for f in open_findings} == {(rule, name)}
                assert unused == []

    def test_an_exception_excuses_from_one_rule_only(self, found: list[Finding]) -> None:
        exceptions = load_exceptions()
        name = next(iter(exceptions["SERVICE_KIND"]))
        moved = {**exceptions, "SERVICE_KIND": {}, "NUMBER_GAP": {name: "why"}}
        open_findings, unused = unexcused(found, moved)
        assert [(f.rule, f.element.name) for f in open_findings] == [("SERVICE_KIND", name)]
        assert unused == [
            f"exceptions.toml excuses {name} from NUMBER_GAP, which it does not break; remove it"
        ]

    def test_an_exception_for_nothing_is_unused(self, found: list[Finding]) -> None:
        invented = {**load_exceptions(), "TOKEN_SHAPE": {"ai.stigmer.x.v1.X.task_token": "why"}}
        open_findings, unused = unexcused(found, invented)
        assert open_findings == []
        assert len(unused) == 1
        assert "ai.stigmer.x.v1.X.task_token from TOKEN_SHAPE" in unused[0]

    def test_it_is_compatible_with_itself(self, whole: FileDescriptorSet) -> None:
        assert list(incompatibilities(whole, whole)) == []

    def test_the_command_is_content(
        self,
        whole: FileDescriptorSet,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setattr(image, "build", _built(whole))
        assert command.main([]) == 0
        printed = capsys.readouterr()
        assert (printed.out, printed.err) == ("", "")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[NO_SUCH_RULE]\n"a.B" = "why"', "names an unknown rule, NO_SUCH_RULE"),
        # No reason excuses an incompatibility.
        ('[REDACTION_KEPT]\n"a.B" = "why"', "names an unknown rule, REDACTION_KEPT"),
        ('[NUMBER_GAP]\n"a.B" = ""', "gives no reason for a.B in NUMBER_GAP"),
        ('[NUMBER_GAP]\n"a.B" = "  "', "gives no reason for a.B in NUMBER_GAP"),
        ('[NUMBER_GAP]\n"a.B" = 1', "gives no reason for a.B in NUMBER_GAP"),
        ('[NUMBER_GAP]\n"a.B" = "Because."', "gives no reason for a.B in NUMBER_GAP"),
        ('[NUMBER_GAP]\n"a.B" = "Known issue."', "gives no reason for a.B in NUMBER_GAP"),
        ('[NUMBER_GAP]\n"a.B" = "it is as it was."', "gives no reason for a.B in NUMBER_GAP"),
        ('[NUMBER_GAP]\n"a.B" = "It is as it was"', "gives no reason for a.B in NUMBER_GAP"),
        ('NUMBER_GAP = "why"', r"needs a table \[NUMBER_GAP\] of reasons by name"),
        ("[NUMBER_GAP", r"is no TOML: .*"),
    ],
)
def test_a_wrong_file_of_exceptions_is_answered_with_one_sentence(
    tmp_path: Path, text: str, sentence: str
) -> None:
    path = tmp_path / "odd.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"^odd.toml {sentence}; [a-z, ]+$"):
        load_exceptions(path)


def test_only_an_element_that_a_release_has_is_excused() -> None:
    exceptions = {
        "NUMBER_GAP": {"a.Old": "It was released so.", "a.New": "It is new."},
        "RPC_AUTHORIZED": {"a.New/get": "The handler asks who calls."},
    }
    (sentence,) = excused_but_new(exceptions, {"a.Old"})
    assert sentence.startswith(
        "exceptions.toml excuses a.New from NUMBER_GAP, but no release has it; "
    )


def test_the_same_name_is_excused_only_once(tmp_path: Path) -> None:
    path = tmp_path / "twice.toml"
    path.write_text('[NUMBER_GAP]\n"a.B" = "why"\n"a.B" = "because"')
    with pytest.raises(ValueError, match="overwrite"):
        load_exceptions(path)


def _finding(
    message: str = "is odd", rule: str = "ODD", file: str = "x.proto", at: int = 4
) -> Finding:
    descriptor = FileDescriptorProto(name=f"ai/stigmer/{file}")
    for path in ((4,), (6, 0)):  # other elements, whose paths sort before and after its own
        descriptor.source_code_info.location.add(path=path, span=[8, 8, 9])
    # Spans count from 0, people from 1.
    descriptor.source_code_info.location.add(path=[4, 0], span=[at - 1, 2, 7])
    return Finding(rule, Element("ai.stigmer.X", descriptor, (4, 0), {}), message)


class TestFormats:
    """How a finding is printed."""

    def test_text_is_what_buf_prints_with_the_rule_behind_it(self) -> None:
        assert as_text(_finding()) == "apis/ai/stigmer/x.proto:4:3:is odd (ODD)"

    def test_lines_and_columns_count_from_one(self) -> None:
        finding = _finding()
        finding.element.file.source_code_info.location[-1].span[:] = [9, 3, 7]
        assert as_text(finding) == "apis/ai/stigmer/x.proto:10:4:is odd (ODD)"

    def test_an_element_without_a_place_stands_at_the_beginning(self) -> None:
        finding = _finding()
        finding.element.file.ClearField("source_code_info")
        assert as_text(finding) == "apis/ai/stigmer/x.proto:1:1:is odd (ODD)"

    def test_json_is_one_line_whatever_the_message_holds(self) -> None:
        line = as_json(_finding('a "name"\nand more'))
        assert "\n" not in line
        assert json.loads(line) == {
            "path": "apis/ai/stigmer/x.proto",
            "start_line": 4,
            "start_column": 3,
            "type": "ODD",
            "message": 'a "name"\nand more',
        }

    def test_json_has_no_key_that_buf_does_not_have(
        self, buf: Run, root: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "x.proto").write_text('syntax = "proto3";\npackage x;\n')
        linted = buf("lint", "--error-format", "json", cwd=tmp_path)
        theirs = json.loads(linted.stdout.splitlines()[0])
        assert json.loads(as_json(_finding())).keys() <= theirs.keys()

    def test_github_actions_shows_a_percent_sign_as_it_is(self) -> None:
        assert as_github_action(_finding("is 100% odd")) == (
            "::error file=apis/ai/stigmer/x.proto,line=4,col=3::is 100%25 odd (ODD)"
        )

    def test_github_actions_reads_any_path_as_one(self) -> None:
        command = github_command("is odd", Position("a: b,c%.proto", 4, 3))
        assert command == "::error file=a%3A b%2Cc%25.proto,line=4,col=3::is odd"

    def test_github_actions_keeps_a_message_on_one_line(self) -> None:
        assert as_github_action(_finding("is\r\nodd")).endswith("::is%0D%0Aodd (ODD)")

    def test_findings_are_in_the_order_of_the_files_and_lines(self) -> None:
        ordered = [
            _finding(file="a.proto", at=9),
            _finding(file="b.proto", at=2),
            _finding(file="b.proto", at=10, rule="ODD", message="a"),
            _finding(file="b.proto", at=10, rule="ODD", message="b"),
            _finding(file="b.proto", at=10, rule="ODDER", message="a"),
        ]
        assert in_order(reversed(ordered)) == ordered
        assert in_order(ordered) == ordered


class TestTheCommand:
    """`python -m schema_rules`, on the small schemas."""

    @pytest.fixture(autouse=True)
    def _on_the_small_schemas(self, small: SmallSchemas, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(image, "build", _built(small.image))
        monkeypatch.setattr(command, "load_exceptions", dict[str, dict[str, str]])

    @pytest.mark.parametrize("error_format", FORMATS)
    def test_it_prints_every_finding_on_a_line_and_fails(
        self, small_findings: list[Finding], error_format: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert command.main(["--error-format", error_format]) == 1
        lines = capsys.readouterr().out.splitlines()
        assert lines == [FORMATS[error_format](found) for found in in_order(small_findings)]
        assert len(lines) == len(small_findings)

    def test_text_is_the_format_if_none_is_asked_for(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        command.main([])
        for line in capsys.readouterr().out.splitlines():
            assert re.fullmatch(r"apis/ai/stigmer/\S+\.proto:\d+:\d+:.+ \([A-Z_]+\)", line)

    def test_an_unused_exception_fails_without_any_finding(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(image, "build", _built(FileDescriptorSet()))
        assert command.main([]) == 0
        monkeypatch.setattr(command, "load_exceptions", lambda: {"NUMBER_GAP": {"a.B": "why"}})
        assert command.main([]) == 1
        assert capsys.readouterr().err.startswith("lint: exceptions.toml excuses a.B from NUMBER_G")

    @pytest.mark.parametrize("error", [StepError("it broke"), ValueError("it broke")])
    def test_what_cannot_be_checked_is_told_in_one_sentence(
        self,
        error: Exception,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        def refuse(*_: object) -> FileDescriptorSet:
            raise error

        monkeypatch.setattr(image, "build", refuse)
        assert command.main([]) == 1
        assert capsys.readouterr().err == "lint: it broke\n"

    def test_an_unknown_format_is_refused(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as refused:
            command.main(["--error-format", "xml"])
        assert refused.value.code == 2
        assert "'text', 'json', 'github-actions'" in capsys.readouterr().err


class TestMakeLint:
    """`make lint` runs the rules after buf's."""

    def test_it_stops_on_a_finding(self, make: Run, checkout: Path) -> None:
        edit(
            checkout,
            f"{APIS}/agentic/session/v1/spec.proto",
            "message SessionSpec {\n",
            "message SessionSpec {\n  // How to find it.\n  string temporal_run_id = 900;\n\n",
        )
        stopped = make("lint", "ERROR_FORMAT=json")
        assert stopped.returncode != 0
        (spec,) = {json.loads(line)["path"] for line in stopped.stdout.splitlines()}
        assert spec == f"{APIS}/agentic/session/v1/spec.proto"
        rules = {json.loads(line)["type"] for line in stopped.stdout.splitlines()}
        assert rules == {"STATUS_ONLY_FIELD", "NUMBER_GAP"}
        assert "no findings" not in stopped.stdout

    def test_it_stops_on_an_unused_exception(self, make: Run, checkout: Path) -> None:
        with (checkout / "schema_rules" / "exceptions.toml").open("a") as file:
            file.write('[NUMBER_GAP]\n"ai.stigmer.x.v1.X" = "There is no such message."\n')
        stopped = make("lint")
        assert stopped.returncode != 0
        assert "excuses ai.stigmer.x.v1.X from NUMBER_GAP" in stopped.stderr
        assert "Traceback" not in stopped.stderr
        assert "no findings" not in stopped.stdout


def test_ignoring_a_field_without_rules_leaves_what_is_valid(whole: FileDescriptorSet) -> None:
    contract = FileDescriptorSet()
    contract.CopyFrom(whole)
    name = "ai.stigmer.agentic.workflow.v1.tasks.HttpCallTaskConfig"
    ignored = Schema(contract).digest(name)
    (message,) = (m for f in contract.file for m in f.message_type if name.endswith(f".{m.name}"))
    (body,) = (field for field in message.field if field.name == "body")
    assert body.options.ByteSize(), "the field has no options, so nothing was compared"
    body.ClearField("options")
    assert Schema(contract).digest(name) == ignored
    (endpoint,) = (field for field in message.field if field.name == "endpoint")
    assert endpoint.options.ByteSize(), "the field has no rules, so nothing was compared"
    endpoint.ClearField("options")
    assert Schema(contract).digest(name) != ignored
