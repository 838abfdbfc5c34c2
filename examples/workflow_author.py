"""A workflow written in Python: typed task configs, validated, printed as JSON and as YAML.

For those who write workflows by program, or a tool that does. It shows how the config of a task,
a message of its own for each kind, gets into the `Struct` that a task carries it in and out of it
again, how to set fields whose names are Python keywords, and how to validate all of it.

Needs: pip install "stigmer-apis[validate]", and PyYAML for the part about YAML
Run:   python examples/workflow_author.py
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import protovalidate
from google.protobuf.json_format import MessageToDict, MessageToJson, Parse, ParseDict
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from stigmer_apis.agentic.workflow.v1 import (
    Export,
    FlowControl,
    Workflow,
    WorkflowDocument,
    WorkflowSpec,
    WorkflowTask,
)
from stigmer_apis.agentic.workflow.v1.tasks import (
    AgentCallTaskConfig,
    AgentExecutionConfig,
    CallActivityTaskConfig,
    CatchBlock,
    ForkBranch,
    ForkTaskConfig,
    ForTaskConfig,
    GrpcCallTaskConfig,
    HttpCallTaskConfig,
    HttpEndpoint,
    ListenTaskConfig,
    RaiseTaskConfig,
    RunTaskConfig,
    SetTaskConfig,
    SwitchCase,
    SwitchTaskConfig,
    TryTaskConfig,
    WaitTaskConfig,
)
from stigmer_apis.commons.apiresource import (
    ApiResourceMetadata,
    ApiResourceOwnerScope,
    WorkflowTaskKind,
)

CONFIGS: dict[WorkflowTaskKind.ValueType, type[Message]] = {
    WorkflowTaskKind.WORKFLOW_TASK_KIND_SET: SetTaskConfig,
    WorkflowTaskKind.WORKFLOW_TASK_KIND_HTTP_CALL: HttpCallTaskConfig,
    WorkflowTaskKind.WORKFLOW_TASK_KIND_GRPC_CALL: GrpcCallTaskConfig,
    WorkflowTaskKind.WORKFLOW_TASK_KIND_CALL_ACTIVITY: CallActivityTaskConfig,
    WorkflowTaskKind.WORKFLOW_TASK_KIND_SWITCH: SwitchTaskConfig,
    WorkflowTaskKind.WORKFLOW_TASK_KIND_FOR: ForTaskConfig,
    WorkflowTaskKind.WORKFLOW_TASK_KIND_FORK: ForkTaskConfig,
    WorkflowTaskKind.WORKFLOW_TASK_KIND_TRY: TryTaskConfig,
    WorkflowTaskKind.WORKFLOW_TASK_KIND_LISTEN: ListenTaskConfig,
    WorkflowTaskKind.WORKFLOW_TASK_KIND_WAIT: WaitTaskConfig,
    WorkflowTaskKind.WORKFLOW_TASK_KIND_RAISE: RaiseTaskConfig,
    WorkflowTaskKind.WORKFLOW_TASK_KIND_RUN: RunTaskConfig,
    WorkflowTaskKind.WORKFLOW_TASK_KIND_AGENT_CALL: AgentCallTaskConfig,
}
"""The message that describes each kind of task."""

KINDS = {config: kind for kind, config in CONFIGS.items()}


def task(name: str, config: Message, *, export: str = "", then: str = "") -> WorkflowTask:
    """Return a task that does what the config says. Its kind follows from the config's type.

    Raises:
        protovalidate.ValidationError: the config breaks a rule. The rules of a workflow cannot look
            into the Struct that carries the config, so this is the place to find out.
    """
    protovalidate.validate(config)
    made = WorkflowTask(name=name, kind=KINDS[type(config)], task_config=to_struct(config))
    if export:
        # `export.as = ...` is no Python: "as" is a keyword. A string can name the field.
        made.export.CopyFrom(Export(**{"as": export}))
    if then:
        made.flow.CopyFrom(FlowControl(then=then))
    return made


def to_struct(config: Message) -> Struct:
    """Return the JSON form of a config as a Struct.

    Like JavaScript, a Struct has one type of number, the double. Every integer that the configs
    have fits in it exactly; it just prints as 30.0 and is read back as 30. A 64-bit integer might
    not fit, which is why the JSON form has those as strings. A Struct keeps no order of its fields.
    """
    return ParseDict(MessageToDict(config), Struct())


def config_of(made: WorkflowTask) -> Message:
    """Return the config of a task as the message that belongs to its kind, the way back."""
    return ParseDict(MessageToDict(made.task_config), CONFIGS[made.kind]())


def all_tasks(tasks: Sequence[WorkflowTask]) -> Iterator[tuple[WorkflowTask, Message]]:
    """Yield every task with its config, and those within it after it."""
    for each in tasks:
        config = config_of(each)
        yield each, config
        if isinstance(config, ForTaskConfig):
            yield from all_tasks(config.do)
        elif isinstance(config, ForkTaskConfig):
            for branch in config.branches:
                yield from all_tasks(branch.do)
        elif isinstance(config, TryTaskConfig):
            # getattr() of a keyword field is Any to type checkers. Say what it is, once.
            tried: Sequence[WorkflowTask] = getattr(config, "try")
            yield from all_tasks(tried)
            yield from all_tasks(config.catch.do)


def validate(workflow: Workflow) -> int:
    """Validate a workflow with the configs of all its tasks, and return how many tasks it has.

    Raises:
        protovalidate.ValidationError: a rule is broken.
    """
    protovalidate.validate(workflow)
    found = list(all_tasks(workflow.spec.tasks))
    for _, config in found:
        protovalidate.validate(config)
    return len(found)


def weekly_report() -> Workflow:
    fetch = HttpCallTaskConfig(
        method="GET",
        endpoint=HttpEndpoint(uri="https://shop.example/orders?week=${ .week }"),
        headers={"Accept": "application/json"},
        timeout_seconds=30,
    )
    summarize = AgentCallTaskConfig(
        agent="report-writer",
        scope=ApiResourceOwnerScope.organization,
        message="Summarize these orders: ${ .orders }",
        config=AgentExecutionConfig(timeout=600, temperature=0.2),
    )
    notify = HttpCallTaskConfig(
        method="POST",
        endpoint=HttpEndpoint(uri="https://chat.example/reports"),
        timeout_seconds=10,
    )
    notify.body.update({"text": "${ .summary }", "urgent": False})

    # A field whose name is a keyword is set by **, with all other fields given ...
    check_each = ForTaskConfig(
        each="order",
        do=[task("check", SetTaskConfig(variables={"valid": "${ .order.total > 0 }"}))],
        **{"in": "${ .orders }"},
    )
    # ... or afterwards by setattr(), and a repeated one through getattr().
    on_failure = CatchBlock(do=[task("pause", WaitTaskConfig(seconds=60))])
    setattr(on_failure, "as", "failure")
    attempt = TryTaskConfig(catch=on_failure)
    getattr(attempt, "try").append(task("summarize", summarize, export="${ . }"))

    workflow = Workflow(
        api_version="agentic.stigmer.ai/v1",
        kind="Workflow",
        metadata=ApiResourceMetadata(
            name="Weekly report", org="org-1", owner_scope=ApiResourceOwnerScope.organization
        ),
        spec=WorkflowSpec(
            description="Reports on the orders of the week.",
            document=WorkflowDocument(
                dsl="1.0.0", namespace="sales", name="weekly-report", version="1.0.0"
            ),
        ),
    )
    workflow.spec.tasks.extend(
        [
            task("begin", SetTaskConfig(variables={"week": '${ now | strftime("%V") }'})),
            task("fetch-orders", fetch, export="${ { orders: . } }"),
            task(
                "any-orders",
                SwitchTaskConfig(
                    cases=[
                        SwitchCase(name="none", when="${ .orders == [] }", then="end"),
                        SwitchCase(name="some", then="check-orders"),
                    ]
                ),
            ),
            task("check-orders", check_each),
            task("write-report", attempt, export="${ { summary: . } }"),
            task(
                "publish",
                ForkTaskConfig(
                    branches=[
                        ForkBranch(name="chat", do=[task("notify", notify)]),
                        ForkBranch(
                            name="archive",
                            do=[task("archive", RunTaskConfig(workflow="archive-report"))],
                        ),
                    ]
                ),
                then="end",
            ),
        ]
    )
    return workflow


def show_as_yaml(workflow: Workflow) -> None:
    try:
        import yaml
    except ModuleNotFoundError:
        print("Install PyYAML to see it as YAML too: pip install pyyaml")
        return
    text = yaml.safe_dump(MessageToDict(workflow), sort_keys=False)
    print(text)
    read: dict[str, Any] = yaml.safe_load(text)
    print(f"Read back from YAML, it is equal: {ParseDict(read, Workflow()) == workflow}")


def main() -> None:
    workflow = weekly_report()
    print(f"Valid, with {validate(workflow)} tasks.\n")

    text = MessageToJson(workflow)
    print(text)
    read = Parse(text, Workflow())
    print(f"Read back from JSON, it is equal: {read == workflow}\n")
    show_as_yaml(workflow)

    check_orders, config = next(
        (each, config) for each, config in all_tasks(read.spec.tasks) if each.name == "check-orders"
    )
    assert isinstance(config, ForTaskConfig)
    print(f"\n{check_orders.name} is for each {config.each} in {getattr(config, 'in')}")

    try:
        task("impatient", WaitTaskConfig(seconds=-1))
    except protovalidate.ValidationError as error:
        print(f"\nA config that breaks a rule becomes no task: {error}")


if __name__ == "__main__":
    main()
