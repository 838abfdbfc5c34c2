// A worker on the stock Go SDK: a caller with its external activity, a run, and system activities.
//
//	worker TEMPORAL
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

const queue = "go"

// Order is what a caller asks for; tests/handshake/handshake_workflows.py has the same fields.
type Order struct {
	Name        string `json:"name"`
	Number      int    `json:"number"`
	Fail        string `json:"fail"`
	Again       bool   `json:"again"`
	RunQueue    string `json:"run_queue"`
	SystemQueue string `json:"system_queue"`
}

type WorkflowMetadata struct {
	Name, Namespace, Version string
}

type TemporalWorkflowInput struct {
	WorkflowExecutionID string
	WorkflowYaml        string
	Metadata            *WorkflowMetadata
	InitialData         map[string]any
	EnvVars             map[string]any
	OrgId               string
	CallbackToken       []byte
}

type TemporalWorkflowOutput struct {
	Result        any
	FinalState    map[string]any
	WorkflowName  string
	ExecutionID   string
	ExecutionTime any
}

// ExternalError has text where Go has an error: an error marshals to {}.
type ExternalError struct {
	Message, Type string
	NonRetryable  bool
}

// Square is what a run returns. The caller reads the result into this type.
type Square struct {
	Number int `json:"number"`
	Square int `json:"square"`
}

// Caller returns what the external activity returns.
func Caller(ctx workflow.Context, order Order) (Square, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 2 * time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
	})
	var square Square
	err := workflow.ExecuteActivity(ctx, "RunExecution", order).Get(ctx, &square)
	return square, err
}

// Activities need a client: to start runs, and to end waits.
type Activities struct {
	client client.Client
}

// RunExecution is the external activity.
func (a *Activities) RunExecution(ctx context.Context, order Order) (Square, error) {
	options := client.StartWorkflowOptions{ID: "run-" + order.Name, TaskQueue: order.RunQueue}
	_, err := a.client.ExecuteWorkflow(ctx, options, "ExecuteServerlessWorkflow", TemporalWorkflowInput{
		// The report of a Python run leaves out executions of agents, and so this one.
		WorkflowExecutionID: "aex-" + order.Name,
		Metadata:            &WorkflowMetadata{Name: order.Name},
		InitialData: map[string]any{
			"number": order.Number, "fail": order.Fail, "again": order.Again,
			"system_queue": order.SystemQueue, "hold": false, "use_twice": false, "size": 0,
		},
		CallbackToken: activity.GetInfo(ctx).TaskToken,
	})
	if err != nil {
		return Square{}, err
	}
	return Square{}, activity.ErrResultPending
}

// CompleteExternalActivity hands on the result as it came. A parameter of type any could not hold a
// message: the converter would not know its type, and the activity would be retried for ever.
func (a *Activities) CompleteExternalActivity(
	ctx context.Context, token []byte, result converter.RawValue,
) error {
	if len(token) == 0 {
		return nil
	}
	return told(a.client.CompleteActivity(ctx, token, result, nil))
}

// FailExternalActivity fails the external activity with the error of the run.
func (a *Activities) FailExternalActivity(
	ctx context.Context, token []byte, failure ExternalError,
) error {
	if len(token) == 0 {
		return nil
	}
	return told(a.client.CompleteActivity(ctx, token, nil, temporal.NewApplicationErrorWithOptions(
		failure.Message, failure.Type,
		temporal.ApplicationErrorOptions{NonRetryable: failure.NonRetryable},
	)))
}

// told says what Temporal says of the token, in a way that is not retried.
func told(err error) error {
	if _, gone := err.(*serviceerror.NotFound); gone {
		return temporal.NewNonRetryableApplicationError(
			"nothing waits for the token", "ExternalActivityNotFound", nil)
	}
	return err
}

// ExecuteServerlessWorkflow squares a number and ends the wait.
func ExecuteServerlessWorkflow(
	ctx workflow.Context, given TemporalWorkflowInput,
) (TemporalWorkflowOutput, error) {
	data := given.InitialData
	if data["again"] == true {
		data["again"] = false
		// The input as a whole: built anew field by field, it would lose the token.
		return TemporalWorkflowOutput{}, workflow.NewContinueAsNewError(
			ctx, "ExecuteServerlessWorkflow", given)
	}
	number := int(data["number"].(float64))
	result := Square{number, number * number}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           data["system_queue"].(string),
		StartToCloseTimeout: 15 * time.Second,
	})
	name, answer := "CompleteExternalActivity", any(result)
	if fail := data["fail"].(string); fail != "" {
		name, answer = "FailExternalActivity", ExternalError{Message: fail, Type: "SquareRootOfNothing"}
	}
	err := workflow.ExecuteActivity(ctx, name, given.CallbackToken, answer).Get(ctx, nil)
	return TemporalWorkflowOutput{
		Result:      result,
		FinalState:  map[string]any{"told": err == nil},
		ExecutionID: given.WorkflowExecutionID,
	}, nil
}

func main() {
	connection, err := client.Dial(client.Options{HostPort: os.Args[1]})
	if err != nil {
		log.Fatalln("no connection to Temporal:", err)
	}
	defer connection.Close()
	running := worker.New(connection, queue, worker.Options{})
	running.RegisterWorkflowWithOptions(Caller, workflow.RegisterOptions{Name: "Caller"})
	running.RegisterWorkflow(ExecuteServerlessWorkflow)
	running.RegisterActivity(&Activities{connection})
	fmt.Println("polling")
	if err := running.Run(worker.InterruptCh()); err != nil {
		log.Fatalln(err)
	}
}
