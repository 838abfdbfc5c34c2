// Client starts an execution of each kind at the server whose address it is given, reports a token
// and the end by updateStatus, and prints as JSON what came back, for Python to judge.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	agentexecution "stigmer.example/stubs/ai/stigmer/agentic/agentexecution/v1"
	workflowexecution "stigmer.example/stubs/ai/stigmer/agentic/workflowexecution/v1"
	"stigmer.example/stubs/ai/stigmer/commons/apiresource"
)

const timeout = 20 * time.Second

// What a client saw of one execution. Bytes are base64 in JSON.
type observed struct {
	ID             string   `json:"id"`
	TokenAnswered  []byte   `json:"token_answered"`
	TokenStored    []byte   `json:"token_stored"`
	PhasesFollowed []string `json:"phases_followed"`
	TokensFollowed [][]byte `json:"tokens_followed"`
	UnknownID      failure  `json:"unknown_id"`
	NotServed      failure  `json:"not_served"`
}

type failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func main() {
	if len(os.Args) != 2 {
		fail(errors.New("usage: client <address>"))
	}
	connection, err := grpc.NewClient(
		os.Args[1],
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithNoProxy(),
	)
	if err != nil {
		fail(err)
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()

	workflow, err := runWorkflow(ctx, connection)
	if err != nil {
		fail(fmt.Errorf("workflow execution: %w", err))
	}
	agent, err := runAgent(ctx, connection)
	if err != nil {
		fail(fmt.Errorf("agent execution: %w", err))
	}
	err = json.NewEncoder(os.Stdout).Encode(map[string]observed{
		"WorkflowExecution": workflow,
		"AgentExecution":    agent,
	})
	if err != nil {
		fail(err)
	}
}

func runWorkflow(ctx context.Context, connection grpc.ClientConnInterface) (observed, error) {
	var seen observed
	commands := workflowexecution.NewWorkflowExecutionCommandControllerClient(connection)
	queries := workflowexecution.NewWorkflowExecutionQueryControllerClient(connection)
	created, err := commands.Create(ctx, &workflowexecution.WorkflowExecution{
		ApiVersion: "agentic.stigmer.ai/v1",
		Kind:       "WorkflowExecution",
		Metadata:   &apiresource.ApiResourceMetadata{Name: "from Go"},
		Spec:       &workflowexecution.WorkflowExecutionSpec{WorkflowInstanceId: "win-1"},
	})
	if err != nil {
		return seen, err
	}
	seen.ID = created.Metadata.Id
	stream, err := queries.Subscribe(
		ctx, &workflowexecution.SubscribeWorkflowExecutionRequest{ExecutionId: seen.ID})
	if err != nil {
		return seen, err
	}
	follow := func() error {
		execution, err := stream.Recv()
		if err == nil {
			seen.PhasesFollowed = append(seen.PhasesFollowed, execution.Status.Phase.String())
			seen.TokensFollowed = append(seen.TokensFollowed, execution.Status.CallbackToken)
		}
		return err
	}
	if err := follow(); err != nil {
		return seen, err
	}
	answer, err := commands.UpdateStatus(ctx, &workflowexecution.WorkflowExecutionUpdateStatusInput{
		ExecutionId: seen.ID,
		Status: &workflowexecution.WorkflowExecutionStatus{
			Phase:         workflowexecution.ExecutionPhase_EXECUTION_IN_PROGRESS,
			CallbackToken: allBytes(),
		},
	})
	if err != nil {
		return seen, err
	}
	seen.TokenAnswered = answer.Status.CallbackToken
	stored, err := queries.Get(ctx, &workflowexecution.WorkflowExecutionId{Value: seen.ID})
	if err != nil {
		return seen, err
	}
	seen.TokenStored = stored.Status.CallbackToken
	_, err = commands.UpdateStatus(ctx, &workflowexecution.WorkflowExecutionUpdateStatusInput{
		ExecutionId: seen.ID,
		Status: &workflowexecution.WorkflowExecutionStatus{
			Phase: workflowexecution.ExecutionPhase_EXECUTION_COMPLETED,
		},
	})
	if err != nil {
		return seen, err
	}
	if err := untilEnd(follow); err != nil {
		return seen, err
	}
	_, err = queries.Get(ctx, &workflowexecution.WorkflowExecutionId{Value: "none-1"})
	seen.UnknownID = describe(err)
	_, err = queries.List(ctx, &workflowexecution.ListWorkflowExecutionsRequest{})
	seen.NotServed = describe(err)
	return seen, nil
}

func runAgent(ctx context.Context, connection grpc.ClientConnInterface) (observed, error) {
	var seen observed
	commands := agentexecution.NewAgentExecutionCommandControllerClient(connection)
	queries := agentexecution.NewAgentExecutionQueryControllerClient(connection)
	created, err := commands.Create(ctx, &agentexecution.AgentExecution{
		ApiVersion: "agentic.stigmer.ai/v1",
		Kind:       "AgentExecution",
		Metadata:   &apiresource.ApiResourceMetadata{Name: "from Go"},
		Spec:       &agentexecution.AgentExecutionSpec{SessionId: "ses-1", Message: "hello"},
	})
	if err != nil {
		return seen, err
	}
	seen.ID = created.Metadata.Id
	stream, err := queries.Subscribe(ctx, &agentexecution.AgentExecutionId{Value: seen.ID})
	if err != nil {
		return seen, err
	}
	follow := func() error {
		execution, err := stream.Recv()
		if err == nil {
			seen.PhasesFollowed = append(seen.PhasesFollowed, execution.Status.Phase.String())
			seen.TokensFollowed = append(seen.TokensFollowed, execution.Status.CallbackToken)
		}
		return err
	}
	if err := follow(); err != nil {
		return seen, err
	}
	answer, err := commands.UpdateStatus(ctx, &agentexecution.AgentExecutionUpdateStatusInput{
		ExecutionId: seen.ID,
		Status: &agentexecution.AgentExecutionStatus{
			Phase:         agentexecution.ExecutionPhase_EXECUTION_IN_PROGRESS,
			CallbackToken: allBytes(),
		},
	})
	if err != nil {
		return seen, err
	}
	seen.TokenAnswered = answer.Status.CallbackToken
	stored, err := queries.Get(ctx, &agentexecution.AgentExecutionId{Value: seen.ID})
	if err != nil {
		return seen, err
	}
	seen.TokenStored = stored.Status.CallbackToken
	_, err = commands.UpdateStatus(ctx, &agentexecution.AgentExecutionUpdateStatusInput{
		ExecutionId: seen.ID,
		Status: &agentexecution.AgentExecutionStatus{
			Phase: agentexecution.ExecutionPhase_EXECUTION_COMPLETED,
		},
	})
	if err != nil {
		return seen, err
	}
	if err := untilEnd(follow); err != nil {
		return seen, err
	}
	_, err = queries.Get(ctx, &agentexecution.AgentExecutionId{Value: "none-1"})
	seen.UnknownID = describe(err)
	_, err = queries.List(ctx, &agentexecution.ListAgentExecutionsRequest{})
	seen.NotServed = describe(err)
	return seen, nil
}

// untilEnd calls follow until the server ends the stream, as it does after the last phase.
func untilEnd(follow func() error) error {
	for {
		if err := follow(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func describe(err error) failure {
	answered := status.Convert(err)
	return failure{Code: answered.Code().String(), Message: answered.Message()}
}

func allBytes() []byte {
	token := make([]byte, 256)
	for i := range token {
		token[i] = byte(i)
	}
	return token
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "client:", err)
	os.Exit(1)
}
