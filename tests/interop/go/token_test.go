// Package interop holds what is checked of the generated Go code itself.
package interop

import (
	"reflect"
	"testing"

	agentexecution "stigmer.example/stubs/ai/stigmer/agentic/agentexecution/v1"
	workflowexecution "stigmer.example/stubs/ai/stigmer/agentic/workflowexecution/v1"
)

// Go services keep the token as it comes from Temporal, a []byte, and encoding/json follows the tag.
func TestCallbackTokenIsBytesUnderItsNumberAndName(t *testing.T) {
	for _, expected := range []struct {
		status any
		tag    reflect.StructTag
	}{
		{
			workflowexecution.WorkflowExecutionStatus{},
			`protobuf:"bytes,11,opt,name=callback_token,json=callbackToken,proto3" json:"callback_token,omitempty"`,
		},
		{
			agentexecution.AgentExecutionStatus{},
			`protobuf:"bytes,10,opt,name=callback_token,json=callbackToken,proto3" json:"callback_token,omitempty"`,
		},
	} {
		status := reflect.TypeOf(expected.status)
		field, found := status.FieldByName("CallbackToken")
		if !found {
			t.Errorf("%v has no field CallbackToken", status)
			continue
		}
		if field.Type != reflect.TypeFor[[]byte]() {
			t.Errorf("%v.CallbackToken is %v, not []byte", status, field.Type)
		}
		if field.Tag != expected.tag {
			t.Errorf("%v.CallbackToken has the tag\n%s, not\n%s", status, field.Tag, expected.tag)
		}
	}
}
