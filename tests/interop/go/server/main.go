// Server serves the execution services on a port of its own, which it prints, until its standard
// input ends. It stores executions and merges reports as the comments of the contract say, like
// tests/services/execution_services.py; the RPCs left out answer UNIMPLEMENTED.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"

	"google.golang.org/grpc"
	agentexecution "stigmer.example/stubs/ai/stigmer/agentic/agentexecution/v1"
	workflowexecution "stigmer.example/stubs/ai/stigmer/agentic/workflowexecution/v1"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
	server := grpc.NewServer()
	workflowExecutions := newStore[*workflowexecution.WorkflowExecution]("wex")
	agentExecutions := newStore[*agentexecution.AgentExecution]("aex")
	workflowexecution.RegisterWorkflowExecutionCommandControllerServer(
		server, &workflowCommands{store: workflowExecutions})
	workflowexecution.RegisterWorkflowExecutionQueryControllerServer(
		server, &workflowQueries{store: workflowExecutions})
	agentexecution.RegisterAgentExecutionCommandControllerServer(
		server, &agentCommands{store: agentExecutions})
	agentexecution.RegisterAgentExecutionQueryControllerServer(
		server, &agentQueries{store: agentExecutions})

	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		server.Stop()
	}()
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	if err := server.Serve(listener); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

type workflowCommands struct {
	workflowexecution.UnimplementedWorkflowExecutionCommandControllerServer
	store *store[*workflowexecution.WorkflowExecution]
}

func (s *workflowCommands) Create(
	_ context.Context, request *workflowexecution.WorkflowExecution,
) (*workflowexecution.WorkflowExecution, error) {
	request.Status = &workflowexecution.WorkflowExecutionStatus{
		Phase: workflowexecution.ExecutionPhase_EXECUTION_PENDING,
	}
	request.Metadata.Id = s.store.nextID()
	return s.store.put(request.Metadata.Id, request), nil
}

func (s *workflowCommands) UpdateStatus(
	_ context.Context, request *workflowexecution.WorkflowExecutionUpdateStatusInput,
) (*workflowexecution.WorkflowExecution, error) {
	return s.store.report(request.ExecutionId, request.Status)
}

type workflowQueries struct {
	workflowexecution.UnimplementedWorkflowExecutionQueryControllerServer
	store *store[*workflowexecution.WorkflowExecution]
}

func (s *workflowQueries) Get(
	_ context.Context, request *workflowexecution.WorkflowExecutionId,
) (*workflowexecution.WorkflowExecution, error) {
	return s.store.get(request.Value)
}

func (s *workflowQueries) Subscribe(
	request *workflowexecution.SubscribeWorkflowExecutionRequest,
	stream grpc.ServerStreamingServer[workflowexecution.WorkflowExecution],
) error {
	return s.store.follow(stream.Context(), request.ExecutionId,
		func(execution *workflowexecution.WorkflowExecution) (bool, error) {
			phase := execution.Status.Phase
			return phase >= workflowexecution.ExecutionPhase_EXECUTION_COMPLETED, stream.Send(execution)
		})
}

type agentCommands struct {
	agentexecution.UnimplementedAgentExecutionCommandControllerServer
	store *store[*agentexecution.AgentExecution]
}

func (s *agentCommands) Create(
	_ context.Context, request *agentexecution.AgentExecution,
) (*agentexecution.AgentExecution, error) {
	request.Status = &agentexecution.AgentExecutionStatus{
		Phase: agentexecution.ExecutionPhase_EXECUTION_PENDING,
	}
	request.Metadata.Id = s.store.nextID()
	return s.store.put(request.Metadata.Id, request), nil
}

func (s *agentCommands) UpdateStatus(
	_ context.Context, request *agentexecution.AgentExecutionUpdateStatusInput,
) (*agentexecution.AgentExecution, error) {
	return s.store.report(request.ExecutionId, request.Status)
}

type agentQueries struct {
	agentexecution.UnimplementedAgentExecutionQueryControllerServer
	store *store[*agentexecution.AgentExecution]
}

func (s *agentQueries) Get(
	_ context.Context, request *agentexecution.AgentExecutionId,
) (*agentexecution.AgentExecution, error) {
	return s.store.get(request.Value)
}

func (s *agentQueries) Subscribe(
	request *agentexecution.AgentExecutionId,
	stream grpc.ServerStreamingServer[agentexecution.AgentExecution],
) error {
	return s.store.follow(stream.Context(), request.Value,
		func(execution *agentexecution.AgentExecution) (bool, error) {
			phase := execution.Status.Phase
			return phase >= agentexecution.ExecutionPhase_EXECUTION_COMPLETED, stream.Send(execution)
		})
}
