// The messages of ../own_messages.py, through the typed API of protobufjs.

import { ai, type google } from "./gen/protobufjs/static.js";
import { allBytes } from "./peer.js";

const { AgentExecution, ExecutionPhase: AgentExecutionPhase, MessageType } = ai.stigmer.agentic.agentexecution.v1;
const { Environment } = ai.stigmer.agentic.environment.v1;
const { Workflow } = ai.stigmer.agentic.workflow.v1;
const { ExecutionPhase, WorkflowExecution } = ai.stigmer.agentic.workflowexecution.v1;
const { WorkflowTaskKind } = ai.stigmer.commons.apiresource;

const apiVersion = "agentic.stigmer.ai/v1";

export function ownMessages(library: string): Map<string, object> {
  const metadata = { name: `from-${library}`, labels: { library, ü: "日本" } };
  return new Map<string, object>([
    ["ai.stigmer.agentic.workflowexecution.v1.WorkflowExecution", workflowExecution(metadata)],
    ["ai.stigmer.agentic.agentexecution.v1.AgentExecution", agentExecution(metadata)],
    ["ai.stigmer.agentic.environment.v1.Environment", environment(metadata)],
    ["ai.stigmer.agentic.workflow.v1.Workflow", workflow(metadata)],
  ]);
}

type Metadata = ai.stigmer.commons.apiresource.ApiResourceMetadata.$Properties;

function workflowExecution(metadata: Metadata) {
  return WorkflowExecution.create({
    apiVersion,
    kind: "WorkflowExecution",
    metadata,
    spec: { workflowInstanceId: "win-1" },
    status: {
      phase: ExecutionPhase.EXECUTION_IN_PROGRESS,
      tasks: [
        {
          taskId: "task-1",
          output: struct({
            n: { numberValue: 1.5 },
            s: { stringValue: "x" },
            l: { listValue: { values: [{ boolValue: true }, { nullValue: 0 }] } },
          }),
        },
      ],
      temporalWorkflowId: "wf-1",
      callbackToken: allBytes,
    },
  });
}

function agentExecution(metadata: Metadata) {
  return AgentExecution.create({
    apiVersion,
    kind: "AgentExecution",
    metadata,
    status: {
      messages: [
        { type: MessageType.MESSAGE_HUMAN, content: "question" },
        {
          type: MessageType.MESSAGE_AI,
          content: "answer",
          toolCalls: [{ id: "call-1", name: "search", args: struct({ q: { stringValue: "x" } }) }],
        },
      ],
      phase: AgentExecutionPhase.EXECUTION_COMPLETED,
      callbackToken: allBytes,
    },
  });
}

function environment(metadata: Metadata) {
  return Environment.create({
    apiVersion,
    kind: "Environment",
    metadata,
    spec: {
      data: {
        URL: { value: "https://example.com" },
        PASSWORD: { value: "hunter2", isSecret: true },
      },
    },
  });
}

function workflow(metadata: Metadata) {
  return Workflow.create({
    apiVersion,
    kind: "Workflow",
    metadata,
    spec: {
      tasks: [
        {
          name: "set",
          kind: WorkflowTaskKind.WORKFLOW_TASK_KIND_SET,
          taskConfig: struct({
            variables: { structValue: struct({ a: { numberValue: 1 } }) },
          }),
        },
      ],
    },
  });
}

/** The static code knows Struct as a message like any other. */
function struct(fields: Record<string, google.protobuf.Value.$Properties>) {
  return { fields };
}
