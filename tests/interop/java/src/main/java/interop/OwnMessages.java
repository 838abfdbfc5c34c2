package interop;

import ai.stigmer.agentic.agentexecution.v1.Api.AgentExecution;
import ai.stigmer.agentic.agentexecution.v1.Api.AgentExecutionStatus;
import ai.stigmer.agentic.agentexecution.v1.Api.AgentMessage;
import ai.stigmer.agentic.agentexecution.v1.Api.ToolCall;
import ai.stigmer.agentic.agentexecution.v1.Enum.MessageType;
import ai.stigmer.agentic.environment.v1.Api.Environment;
import ai.stigmer.agentic.environment.v1.Spec.EnvironmentSpec;
import ai.stigmer.agentic.environment.v1.Spec.EnvironmentValue;
import ai.stigmer.agentic.workflow.v1.Api.Workflow;
import ai.stigmer.agentic.workflow.v1.Spec.WorkflowSpec;
import ai.stigmer.agentic.workflowexecution.v1.Api.WorkflowExecution;
import ai.stigmer.agentic.workflowexecution.v1.Api.WorkflowExecutionStatus;
import ai.stigmer.agentic.workflowexecution.v1.Api.WorkflowTask;
import ai.stigmer.agentic.workflowexecution.v1.Enum.ExecutionPhase;
import ai.stigmer.agentic.workflowexecution.v1.Spec.WorkflowExecutionSpec;
import ai.stigmer.commons.apiresource.Enum.WorkflowTaskKind;
import ai.stigmer.commons.apiresource.Metadata.ApiResourceMetadata;
import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import com.google.protobuf.util.Structs;
import com.google.protobuf.util.Values;
import java.util.List;

/** The messages of own_messages.py. */
final class OwnMessages {
  private static final String API_VERSION = "agentic.stigmer.ai/v1";

  static List<Message> all(String library) {
    ApiResourceMetadata metadata =
        ApiResourceMetadata.newBuilder()
            .setName("from-" + library)
            .putLabels("library", library)
            .putLabels("ü", "日本")
            .build();
    return List.of(
        workflowExecution(metadata),
        agentExecution(metadata),
        environment(metadata),
        workflow(metadata));
  }

  private static Message workflowExecution(ApiResourceMetadata metadata) {
    return WorkflowExecution.newBuilder()
        .setApiVersion(API_VERSION)
        .setKind("WorkflowExecution")
        .setMetadata(metadata)
        .setSpec(WorkflowExecutionSpec.newBuilder().setWorkflowInstanceId("win-1"))
        .setStatus(
            WorkflowExecutionStatus.newBuilder()
                .setPhase(ExecutionPhase.EXECUTION_IN_PROGRESS)
                .setTemporalWorkflowId("wf-1")
                .setCallbackToken(allBytes())
                .addTasks(
                    WorkflowTask.newBuilder()
                        .setTaskId("task-1")
                        .setOutput(
                            Structs.of(
                                "n", Values.of(1.5),
                                "s", Values.of("x"),
                                "l", Values.of(List.of(Values.of(true), Values.ofNull()))))))
        .build();
  }

  private static Message agentExecution(ApiResourceMetadata metadata) {
    ToolCall call =
        ToolCall.newBuilder()
            .setId("call-1")
            .setName("search")
            .setArgs(Structs.of("q", Values.of("x")))
            .build();
    return AgentExecution.newBuilder()
        .setApiVersion(API_VERSION)
        .setKind("AgentExecution")
        .setMetadata(metadata)
        .setStatus(
            AgentExecutionStatus.newBuilder()
                .addMessages(
                    AgentMessage.newBuilder()
                        .setType(MessageType.MESSAGE_HUMAN)
                        .setContent("question"))
                .addMessages(
                    AgentMessage.newBuilder()
                        .setType(MessageType.MESSAGE_AI)
                        .setContent("answer")
                        .addToolCalls(call))
                .setPhase(
                    ai.stigmer.agentic.agentexecution.v1.Enum.ExecutionPhase.EXECUTION_COMPLETED)
                .setCallbackToken(allBytes()))
        .build();
  }

  private static Message environment(ApiResourceMetadata metadata) {
    return Environment.newBuilder()
        .setApiVersion(API_VERSION)
        .setKind("Environment")
        .setMetadata(metadata)
        .setSpec(
            EnvironmentSpec.newBuilder()
                .putData(
                    "URL", EnvironmentValue.newBuilder().setValue("https://example.com").build())
                .putData(
                    "PASSWORD",
                    EnvironmentValue.newBuilder().setValue("hunter2").setIsSecret(true).build()))
        .build();
  }

  private static Message workflow(ApiResourceMetadata metadata) {
    return Workflow.newBuilder()
        .setApiVersion(API_VERSION)
        .setKind("Workflow")
        .setMetadata(metadata)
        .setSpec(
            WorkflowSpec.newBuilder()
                .addTasks(
                    ai.stigmer.agentic.workflow.v1.Spec.WorkflowTask.newBuilder()
                        .setName("set")
                        .setKind(WorkflowTaskKind.WORKFLOW_TASK_KIND_SET)
                        .setTaskConfig(
                            Structs.of("variables", Values.of(Structs.of("a", Values.of(1)))))))
        .build();
  }

  private static ByteString allBytes() {
    byte[] bytes = new byte[256];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) i;
    }
    return ByteString.copyFrom(bytes);
  }

  private OwnMessages() {}
}
