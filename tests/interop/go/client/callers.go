package main

import (
	"context"

	agentexecution "stigmer.example/stubs/ai/stigmer/agentic/agentexecution/v1"
	workflowexecution "stigmer.example/stubs/ai/stigmer/agentic/workflowexecution/v1"
	"stigmer.example/stubs/ai/stigmer/commons/apiresource"
)

// A caller makes the calls of one kind of execution; each kind has types of its own.
type caller interface {
	// create starts an execution and returns its ID.
	create(ctx context.Context) (string, error)
	subscribe(ctx context.Context, id string) (next, error)
	// report sends a phase, by its name, and a token, and returns the token in the answer.
	report(ctx context.Context, id string, phase string, token []byte) ([]byte, error)
	// get returns the token that is stored.
	get(ctx context.Context, id string) ([]byte, error)
	// list calls an RPC that the server leaves out.
	list(ctx context.Context) error
}

// A next waits for the next change of an execution, and returns its phase and its token.
type next func() (string, []byte, error)

type workflowCaller struct {
	commands workflowexecution.WorkflowExecutionCommandControllerClient
	queries  workflowexecution.WorkflowExecutionQueryControllerClient
}

func (c workflowCaller) create(ctx context.Context) (string, error) {
	created, err := c.commands.Create(ctx, &workflowexecution.WorkflowExecution{
		ApiVersion: "agentic.stigmer.ai/v1",
		Kind:       "WorkflowExecution",
		Metadata:   &apiresource.ApiResourceMetadata{Name: "from Go"},
		Spec:       &workflowexecution.WorkflowExecutionSpec{WorkflowInstanceId: "win-1"},
	})
	return created.GetMetadata().GetId(), err
}

func (c workflowCaller) subscribe(ctx context.Context, id string) (next, error) {
	stream, err := c.queries.Subscribe(ctx, &workflowexecution.SubscribeWorkflowExecutionRequest{ExecutionId: id})
	return func() (string, []byte, error) {
		execution, err := stream.Recv()
		return execution.GetStatus().GetPhase().String(), execution.GetStatus().GetCallbackToken(), err
	}, err
}

func (c workflowCaller) report(
	ctx context.Context, id string, phase string, token []byte,
) ([]byte, error) {
	answer, err := c.commands.UpdateStatus(ctx, &workflowexecution.WorkflowExecutionUpdateStatusInput{
		ExecutionId: id,
		Status: &workflowexecution.WorkflowExecutionStatus{
			Phase:         workflowexecution.ExecutionPhase(workflowexecution.ExecutionPhase_value[phase]),
			CallbackToken: token,
		},
	})
	return answer.GetStatus().GetCallbackToken(), err
}

func (c workflowCaller) get(ctx context.Context, id string) ([]byte, error) {
	stored, err := c.queries.Get(ctx, &workflowexecution.WorkflowExecutionId{Value: id})
	return stored.GetStatus().GetCallbackToken(), err
}

func (c workflowCaller) list(ctx context.Context) error {
	_, err := c.queries.List(ctx, &workflowexecution.ListWorkflowExecutionsRequest{})
	return err
}

type agentCaller struct {
	commands agentexecution.AgentExecutionCommandControllerClient
	queries  agentexecution.AgentExecutionQueryControllerClient
}

func (c agentCaller) create(ctx context.Context) (string, error) {
	created, err := c.commands.Create(ctx, &agentexecution.AgentExecution{
		ApiVersion: "agentic.stigmer.ai/v1",
		Kind:       "AgentExecution",
		Metadata:   &apiresource.ApiResourceMetadata{Name: "from Go"},
		Spec:       &agentexecution.AgentExecutionSpec{SessionId: "ses-1", Message: "hello"},
	})
	return created.GetMetadata().GetId(), err
}

func (c agentCaller) subscribe(ctx context.Context, id string) (next, error) {
	stream, err := c.queries.Subscribe(ctx, &agentexecution.AgentExecutionId{Value: id})
	return func() (string, []byte, error) {
		execution, err := stream.Recv()
		return execution.GetStatus().GetPhase().String(), execution.GetStatus().GetCallbackToken(), err
	}, err
}

func (c agentCaller) report(
	ctx context.Context, id string, phase string, token []byte,
) ([]byte, error) {
	answer, err := c.commands.UpdateStatus(ctx, &agentexecution.AgentExecutionUpdateStatusInput{
		ExecutionId: id,
		Status: &agentexecution.AgentExecutionStatus{
			Phase:         agentexecution.ExecutionPhase(agentexecution.ExecutionPhase_value[phase]),
			CallbackToken: token,
		},
	})
	return answer.GetStatus().GetCallbackToken(), err
}

func (c agentCaller) get(ctx context.Context, id string) ([]byte, error) {
	stored, err := c.queries.Get(ctx, &agentexecution.AgentExecutionId{Value: id})
	return stored.GetStatus().GetCallbackToken(), err
}

func (c agentCaller) list(ctx context.Context) error {
	_, err := c.queries.List(ctx, &agentexecution.ListAgentExecutionsRequest{})
	return err
}
