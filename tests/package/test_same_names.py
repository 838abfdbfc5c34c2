"""Names that several packages have, such as `ExecutionPhase`, are never confused."""

from __future__ import annotations

import copy
import importlib
import itertools
import json
import pickle
import subprocess
import sys
from collections import defaultdict
from typing import Any, NamedTuple

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message import Message

from stigmer_apis.agentic.agent.v1 import AgentId
from stigmer_apis.agentic.agentexecution.v1 import SessionId as SessionIdOfExecutions
from stigmer_apis.agentic.session.v1 import AgentId as AgentIdOfSessions
from stigmer_apis.agentic.session.v1 import SessionId
from stigmer_apis.agentic.workflow.v1 import WorkflowId, WorkflowSpec, WorkflowTask
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowExecutionStatus
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowId as WorkflowIdOfExecutions
from stigmer_apis.agentic.workflowexecution.v1 import WorkflowTask as WorkflowTaskOfExecutions

SHARED = {
    "AgentId": ["agentic.agent.v1", "agentic.session.v1"],
    "ExecutionPhase": ["agentic.agentexecution.v1", "agentic.workflowexecution.v1"],
    "SessionId": ["agentic.agentexecution.v1", "agentic.session.v1"],
    "WorkflowId": ["agentic.workflow.v1", "agentic.workflowexecution.v1"],
    "WorkflowTask": ["agentic.workflow.v1", "agentic.workflowexecution.v1"],
}
"""The names that several packages have, and those packages below `ai.stigmer`."""


class Owned(NamedTuple):
    """A name in a package."""

    package: str
    name: str

    def __str__(self) -> str:
        return f"{self.package}.{self.name}"

    @property
    def full_name(self) -> str:
        return f"ai.stigmer.{self}"

    @property
    def exported(self) -> Any:
        return getattr(importlib.import_module(f"stigmer_apis.{self.package}"), self.name)


OWNED = [Owned(package, name) for name, packages in SHARED.items() for package in packages]
MESSAGES = [
    (AgentId, AgentIdOfSessions),
    (SessionIdOfExecutions, SessionId),
    (WorkflowId, WorkflowIdOfExecutions),
    (WorkflowTask, WorkflowTaskOfExecutions),
]

every_owned = pytest.mark.parametrize("owned", OWNED, ids=str)
every_pair = pytest.mark.parametrize(
    ("one", "other"),
    [pair for couple in MESSAGES for pair in itertools.permutations(couple)],
    ids=lambda message: message.DESCRIPTOR.full_name.removeprefix("ai.stigmer."),
)


def names_by_owner(image: FileDescriptorSet) -> dict[str, list[str]]:
    """Return the packages that have each name of a message, enum, service or extension."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in image.file:
        if file.package.startswith("ai.stigmer."):
            for element in [*file.message_type, *file.enum_type, *file.service, *file.extension]:
                found[element.name].append(file.package.removeprefix("ai.stigmer."))
    return found


def all_exports(image: FileDescriptorSet) -> dict[str, list[tuple[str, Any]]]:
    """Return the exports of every package below `ai.stigmer`, by name."""
    packages = {
        file.package.removeprefix("ai.stigmer.")
        for file in image.file
        if file.package.startswith("ai.stigmer.")
    }
    modules = {package: importlib.import_module(f"stigmer_apis.{package}") for package in packages}
    return {
        package: [(name, getattr(module, name)) for name in module.__all__]
        for package, module in sorted(modules.items())
    }


def home_of(exported: Any) -> str:
    """Return the Python package that an export belongs to, according to the export itself."""
    # Messages and enums have a descriptor, an extension is one, and the classes of a service have
    # only a module.
    file: Any = getattr(getattr(exported, "DESCRIPTOR", exported), "file", None)
    if file is None:
        module: str = exported.__module__
        return module.rpartition(".")[0]
    package: str = file.package
    return package.replace("ai.stigmer", "stigmer_apis", 1)


def with_first_field(message: type[Message]) -> Message:
    """Return a message with its first field set, which is a string in all of these."""
    first = message.DESCRIPTOR.fields_by_number[1]
    return message(**{first.name: "a-1"})


def test_five_names_exist_in_several_packages(contract: FileDescriptorSet) -> None:
    shared = {
        name: sorted(packages)
        for name, packages in names_by_owner(contract).items()
        if len(packages) > 1
    }
    assert shared == SHARED, "a name that another package has: choose another if it is new"


def test_the_pairs_here_are_the_messages_among_those_names() -> None:
    messages = [owned.exported for owned in OWNED if isinstance(owned.exported, type)]
    assert [message for couple in MESSAGES for message in couple] == messages


@every_owned
def test_a_package_gives_its_own_bearer_of_the_name(owned: Owned) -> None:
    assert owned.exported.DESCRIPTOR.full_name == owned.full_name
    assert owned.exported.DESCRIPTOR.file.package == f"ai.stigmer.{owned.package}"
    if isinstance(owned.exported, type):
        module: str = owned.exported.__module__
        assert module.rpartition(".")[0] == f"stigmer_apis.{owned.package}"


@pytest.mark.parametrize("name", SHARED)
def test_the_bearers_of_a_name_are_different_objects(name: str) -> None:
    bearers = [owned.exported for owned in OWNED if owned.name == name]
    assert len({id(bearer) for bearer in bearers}) == len(bearers) == len(SHARED[name])
    assert len({id(bearer.DESCRIPTOR) for bearer in bearers}) == len(bearers)


@pytest.mark.parametrize("name", SHARED)
@pytest.mark.parametrize("turn", [1, -1], ids=["in order", "reversed"])
def test_the_order_in_which_packages_are_asked_changes_nothing(name: str, turn: int) -> None:
    packages = [f"stigmer_apis.{package}" for package in SHARED[name]][::turn]
    code = "import importlib, json, sys\nfound = {}\nfor package in sys.argv[2:]:\n"
    code += "    exported = getattr(importlib.import_module(package), sys.argv[1])\n"
    code += "    found[package] = exported.DESCRIPTOR.full_name\nprint(json.dumps(found))"
    finished = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", code, name, *packages],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout) == {
        package: f"{package.replace('stigmer_apis', 'ai.stigmer')}.{name}" for package in packages
    }


@every_pair
def test_a_message_is_no_instance_of_the_other_and_not_equal_to_it(
    one: type[Message], other: type[Message]
) -> None:
    assert not isinstance(one(), other)
    assert one() != other()
    assert with_first_field(one) != with_first_field(other)


@every_pair
def test_the_bytes_of_one_parsed_as_the_other_are_the_other(
    one: type[Message], other: type[Message]
) -> None:
    # The wire format does not distinguish them: the parsing class decides, so it must be right.
    parsed = other.FromString(with_first_field(one).SerializeToString())
    assert type(parsed) is other
    assert parsed == with_first_field(other)
    assert parsed != with_first_field(one)


@every_pair
def test_one_cannot_be_copied_or_merged_into_the_other(
    one: type[Message], other: type[Message]
) -> None:
    message = one()
    with pytest.raises(TypeError):
        message.CopyFrom(with_first_field(other))
    with pytest.raises(TypeError):
        message.MergeFrom(with_first_field(other))
    assert message == one()


@every_pair
def test_an_any_tells_one_from_the_other(one: type[Message], other: type[Message]) -> None:
    packed = AnyMessage()
    packed.Pack(with_first_field(one))
    assert packed.type_url == f"type.googleapis.com/{one.DESCRIPTOR.full_name}"
    assert not packed.Unpack(other())
    unpacked = one()
    assert packed.Unpack(unpacked)
    assert unpacked == with_first_field(one)


@pytest.mark.parametrize(
    "message",
    [message for couple in MESSAGES for message in couple],
    ids=lambda message: message.DESCRIPTOR.full_name.removeprefix("ai.stigmer."),
)
def test_pickling_and_copying_keep_the_class(message: type[Message]) -> None:
    original = with_first_field(message)
    for kept in (pickle.loads(pickle.dumps(original)), copy.deepcopy(original)):
        assert type(kept) is message
        assert kept == original


def test_both_of_a_name_are_pickled_together() -> None:
    couples = [(with_first_field(one), with_first_field(other)) for one, other in MESSAGES]
    kept = pickle.loads(pickle.dumps(couples))
    assert kept == couples
    assert [(type(one), type(other)) for one, other in kept] == MESSAGES


def test_a_field_holds_the_task_of_its_own_package_and_refuses_the_other() -> None:
    definition, run = WorkflowSpec(), WorkflowExecutionStatus()
    assert type(definition.tasks.add()) is WorkflowTask
    assert type(run.tasks.add()) is WorkflowTaskOfExecutions
    with pytest.raises(TypeError):
        definition.tasks.append(WorkflowTaskOfExecutions())  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError):
        run.tasks.append(WorkflowTask())  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError):
        WorkflowSpec(tasks=[WorkflowTaskOfExecutions()])  # pyright: ignore[reportArgumentType]


def test_the_phases_are_two_enums_that_agree_in_their_numbers() -> None:
    # A phase is a plain int at run time, so confusing the two must at least be harmless.
    of_agents, of_workflows = (
        Owned(package, "ExecutionPhase").exported for package in SHARED["ExecutionPhase"]
    )
    assert isinstance(of_agents, EnumTypeWrapper)
    assert isinstance(of_workflows, EnumTypeWrapper)
    assert of_agents is not of_workflows
    assert of_agents.items() == of_workflows.items()


def test_no_package_exports_what_belongs_to_another(contract: FileDescriptorSet) -> None:
    owners: dict[int, list[str]] = defaultdict(list)
    strangers: list[str] = []
    for package, exports in all_exports(contract).items():
        for name, exported in exports:
            owners[id(exported)].append(f"{package}.{name}")
            if home_of(exported) != f"stigmer_apis.{package}":
                strangers.append(f"{package}.{name} is of {home_of(exported)}")
    assert strangers == []
    assert [names for names in owners.values() if len(names) > 1] == []


def test_the_packages_export_a_shared_name_and_no_other_package_does(
    contract: FileDescriptorSet,
) -> None:
    exported: dict[str, list[str]] = defaultdict(list)
    for package, exports in all_exports(contract).items():
        for name, _ in exports:
            exported[name].append(package)
    assert {name: found for name, found in exported.items() if len(found) > 1} == SHARED
