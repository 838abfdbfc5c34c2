#include "own_messages.h"

#include "ai/stigmer/agentic/agentexecution/v1/api.pb.h"
#include "ai/stigmer/agentic/environment/v1/api.pb.h"
#include "ai/stigmer/agentic/workflow/v1/api.pb.h"
#include "ai/stigmer/agentic/workflowexecution/v1/api.pb.h"

namespace {

namespace agentexecution = ai::stigmer::agentic::agentexecution::v1;
namespace environment = ai::stigmer::agentic::environment::v1;
namespace workflow = ai::stigmer::agentic::workflow::v1;
namespace workflowexecution = ai::stigmer::agentic::workflowexecution::v1;

std::string AllBytes() {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes.push_back(static_cast<char>(byte));
  return bytes;
}

// A resource with what all resources have in common.
template <typename Resource>
std::unique_ptr<Resource> New(const std::string& library) {
  auto resource = std::make_unique<Resource>();
  resource->set_api_version("agentic.stigmer.ai/v1");
  resource->set_kind(Resource::descriptor()->name());
  auto* metadata = resource->mutable_metadata();
  metadata->set_name("from-" + library);
  (*metadata->mutable_labels())["library"] = library;
  (*metadata->mutable_labels())["ü"] = "日本";
  return resource;
}

auto WorkflowExecution(const std::string& library) {
  auto execution = New<workflowexecution::WorkflowExecution>(library);
  execution->mutable_spec()->set_workflow_instance_id("win-1");
  auto* status = execution->mutable_status();
  status->set_phase(workflowexecution::EXECUTION_IN_PROGRESS);
  status->set_temporal_workflow_id("wf-1");
  status->set_callback_token(AllBytes());
  auto* task = status->add_tasks();
  task->set_task_id("task-1");
  auto& output = *task->mutable_output()->mutable_fields();
  output["n"].set_number_value(1.5);
  output["s"].set_string_value("x");
  auto* list = output["l"].mutable_list_value();
  list->add_values()->set_bool_value(true);
  list->add_values()->set_null_value(google::protobuf::NULL_VALUE);
  return execution;
}

auto AgentExecution(const std::string& library) {
  auto execution = New<agentexecution::AgentExecution>(library);
  auto* status = execution->mutable_status();
  status->set_phase(agentexecution::EXECUTION_COMPLETED);
  status->set_callback_token(AllBytes());
  auto* question = status->add_messages();
  question->set_type(agentexecution::MESSAGE_HUMAN);
  question->set_content("question");
  auto* answer = status->add_messages();
  answer->set_type(agentexecution::MESSAGE_AI);
  answer->set_content("answer");
  auto* call = answer->add_tool_calls();
  call->set_id("call-1");
  call->set_name("search");
  (*call->mutable_args()->mutable_fields())["q"].set_string_value("x");
  return execution;
}

auto Environment(const std::string& library) {
  auto resource = New<environment::Environment>(library);
  auto& data = *resource->mutable_spec()->mutable_data();
  data["URL"].set_value("https://example.com");
  data["PASSWORD"].set_value("hunter2");
  data["PASSWORD"].set_is_secret(true);
  return resource;
}

auto Workflow(const std::string& library) {
  auto resource = New<workflow::Workflow>(library);
  auto* task = resource->mutable_spec()->add_tasks();
  task->set_name("set");
  task->set_kind(ai::stigmer::commons::apiresource::WORKFLOW_TASK_KIND_SET);
  auto& config = *task->mutable_task_config()->mutable_fields();
  auto& variables = *config["variables"].mutable_struct_value()->mutable_fields();
  variables["a"].set_number_value(1);
  return resource;
}

}  // namespace

std::vector<std::unique_ptr<google::protobuf::Message>> OwnMessages(const std::string& library) {
  std::vector<std::unique_ptr<google::protobuf::Message>> messages;
  messages.push_back(WorkflowExecution(library));
  messages.push_back(AgentExecution(library));
  messages.push_back(Environment(library));
  messages.push_back(Workflow(library));
  return messages;
}
