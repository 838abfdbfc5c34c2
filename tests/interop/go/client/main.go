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

	found := map[string]observed{}
	for kind, calls := range map[string]caller{
		"WorkflowExecution": workflowCaller{
			workflowexecution.NewWorkflowExecutionCommandControllerClient(connection),
			workflowexecution.NewWorkflowExecutionQueryControllerClient(connection),
		},
		"AgentExecution": agentCaller{
			agentexecution.NewAgentExecutionCommandControllerClient(connection),
			agentexecution.NewAgentExecutionQueryControllerClient(connection),
		},
	} {
		if found[kind], err = observe(ctx, calls); err != nil {
			fail(fmt.Errorf("%s: %w", kind, err))
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		fail(err)
	}
}

func observe(ctx context.Context, calls caller) (observed, error) {
	var seen observed
	id, err := calls.create(ctx)
	if err != nil {
		return seen, err
	}
	seen.ID = id
	next, err := calls.subscribe(ctx, id)
	if err != nil {
		return seen, err
	}
	follow := func() error {
		phase, token, err := next()
		if err == nil {
			seen.PhasesFollowed = append(seen.PhasesFollowed, phase)
			seen.TokensFollowed = append(seen.TokensFollowed, token)
		}
		return err
	}
	if err := follow(); err != nil {
		return seen, err
	}
	seen.TokenAnswered, err = calls.report(ctx, id, "EXECUTION_IN_PROGRESS", allBytes())
	if err != nil {
		return seen, err
	}
	seen.TokenStored, err = calls.get(ctx, id)
	if err != nil {
		return seen, err
	}
	if _, err = calls.report(ctx, id, "EXECUTION_COMPLETED", nil); err != nil {
		return seen, err
	}
	if err := untilEnd(follow); err != nil {
		return seen, err
	}
	_, err = calls.get(ctx, "none-1")
	seen.UnknownID = describe(err)
	seen.NotServed = describe(calls.list(ctx))
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
