"""The Go structs in Python: what they write, what they read, and what they refuse."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest

from stigmer_apis.temporal import TemporalWorkflowInput, TemporalWorkflowOutput, WorkflowMetadata

# Every byte value, so that standard base64 differs from the URL-safe kind, and is padded.
TOKEN = bytes(range(256))

FULL = TemporalWorkflowInput(
    workflow_execution_id="wex-1",
    workflow_yaml="do: [] # <b> & \u2028\n",
    metadata=WorkflowMetadata(name="Übersicht", namespace="reports", version="1.0.0"),
    initial_data={"b": [1, 2.5, True, None], "a": {"z": 1, "y": "x"}},
    env_vars={"REGION": "eu"},
    org_id="org-1",
    callback_token=TOKEN,
)


def test_the_json_has_the_go_names_in_the_order_of_the_struct() -> None:
    assert FULL.to_json() == (
        b'{"WorkflowExecutionID":"wex-1",'
        b'"WorkflowYaml":"do: [] # \\u003cb\\u003e \\u0026 \\u2028\\n",'
        b'"Metadata":{"Name":"\xc3\x9cbersicht","Namespace":"reports","Version":"1.0.0"},'
        b'"InitialData":{"a":{"y":"x","z":1},"b":[1,2.5,true,null]},'
        b'"EnvVars":{"REGION":"eu"},'
        b'"OrgId":"org-1",'
        b'"CallbackToken":"' + b64encode(TOKEN) + b'"}'
    )


def test_a_zero_value_is_written_as_go_writes_it() -> None:
    assert json.loads(TemporalWorkflowInput().to_json()) == {
        "WorkflowExecutionID": "",
        "WorkflowYaml": "",
        "Metadata": None,
        "InitialData": None,
        "EnvVars": None,
        "OrgId": "",
        "CallbackToken": None,
    }


@pytest.mark.parametrize("value", [FULL, TemporalWorkflowInput(), TemporalWorkflowOutput([1])])
def test_what_is_written_reads_as_equal(
    value: TemporalWorkflowInput | TemporalWorkflowOutput,
) -> None:
    assert type(value).from_json(value.to_json()) == value


@pytest.mark.parametrize("token", ["", '"CallbackToken": null', '"CallbackToken": ""'])
def test_a_token_that_is_missing_null_or_empty_is_none(token: str) -> None:
    assert TemporalWorkflowInput.from_json(f"{{{token}}}").callback_token == b""


def test_keys_are_read_in_any_case_and_unknown_ones_are_ignored() -> None:
    read = TemporalWorkflowInput.from_json(
        '{"orgid": "org-1", "CALLBACKTOKEN": "/w==", "metadata": {"name": "n"}, "Budget": {"M": 1}}'
    )
    assert read == TemporalWorkflowInput(
        org_id="org-1", callback_token=b"\xff", metadata=WorkflowMetadata("n")
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("_-8=", id="URL-safe"),
        pytest.param("//8", id="without padding"),
        pytest.param("//8=\n", id="with a newline"),
        pytest.param("//9=", id="with bits that no encoder sets"),
        pytest.param("AA+=", id="with such bits, before its own encoding in ASCII"),
        pytest.param("s3cr3t token!", id="not base64 at all"),
        pytest.param("tökén", id="not ASCII"),
    ],
)
def test_bad_base64_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ValueError, match="CallbackToken is not standard base64") as caught:
        TemporalWorkflowInput.from_json(json.dumps({"CallbackToken": text}))

    assert text not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None, "an error in its context may show the token"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ('{"OrgId": 1}', "TemporalWorkflowInput.OrgId must be a string in JSON, not a number"),
        ('{"CallbackToken": [1]}', "CallbackToken must be a string in standard base64"),
        ('{"Metadata": {"Name": []}}', "Metadata.Name must be a string in JSON, not an array"),
        ('{"InitialData": true}', "InitialData must be an object in JSON, not a boolean"),
        ("[]", "TemporalWorkflowInput must be an object in JSON, not an array"),
        ('{"OrgId": "cut', "TemporalWorkflowInput is not valid JSON"),
    ],
)
def test_json_of_another_shape_is_refused_with_the_field(data: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        TemporalWorkflowInput.from_json(data)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, b"1"),
        (-2.0, b"-2"),
        (1.5, b"1.5"),
        (999999999999999868928.0, b"999999999999999868928"),
        (-999999999999999868928.0, b"-999999999999999868928"),
        (1e21, b"1e+21"),
        (1e22, b"1e+22"),
        (-1e21, b"-1e+21"),
    ],
)
def test_a_float_is_written_as_go_writes_it(value: float, text: bytes) -> None:
    assert TemporalWorkflowOutput(result=value).to_json().startswith(b'{"Result":' + text + b",")


@pytest.mark.parametrize("value", [float("nan"), {1: 2}, object(), "\ud800"])
def test_a_value_that_json_cannot_carry_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="holds a value that JSON cannot carry"):
        TemporalWorkflowOutput(result=value).to_json()


def test_a_repr_shows_what_is_no_secret() -> None:
    assert "'org-1'" in repr(FULL)
    assert "Übersicht" in repr(FULL)


def test_neither_token_nor_environment_is_in_a_repr() -> None:
    shown = repr(TemporalWorkflowInput(env_vars={"PASSWORD": "hunter2"}, callback_token=b"tok-1"))
    assert "tok-1" not in shown
    assert "hunter2" not in shown
