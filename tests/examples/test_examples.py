"""The examples run as their docstrings say, and print what they are there to show."""

from __future__ import annotations

import ast
import base64
import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import Parse
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import BytesValue

from stigmer_apis.agentic.workflow.v1 import Workflow
from stigmer_apis.commons.apiresource import WorkflowTaskKind

EXAMPLES = ["agent_runner", "execution_progress", "workflow_author"]
every_example = pytest.mark.parametrize("example", EXAMPLES)

# Hides PyYAML as if it were not installed.
WITHOUT_YAML = """
import runpy, sys
sys.modules["yaml"] = None
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def run(root: Path, *arguments: str, **variables: str) -> str:
    """What an interpreter prints, run in the top folder with warnings as errors."""
    finished = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=root,
        # Running an example leaves nothing behind in the tree.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    return finished.stdout


def line_of(output: str, begin: str) -> str:
    """The rest of the one line that begins so."""
    found = re.findall(rf"^{re.escape(begin)} *(.*)$", output, re.MULTILINE)
    assert len(found) == 1, f"{begin!r} begins {len(found)} lines of\n{output}"
    return found[0]


def json_in(output: str) -> str:
    """The one JSON object among the output, which begins and ends at the left margin."""
    found = re.findall(r"^\{$.*?^\}$", output, re.MULTILINE | re.DOTALL)
    assert len(found) == 1, output
    return found[0]


def constants(root: Path) -> dict[str, Any]:
    """What the stand-in for the platform defines."""
    return runpy.run_path(str(root / "examples" / "local_platform.py"))


@pytest.fixture(scope="module")
def output(root: Path) -> dict[str, str]:
    """What each example prints."""
    return {example: run(root, f"examples/{example}.py") for example in EXAMPLES}


def test_every_example_is_among_those_tested(root: Path) -> None:
    scripts = {path.stem for path in (root / "examples").glob("*.py")}
    assert scripts == {*EXAMPLES, "local_platform"}


def test_no_example_hides_a_module_of_the_standard_library(root: Path) -> None:
    # The folder of a script comes first on the path: a platform.py there would break uuid.
    scripts = {path.stem for path in (root / "examples").glob("*.py")}
    assert scripts.isdisjoint(sys.stdlib_module_names)


@every_example
def test_an_example_says_how_it_is_run_and_what_it_needs(example: str, root: Path) -> None:
    source = (root / "examples" / f"{example}.py").read_text(encoding="utf-8")
    docstring = ast.get_docstring(ast.parse(source)) or ""
    assert "For developers who " in docstring
    assert f"Run:   python examples/{example}.py" in docstring
    needed = re.search(r'^Needs: pip install "stigmer-apis\[(\w+)\]"', docstring, re.MULTILINE)
    assert needed, docstring
    import_of_extra = {"grpc": "import grpc\n", "validate": "import protovalidate\n"}
    assert {extra for extra, line in import_of_extra.items() if line in source} == {needed[1]}


@every_example
def test_no_example_prints_a_token_or_a_secret_in_any_form(
    example: str, output: dict[str, str], root: Path
) -> None:
    defined = constants(root)
    token: bytes = defined["TASK_TOKEN"]
    # A beginning of whole base64 groups, so that parts of a token are found too.
    begin = token[:24]
    forms = {
        "base64": base64.b64encode(begin).decode(),
        "base64 for URLs": base64.urlsafe_b64encode(begin).decode(),
        "hexadecimal": begin.hex(),
        "text format": str(BytesValue(value=begin)).removeprefix('value: "').rstrip('"\n'),
        "repr": repr(begin)[2:-1],
        "raw": "external-activity-task-token",
        "a secret in plain text": defined["PASSWORD"],
    }
    assert forms["raw"].encode() in token
    printed = output[example].lower()
    assert [form for form, text in forms.items() if text.lower() in printed] == []


def test_an_agent_runner_finds_what_its_agent_needs(output: dict[str, str]) -> None:
    printed = output["agent_runner"]
    assert line_of(printed, "session:").startswith("ses-1")
    assert line_of(printed, "instance:") == "ain-1 of agent agt-1"
    assert line_of(printed, "skills:") == "house-style, charts"
    environment = re.findall(r"^environment: +(\S+) = (.*)$", printed, re.MULTILINE)
    # The later of two environments counts, and a secret stays one.
    assert environment == [("REGION", "eu-central-1"), ("WAREHOUSE_PASSWORD", "(secret)")]


def test_an_agent_runner_reports_step_by_step_and_loses_nothing(output: dict[str, str]) -> None:
    reports = re.findall(
        r"^(.+?) +EXECUTION_(\w+), messages: (\d+), to-dos: (\d)/(\d), tool calls: (\w+)$",
        output["agent_runner"],
        re.MULTILINE,
    )
    assert reports == [
        ("found", "PENDING", "0", "0", "0", "none"),
        ("began", "IN_PROGRESS", "0", "0", "0", "none"),
        ("user's message", "IN_PROGRESS", "1", "0", "0", "none"),
        ("two to-dos", "IN_PROGRESS", "1", "0", "2", "none"),
        ("tool call asked for", "IN_PROGRESS", "2", "0", "2", "TOOL_CALL_PENDING"),
        ("tool call started", "IN_PROGRESS", "2", "0", "2", "TOOL_CALL_RUNNING"),
        ("tool call ended", "IN_PROGRESS", "3", "1", "2", "TOOL_CALL_COMPLETED"),
        ("answer", "IN_PROGRESS", "4", "2", "2", "TOOL_CALL_COMPLETED"),
        ("ended", "COMPLETED", "4", "2", "2", "TOOL_CALL_COMPLETED"),
    ]


def test_the_token_survives_the_reports_of_an_agent_runner(output: dict[str, str]) -> None:
    before = line_of(output["agent_runner"], "callback token before:")
    assert re.fullmatch("sha256 [0-9a-f]{16}", before)
    assert line_of(output["agent_runner"], "callback token after:") == before


def test_an_operator_sees_an_execution_progress_until_it_fails(output: dict[str, str]) -> None:
    printed = output["execution_progress"]
    phases = re.findall(r"^wex-\w+  (pending|in progress|failed)\b", printed, re.MULTILINE)
    assert phases == ["pending", "in progress", "in progress", "failed"]
    last = printed.split("\n\n")[3].splitlines()
    assert [re.sub(r"\d+\.\d s", "0.0 s", line).split() for line in last] == [
        ["wex-01jd0m9q4t", "failed", "0.0", "s"],
        ["fetch-figures", "api", "call", "completed", "0.0", "s"],
        ["send-report", "api", "call", "failed", "0.0", "s"],
        ["The", "mail", "server", "answered", "503", "three", "times."],
        ["archive", "transform", "skipped"],
        ["Task", "send-report", "failed."],
    ]


def test_an_operator_gets_all_of_the_execution_but_its_secrets(
    output: dict[str, str],
) -> None:
    printed = output["execution_progress"]
    execution = json.loads(json_in(printed))
    status, environment = execution["status"], execution["spec"]["runtimeEnv"]
    assert status["phase"] == "EXECUTION_FAILED"
    assert [task["taskName"] for task in status["tasks"]] == [
        "fetch-figures",
        "send-report",
        "archive",
    ]
    assert re.fullmatch(r"\[REDACTED sha256:[0-9a-f]{12}\]", status["callbackToken"])
    assert environment["WAREHOUSE_PASSWORD"]["value"] == "[REDACTED]"
    assert environment["REGION"]["value"] == "eu-central-1"
    assert "ended, and an activity waits for it:" in printed


def test_an_unknown_state_is_shown_by_its_number(root: Path) -> None:
    code = "from execution_progress import label, WorkflowTaskStatus as status\n"
    code += "print(label(status.DESCRIPTOR, 99, ''), label(status.DESCRIPTOR, 1, ''), sep='|')"
    printed = run(root, "-c", code, PYTHONPATH="examples")
    assert printed == "unknown (99)|workflow task pending\n"


def test_an_author_prints_a_valid_workflow_that_reads_back_from_json(
    output: dict[str, str],
) -> None:
    printed = output["workflow_author"]
    assert line_of(printed, "Valid, with") == "11 tasks."
    assert line_of(printed, "Equal after reading it back from JSON:") == "True"
    workflow = Parse(json_in(printed), Workflow())
    assert [task.name for task in workflow.spec.tasks] == [
        "begin",
        "fetch-orders",
        "any-orders",
        "check-orders",
        "write-report",
        "publish",
    ]


def test_an_author_sets_the_keyword_fields_and_keeps_numbers(output: dict[str, str]) -> None:
    printed = output["workflow_author"]
    by_name = {task["name"]: task for task in json.loads(json_in(printed))["spec"]["tasks"]}
    assert by_name["fetch-orders"]["export"]["as"] == "${ { orders: . } }"
    assert by_name["fetch-orders"]["taskConfig"]["timeoutSeconds"] == 30
    assert by_name["check-orders"]["taskConfig"]["in"] == "${ .orders }"
    attempt = by_name["write-report"]["taskConfig"]
    assert [task["name"] for task in attempt["try"]] == ["summarize"]
    assert attempt["try"][0]["taskConfig"]["config"] == {"timeout": 600, "temperature": 0.2}
    assert attempt["catch"]["as"] == "failure"
    assert "check-orders runs for each order in ${ .orders }" in printed


def test_an_author_is_told_which_rule_a_config_breaks(output: dict[str, str]) -> None:
    reason = line_of(output["workflow_author"], "An invalid config is rejected:")
    assert reason.startswith("seconds: must be greater than or equal to 1")


@pytest.mark.toolchain
def test_an_author_prints_the_workflow_as_yaml_and_reads_it_back(output: dict[str, str]) -> None:
    printed = output["workflow_author"]
    assert line_of(printed, "Equal after reading it back from YAML:") == "True"
    assert "\n  - name: check-orders\n    kind: WORKFLOW_TASK_KIND_FOR\n" in printed


def test_an_author_without_pyyaml_gets_the_rest(root: Path) -> None:
    printed = run(root, "-c", WITHOUT_YAML, "examples/workflow_author.py")
    assert "pip install pyyaml" in printed
    assert "YAML, it is equal" not in printed
    assert line_of(printed, "Equal after reading it back from JSON:") == "True"


def test_an_author_has_a_config_for_every_kind_of_task(root: Path) -> None:
    configs: dict[int, type[Message]] = runpy.run_path(
        str(root / "examples" / "workflow_author.py")
    )["CONFIGS"]
    kinds: dict[int, str] = {number: name for name, number in WorkflowTaskKind.items() if number}
    # WORKFLOW_TASK_KIND_AGENT_CALL belongs to AgentCallTaskConfig, and so on.
    assert {kinds[number]: config.DESCRIPTOR.name for number, config in configs.items()} == {
        kind: kind.removeprefix("WORKFLOW_TASK_KIND_").title().replace("_", "") + "TaskConfig"
        for kind in kinds.values()
    }
