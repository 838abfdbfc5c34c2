package main

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	agentexecution "stigmer.example/stubs/ai/stigmer/agentic/agentexecution/v1"
	environment "stigmer.example/stubs/ai/stigmer/agentic/environment/v1"
	workflow "stigmer.example/stubs/ai/stigmer/agentic/workflow/v1"
	workflowexecution "stigmer.example/stubs/ai/stigmer/agentic/workflowexecution/v1"
	"stigmer.example/stubs/ai/stigmer/commons/apiresource"
)

const (
	apiVersion = "agentic.stigmer.ai/v1"
	library    = "protobuf-go"
)

// ownMessages are those of tests/interop/own_messages.py.
func ownMessages() []proto.Message {
	return []proto.Message{
		&workflowexecution.WorkflowExecution{
			ApiVersion: apiVersion,
			Kind:       "WorkflowExecution",
			Metadata:   metadata(),
			Spec:       &workflowexecution.WorkflowExecutionSpec{WorkflowInstanceId: "win-1"},
			Status: &workflowexecution.WorkflowExecutionStatus{
				Phase: workflowexecution.ExecutionPhase_EXECUTION_IN_PROGRESS,
				Tasks: []*workflowexecution.WorkflowTask{{
					TaskId: "task-1",
					Output: object(map[string]any{"n": 1.5, "s": "x", "l": []any{true, nil}}),
				}},
				TemporalWorkflowId: "wf-1",
				CallbackToken:      allBytes(),
			},
		},
		&agentexecution.AgentExecution{
			ApiVersion: apiVersion,
			Kind:       "AgentExecution",
			Metadata:   metadata(),
			Status: &agentexecution.AgentExecutionStatus{
				Messages: []*agentexecution.AgentMessage{
					{Type: agentexecution.MessageType_MESSAGE_HUMAN, Content: "question"},
					{
						Type:    agentexecution.MessageType_MESSAGE_AI,
						Content: "answer",
						ToolCalls: []*agentexecution.ToolCall{
							{Id: "call-1", Name: "search", Args: object(map[string]any{"q": "x"})},
						},
					},
				},
				Phase:         agentexecution.ExecutionPhase_EXECUTION_COMPLETED,
				CallbackToken: allBytes(),
			},
		},
		&environment.Environment{
			ApiVersion: apiVersion,
			Kind:       "Environment",
			Metadata:   metadata(),
			Spec: &environment.EnvironmentSpec{
				Data: map[string]*environment.EnvironmentValue{
					"URL":      {Value: "https://example.com"},
					"PASSWORD": {Value: "hunter2", IsSecret: true},
				},
			},
		},
		&workflow.Workflow{
			ApiVersion: apiVersion,
			Kind:       "Workflow",
			Metadata:   metadata(),
			Spec: &workflow.WorkflowSpec{
				Tasks: []*workflow.WorkflowTask{{
					Name:       "set",
					Kind:       apiresource.WorkflowTaskKind_WORKFLOW_TASK_KIND_SET,
					TaskConfig: object(map[string]any{"variables": map[string]any{"a": 1}}),
				}},
			},
		},
	}
}

func metadata() *apiresource.ApiResourceMetadata {
	return &apiresource.ApiResourceMetadata{
		Name:   "from-" + library,
		Labels: map[string]string{"library": library, "ü": "日本"},
	}
}

func object(fields map[string]any) *structpb.Struct {
	made, err := structpb.NewStruct(fields)
	if err != nil {
		fail(err)
	}
	return made
}

func allBytes() []byte {
	token := make([]byte, 256)
	for i := range token {
		token[i] = byte(i)
	}
	return token
}
