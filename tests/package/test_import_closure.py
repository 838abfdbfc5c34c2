"""What each proto package of the platform loads, counted.

`test_imports.py` compares every module with the imports of its .proto file. If a .proto file began
to import an unrelated package, that comparison would follow; the table here would not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from tests.each import for_each

KINDS = {"commons.apiresource.apiresourcekind"}
METADATA = {"commons.apiresource"}
REFERENCES = METADATA | KINDS | {"commons.rpc"}
AUTHORIZATION = {"iam.iampolicy.v1.rpcauthorization"}
UPDATES = REFERENCES | AUTHORIZATION | {"agentic.executioncontext.v1"}
DEFINITION = METADATA | {"agentic.environment.v1"}

# Every package below `ai.stigmer`: the number of message modules that it loads with its own
# messages, and the other packages that they come from. A larger number means that all importers
# load more.
LOADED: dict[str, tuple[int, set[str]]] = {
    "agentic.agent.v1": (12, REFERENCES | {"agentic.environment.v1"}),
    "agentic.agentexecution.v1": (18, UPDATES),
    "agentic.agentinstance.v1": (10, REFERENCES),
    "agentic.environment.v1": (6, METADATA),
    "agentic.executioncontext.v1": (6, METADATA),
    "agentic.session.v1": (6, METADATA),
    "agentic.skill.v1": (6, METADATA),
    "agentic.workflow.v1": (9, DEFINITION | {"agentic.workflow.v1.serverless"}),
    "agentic.workflow.v1.serverless": (1, set()),
    "agentic.workflow.v1.tasks": (16, DEFINITION | {"agentic.workflow.v1"}),
    "agentic.workflowexecution.v1": (18, UPDATES),
    "agentic.workflowinstance.v1": (10, REFERENCES),
    "agentic.workflowrunner.v1": (1, set()),
    "commons.apiresource": (9, KINDS | {"commons.rpc"}),
    "commons.apiresource.apiresourcekind": (2, set()),
    "commons.rpc": (1, set()),
    "iam.apikey.v1": (7, METADATA),
    "iam.iampolicy.v1": (6, METADATA),
    "iam.iampolicy.v1.rpcauthorization": (5, KINDS),
    "iam.identityaccount.v1": (8, METADATA | {"commons.rpc"}),
    "tenancy.organization.v1": (6, METADATA),
}

# The RPCs of these packages take references or IDs of any kind of resource, while their messages
# contain none. Their stubs therefore also load commons/apiresource/io.proto and its three imports.
STUBS_LOAD_REFERENCES = {
    "agentic.environment.v1",
    "agentic.executioncontext.v1",
    "agentic.skill.v1",
    "agentic.workflow.v1",
    "tenancy.organization.v1",
}

# In a fresh interpreter, requests from a package first nothing, then its messages and enums, then
# its services, and prints the modules loaded after each step.
STEPS = """
import importlib, json, sys

at_start = set(sys.modules)
package = importlib.import_module(sys.argv[1])
loaded = {"package": sorted(set(sys.modules) - at_start)}
of_services = ("Stub", "Servicer", "Servicer_to_server")
for step, wanted in (("messages", False), ("stubs", True)):
    for name in dir(package):
        if not name.startswith("_") and name.endswith(of_services) == wanted:
            getattr(package, name)
    loaded[step] = sorted(set(sys.modules) - at_start)
print(json.dumps(loaded))
"""

GRPC_ALONE = """
import json, sys
at_start = set(sys.modules)
import grpc
print(json.dumps({"grpc": sorted(set(sys.modules) - at_start)}))
"""

Steps = dict[str, dict[str, set[str]]]
"""Return the modules loaded at the end of each step, for every package."""

on_every_package = for_each({package: package for package in LOADED})


@pytest.fixture(scope="module")
def steps() -> Steps:
    return {package: run(STEPS, f"stigmer_apis.{package}") for package in LOADED}


@pytest.fixture(scope="module")
def grpc_alone() -> set[str]:
    """Return the modules that grpc loads by itself."""
    return run(GRPC_ALONE)["grpc"]


def run(code: str, *arguments: str) -> dict[str, set[str]]:
    """Return the lists of modules that a fresh interpreter prints."""
    finished = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )
    assert finished.returncode == 0, finished.stderr
    printed: dict[str, list[str]] = json.loads(finished.stdout)
    return {step: set(modules) for step, modules in printed.items()}


def message_modules(loaded: set[str]) -> dict[str, str]:
    """Return our loaded message modules, with the package of each below `stigmer_apis`."""
    return {
        name: name.rpartition(".")[0].removeprefix("stigmer_apis.")
        for name in loaded
        if name.startswith("stigmer_apis.") and name.endswith("_pb2")
    }


def from_elsewhere(loaded: set[str]) -> set[str]:
    """Return the top-level packages among those loaded that are not in the standard library."""
    return {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names


def test_the_table_names_every_package(contract: FileDescriptorSet) -> None:
    packages = {file.package.removeprefix("ai.stigmer.") for file in contract.file}
    assert {name for name in packages if not name.startswith("google.")} == set(LOADED)


@on_every_package
def test_a_package_itself_loads_no_message(package: str, steps: Steps) -> None:
    loaded = steps[package]["package"]
    assert message_modules(loaded) == {}
    assert from_elsewhere(loaded) == {"stigmer_apis"}


@on_every_package
def test_the_messages_of_a_package_load_those_of_no_unrelated_one(
    package: str, steps: Steps
) -> None:
    packages = set(message_modules(steps[package]["messages"]).values())
    _, others = LOADED[package]
    assert packages == others | {package}


@on_every_package
def test_the_messages_of_a_package_load_as_many_modules_as_counted(
    package: str, steps: Steps
) -> None:
    count, _ = LOADED[package]
    assert len(message_modules(steps[package]["messages"])) == count


@on_every_package
def test_the_messages_of_a_package_load_nothing_but_protobuf(package: str, steps: Steps) -> None:
    loaded = steps[package]["messages"]
    assert from_elsewhere(loaded) == {"google", "stigmer_apis"}
    assert {name for name in loaded if name.endswith("_pb2_grpc")} == set()


@on_every_package
def test_the_stubs_of_a_package_load_no_message_that_its_rpcs_do_not_carry(
    package: str, steps: Steps
) -> None:
    before, after = (message_modules(steps[package][step]) for step in ("messages", "stubs"))
    added = {name: after[name] for name in after.keys() - before.keys()}
    if package in STUBS_LOAD_REFERENCES:
        assert len(added) == 4
        assert set(added.values()) == REFERENCES
    else:
        assert added == {}


@on_every_package
def test_the_stubs_of_a_package_load_nothing_but_grpc_on_top(
    package: str, steps: Steps, grpc_alone: set[str]
) -> None:
    before, after = steps[package]["messages"], steps[package]["stubs"]
    stubs = {name for name in after if name.endswith("_pb2_grpc")}
    assert {name.rpartition(".")[0] for name in stubs} <= {f"stigmer_apis.{package}"}
    assert ("grpc" in after) is bool(stubs)
    # Some RPCs return google.protobuf.Empty.
    assert from_elsewhere(after - before - grpc_alone) <= {"google", "stigmer_apis"}


def test_fifteen_packages_have_stubs(steps: Steps) -> None:
    assert sum("grpc" in step["stubs"] for step in steps.values()) == 15
