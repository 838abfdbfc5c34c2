"""A workflow written in Python: typed task configs, validated, and printed as JSON and YAML.

For developers who generate workflows. Each kind of task has its own config message, which the task
stores in a `Struct`. The example shows how to convert between the two, how to set fields whose
names are Python keywords, and how to validate the workflow with all its configs.

Needs: pip install "stigmer-apis[validate]", and PyYAML for the YAML output
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
    """Return a task with the given config. The type of the config determines the task's kind.

    Raises:
        protovalidate.ValidationError: The config breaks a rule. Validating the workflow would not
            find this, because its rules do not check the Struct that stores the config.
    """
    protovalidate.validate(config)
    made = WorkflowTask(name=name, kind=KINDS[type(config)], task_config=to_struct(config))
    if export:
        # `export.as = ...` is a syntax error, because "as" is a keyword. Use a string instead.
        setattr(made.export, "as", export)
    if then:
        made.flow.CopyFrom(FlowControl(then=then))
    return made


def to_struct(config: Message) -> Struct:
    """Return the JSON form of a config as a Struct.

    Like JavaScript, a Struct has one type of number, the double. It represents all integers in the
    configs exactly: 30 prints as 30.0 and is read back as 30. It could not represent every 64-bit
    integer, which is why their JSON form is a string. A Struct does not keep the order of fields.
    """
    return ParseDict(MessageToDict(config), Struct())


def config_of(made: WorkflowTask) -> Message:
    """Return the config of a task as the message of its kind, the inverse of `to_struct`."""
    return ParseDict(MessageToDict(made.task_config), CONFIGS[made.kind]())


def all_tasks(tasks: Sequence[WorkflowTask]) -> Iterator[tuple[WorkflowTask, Message]]:
    """Yield every task with its config, each followed by the tasks nested in it."""
    for each in tasks:
        config = config_of(each)
        yield each, config
        if isinstance(config, ForTaskConfig):
            yield from all_tasks(config.do)
        elif isinstance(config, ForkTaskConfig):
            for branch in config.branches:
                yield from all_tasks(branch.do)
        elif isinstance(config, TryTaskConfig):
            # For type checkers, getattr() returns Any here. Annotate it once.
            tried: Sequence[WorkflowTask] = getattr(config, "try")
            yield from all_tasks(tried)
            yield from all_tasks(config.catch.do)


def validate(workflow: Workflow) -> int:
    """Validate a workflow with the configs of all its tasks, and return how many tasks it has.

    Raises:
        protovalidate.ValidationError: The workflow or a config breaks a rule.
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

    # Set a field named like a keyword with setattr(), or getattr() if it is repeated.
    check_each = ForTaskConfig(
        each="order",
        do=[task("check", SetTaskConfig(variables={"valid": "${ .order.total > 0 }"}))],
    )
    setattr(check_each, "in", "${ .orders }")
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
        print("To see the workflow as YAML, install PyYAML: pip install pyyaml")
        return
    text = yaml.safe_dump(MessageToDict(workflow), sort_keys=False)
    print(text)
    read: dict[str, Any] = yaml.safe_load(text)
    print(f"Equal after reading it back from YAML: {ParseDict(read, Workflow()) == workflow}")


def main() -> None:
    workflow = weekly_report()
    print(f"Valid, with {validate(workflow)} tasks.\n")

    text = MessageToJson(workflow)
    print(text)
    read = Parse(text, Workflow())
    print(f"Equal after reading it back from JSON: {read == workflow}\n")
    show_as_yaml(workflow)

    check_orders, config = next(
        (each, config) for each, config in all_tasks(read.spec.tasks) if each.name == "check-orders"
    )
    assert isinstance(config, ForTaskConfig)
    print(f"\n{check_orders.name} runs for each {config.each} in {getattr(config, 'in')}")

    try:
        task("impatient", WaitTaskConfig(seconds=-1))
    except protovalidate.ValidationError as error:
        print(f"\nAn invalid config is rejected: {error}")


if __name__ == "__main__":
    main()
