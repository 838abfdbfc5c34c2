"""No message of this package prints a secret; the rest of protobuf is unchanged.

Run on the runtime at hand, and on the other implementation of it in a process of its own.
"""

from __future__ import annotations

import copy
import importlib
import os
import pickle
import pydoc
import subprocess
import sys
from typing import Any

from google.protobuf import message_factory, symbol_database, text_format
from google.protobuf.internal import api_implementation
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from stigmer_apis.agentic.environment.v1 import EnvironmentSpec, EnvironmentValue
from stigmer_apis.agentic.executioncontext.v1 import ExecutionValue
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecution, WorkflowExecutionStatus
from stigmer_apis.redaction import fingerprint
from tests.each import for_each
from tests.redaction.everything_printed import everything_printed
from tests.redaction.redaction_cases import (
    MESSAGE_TYPES,
    PATHS,
    SECRET,
    TOKEN,
    assert_hides_secrets,
    every_secret,
    filled,
)

HOLDS_SECRETS = list(dict.fromkeys(path.message_type for path in PATHS))


# What these show of an object is not all of it.
SHORTENED = ("reprlib", "a system error, repr", "a group of errors, str")


def prints_by_itself(message_type: Any) -> bool:
    """Whether a class has been given a text of its own."""
    return getattr(message_type.__str__, "__module__", None) == "stigmer_apis._printing"


@for_each({t.DESCRIPTOR.full_name: t for t in MESSAGE_TYPES})
def test_exactly_the_messages_that_can_hold_a_secret_print_masked(
    message_type: type[Message],
) -> None:
    assert prints_by_itself(message_type) == (message_type in HOLDS_SECRETS)


@for_each({t.DESCRIPTOR.full_name: t for t in HOLDS_SECRETS})
def test_nothing_that_python_prints_of_a_message_shows_a_secret(
    message_type: type[Message],
) -> None:
    for message in every_secret(message_type, TOKEN, SECRET):
        assert (
            TOKEN in message.SerializeToString() or SECRET.encode() in message.SerializeToString()
        )
        for way, shown in everything_printed(message):
            assert_hides_secrets(shown, way)
            assert "[REDACTED" in shown or way in SHORTENED, way


def test_the_containers_of_a_message_print_masked() -> None:
    for path in PATHS:
        if len(path.fields) == 1:
            continue  # its containers hold the values themselves, taken out of their message
        message: Any = filled(path, TOKEN, SECRET)
        for field, value in message.ListFields():
            if field.message_type is not None:
                assert_hides_secrets(f"{value} {value!r} {[value]}", str(path))
        assert_hides_secrets(str(message.ListFields()), str(path))


def test_the_entry_of_a_map_prints_masked() -> None:
    entry = EnvironmentSpec.DataEntry(
        key="KEY", value=EnvironmentValue(value=SECRET, is_secret=True)
    )
    assert_hides_secrets(f"{entry} {entry!r}", "the entry")
    assert "KEY" in str(entry)


def test_help_on_a_message_and_its_class_shows_no_secret() -> None:
    execution = WorkflowExecution(status=WorkflowExecutionStatus(callback_token=TOKEN))
    assert_hides_secrets(pydoc.render_doc(execution), "help()")
    assert "WorkflowExecution" in pydoc.render_doc(WorkflowExecution)


def test_the_other_implementation_of_protobuf_prints_masked_as_well() -> None:
    other = "upb" if api_implementation.Type() == "python" else "python"
    finished = subprocess.run(
        [sys.executable, "-c", "from tests.redaction.test_printing import walk; walk()"],
        env={**os.environ, "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": other},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == f"walked {len(HOLDS_SECRETS)} types on {other}\n"


def walk() -> None:
    """What the tests above do, in a process without pytest."""
    test_exactly_the_messages_that_can_hold_a_secret_print_masked()
    test_nothing_that_python_prints_of_a_message_shows_a_secret()
    test_the_containers_of_a_message_print_masked()
    test_the_entry_of_a_map_prints_masked()
    print(f"walked {len(HOLDS_SECRETS)} types on {api_implementation.Type()}")


# What stays as it was.


def an_execution() -> WorkflowExecution:
    execution = WorkflowExecution(kind="WorkflowExecution")
    execution.status.callback_token = TOKEN
    execution.spec.runtime_env["KEY"].CopyFrom(ExecutionValue(value=SECRET, is_secret=True))
    return execution


def test_the_text_format_gives_the_plain_text_and_reads_it() -> None:
    execution = an_execution()
    plain = text_format.MessageToString(execution)
    assert SECRET.split()[0] in plain
    assert text_format.Parse(plain, WorkflowExecution()) == execution


def test_the_text_of_a_message_without_secrets_can_be_read_again() -> None:
    execution = an_execution()
    execution.status.ClearField("callback_token")
    execution.spec.runtime_env["KEY"].is_secret = False
    assert text_format.Parse(str(execution), WorkflowExecution()) == execution


def test_copies_pickles_and_comparisons_keep_the_secret() -> None:
    execution = an_execution()
    str(execution)
    assert pickle.loads(pickle.dumps(execution)) == execution
    assert copy.copy(execution) == copy.deepcopy(execution) == execution
    assert pickle.loads(pickle.dumps(execution)).status.callback_token == TOKEN
    assert WorkflowExecution.FromString(execution.SerializeToString()) == execution


def test_the_class_is_the_same_by_every_way_to_it() -> None:
    module = importlib.import_module("stigmer_apis.agentic.workflowexecution.v1.api_pb2")
    assert WorkflowExecution is module.WorkflowExecution
    assert message_factory.GetMessageClass(WorkflowExecution.DESCRIPTOR) is WorkflowExecution
    database: Any = symbol_database.Default()
    assert (
        database.pool.FindMessageTypeByName(
            "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecution"
        )._concrete_class
        is WorkflowExecution
    )
    assert WorkflowExecution.__module__ == module.__name__
    assert WorkflowExecution.__qualname__ == WorkflowExecution.__name__ == "WorkflowExecution"


def test_a_class_by_an_alias_is_the_same() -> None:
    program = (
        "from stigmer_apis import alias; alias.install()\n"
        "from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecutionStatus\n"
        "print([WorkflowExecutionStatus(callback_token=b'stigmer-example-token')])"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert printed.stdout == '[callback_token: "[REDACTED sha256:57cc19caf07a]"\n]\n'


def test_messages_of_other_schemas_print_as_they_did() -> None:
    struct = Struct()
    struct.update({"password": "hunter2"})
    assert "hunter2" in str(struct)
    assert not prints_by_itself(Struct)


def test_importing_a_message_does_not_load_what_masks() -> None:
    program = (
        "import sys\n"
        "from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecutionStatus\n"
        "before = 'stigmer_apis.redaction' in sys.modules\n"
        "print(WorkflowExecutionStatus(callback_token=b'x' * 20), before)"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert printed.stdout.endswith(" False\n"), printed
    assert f"[REDACTED {fingerprint(b'x' * 20)}]" in printed.stdout


def test_a_message_prints_where_nothing_can_be_loaded_any_more() -> None:
    # As in __del__ while the interpreter ends: less text, but no secret and no error.
    program = (
        "import sys\n"
        "from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecutionStatus\n"
        "sys.modules['stigmer_apis.redaction'] = None\n"
        "print(WorkflowExecutionStatus(callback_token=b'stigmer-example-token'))"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    name = WorkflowExecutionStatus.DESCRIPTOR.full_name
    assert printed.stdout == f"[REDACTED {name}: ModuleNotFoundError]\n", printed


def test_a_marker_without_a_value_masks_no_value_of_another() -> None:
    spec = EnvironmentSpec(data={"B": EnvironmentValue(is_secret=True)})
    for key in "ACDEF":  # some are before it, whatever the order
        spec.data[key].value = f"shown {key}"
    assert all(f"shown {key}" in str(spec) for key in "ACDEF")
    assert "[REDACTED" not in str(spec)
