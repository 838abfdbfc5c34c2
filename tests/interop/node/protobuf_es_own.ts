// The messages of ../own_messages.py, through the typed API of protobuf-es.

import { create, type Message, type MessageInitShape } from "@bufbuild/protobuf";

import { AgentExecutionSchema } from "./gen/protobuf_es/ai/stigmer/agentic/agentexecution/v1/api_pb.js";
import { ExecutionPhase as AgentExecutionPhase, MessageType } from "./gen/protobuf_es/ai/stigmer/agentic/agentexecution/v1/enum_pb.js";
import { EnvironmentSchema } from "./gen/protobuf_es/ai/stigmer/agentic/environment/v1/api_pb.js";
import { WorkflowSchema } from "./gen/protobuf_es/ai/stigmer/agentic/workflow/v1/api_pb.js";
import { WorkflowExecutionSchema } from "./gen/protobuf_es/ai/stigmer/agentic/workflowexecution/v1/api_pb.js";
import { ExecutionPhase } from "./gen/protobuf_es/ai/stigmer/agentic/workflowexecution/v1/enum_pb.js";
import { WorkflowTaskKind } from "./gen/protobuf_es/ai/stigmer/commons/apiresource/enum_pb.js";
import type { ApiResourceMetadataSchema } from "./gen/protobuf_es/ai/stigmer/commons/apiresource/metadata_pb.js";
import { allBytes } from "./peer.js";

const apiVersion = "agentic.stigmer.ai/v1";
const metadata: MessageInitShape<typeof ApiResourceMetadataSchema> = {
  name: "from-protobuf-es",
  labels: { library: "protobuf-es", ü: "日本" },
};

export function ownMessages(): Map<string, Message> {
  const messages: Message[] = [workflowExecution(), agentExecution(), environment(), workflow()];
  return new Map(messages.map((message) => [message.$typeName, message]));
}

function workflowExecution() {
  return create(WorkflowExecutionSchema, {
    apiVersion,
    kind: "WorkflowExecution",
    metadata,
    spec: { workflowInstanceId: "win-1" },
    status: {
      phase: ExecutionPhase.EXECUTION_IN_PROGRESS,
      tasks: [{ taskId: "task-1", output: { n: 1.5, s: "x", l: [true, null] } }],
      temporalWorkflowId: "wf-1",
      callbackToken: allBytes,
    },
  });
}

function agentExecution() {
  return create(AgentExecutionSchema, {
    apiVersion,
    kind: "AgentExecution",
    metadata,
    status: {
      messages: [
        { type: MessageType.MESSAGE_HUMAN, content: "question" },
        {
          type: MessageType.MESSAGE_AI,
          content: "answer",
          toolCalls: [{ id: "call-1", name: "search", args: { q: "x" } }],
        },
      ],
      phase: AgentExecutionPhase.EXECUTION_COMPLETED,
      callbackToken: allBytes,
    },
  });
}

function environment() {
  return create(EnvironmentSchema, {
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

function workflow() {
  return create(WorkflowSchema, {
    apiVersion,
    kind: "Workflow",
    metadata,
    spec: {
      tasks: [
        {
          name: "set",
          kind: WorkflowTaskKind.SET,
          taskConfig: { variables: { a: 1 } },
        },
      ],
    },
  });
}
