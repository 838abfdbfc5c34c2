// Reads the Go structs of the handshake from JSON and writes them again, with encoding/json alone.
//
// Each line of the input is {"type": "input" or "output", "json": "..."}; each line of the output is
// {"json": "...", "token": "..."}, with the token in hex, or {"error": "..."}.
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
)

// TemporalWorkflowInput has no JSON tags: the keys are these names.
type TemporalWorkflowInput struct {
	WorkflowExecutionID string
	WorkflowYaml        string
	Metadata            *WorkflowMetadata
	InitialData         map[string]any
	EnvVars             map[string]any
	OrgId               string
	CallbackToken       []byte
}

type WorkflowMetadata struct {
	Name      string
	Namespace string
	Version   string
}

type TemporalWorkflowOutput struct {
	Result        any
	FinalState    map[string]any
	WorkflowName  string
	ExecutionID   string
	ExecutionTime any
}

type request struct {
	Type string `json:"type"`
	JSON string `json:"json"`
}

type answer struct {
	JSON  string `json:"json"`
	Token string `json:"token"`
	Error string `json:"error"`
}

func roundTrip(given request) answer {
	input, output := &TemporalWorkflowInput{}, &TemporalWorkflowOutput{}
	var target any = input
	if given.Type == "output" {
		target = output
	}
	if err := json.Unmarshal([]byte(given.JSON), target); err != nil {
		return answer{Error: err.Error()}
	}
	written, err := json.Marshal(target)
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{JSON: string(written), Token: hex.EncodeToString(input.CallbackToken)}
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var given request
		if err := json.Unmarshal(lines.Bytes(), &given); err != nil {
			fmt.Fprintln(os.Stderr, "handshakejson:", err)
			os.Exit(1)
		}
		written, err := json.Marshal(roundTrip(given))
		if err != nil {
			fmt.Fprintln(os.Stderr, "handshakejson:", err)
			os.Exit(1)
		}
		fmt.Println(string(written))
	}
}
