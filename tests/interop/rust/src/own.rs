//! The messages of ../../own_messages.py, through the typed API of prost.

use std::collections::BTreeMap;

use prost::{Message, Name};
use prost_types::{ListValue, Struct, Value, value::Kind};

use crate::generated::ai::stigmer::{
    agentic::{
        agentexecution::v1 as agent_execution, environment::v1 as environment,
        workflow::v1 as workflow, workflowexecution::v1 as workflow_execution,
    },
    commons::apiresource::{ApiResourceMetadata, WorkflowTaskKind},
};

const LIBRARY: &str = "prost";
const API_VERSION: &str = "agentic.stigmer.ai/v1";

/// The messages in binary, each with its full name.
pub fn messages() -> [(String, Vec<u8>); 4] {
    [
        named(&workflow_execution()),
        named(&agent_execution()),
        named(&environment()),
        named(&workflow()),
    ]
}

fn named<M: Message + Name>(message: &M) -> (String, Vec<u8>) {
    (M::full_name(), message.encode_to_vec())
}

fn workflow_execution() -> workflow_execution::WorkflowExecution {
    use workflow_execution::*;

    WorkflowExecution {
        api_version: API_VERSION.into(),
        kind: "WorkflowExecution".into(),
        metadata: Some(metadata()),
        spec: Some(WorkflowExecutionSpec {
            workflow_instance_id: "win-1".into(),
            ..Default::default()
        }),
        status: Some(WorkflowExecutionStatus {
            phase: ExecutionPhase::ExecutionInProgress.into(),
            tasks: vec![WorkflowTask {
                task_id: "task-1".into(),
                output: Some(structure([
                    ("n", Kind::NumberValue(1.5)),
                    ("s", Kind::StringValue("x".into())),
                    ("l", list([Kind::BoolValue(true), Kind::NullValue(0)])),
                ])),
                ..Default::default()
            }],
            temporal_workflow_id: "wf-1".into(),
            callback_token: all_bytes(),
            ..Default::default()
        }),
    }
}

fn agent_execution() -> agent_execution::AgentExecution {
    use agent_execution::*;

    AgentExecution {
        api_version: API_VERSION.into(),
        kind: "AgentExecution".into(),
        metadata: Some(metadata()),
        status: Some(AgentExecutionStatus {
            messages: vec![
                AgentMessage {
                    r#type: MessageType::MessageHuman.into(),
                    content: "question".into(),
                    ..Default::default()
                },
                AgentMessage {
                    r#type: MessageType::MessageAi.into(),
                    content: "answer".into(),
                    tool_calls: vec![ToolCall {
                        id: "call-1".into(),
                        name: "search".into(),
                        args: Some(structure([("q", Kind::StringValue("x".into()))])),
                        ..Default::default()
                    }],
                    ..Default::default()
                },
            ],
            phase: ExecutionPhase::ExecutionCompleted.into(),
            callback_token: all_bytes(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn environment() -> environment::Environment {
    use environment::*;

    let url = EnvironmentValue { value: "https://example.com".into(), ..Default::default() };
    let password =
        EnvironmentValue { value: "hunter2".into(), is_secret: true, ..Default::default() };
    Environment {
        api_version: API_VERSION.into(),
        kind: "Environment".into(),
        metadata: Some(metadata()),
        spec: Some(EnvironmentSpec {
            data: BTreeMap::from([("URL".into(), url), ("PASSWORD".into(), password)]),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn workflow() -> workflow::Workflow {
    use workflow::*;

    let variables = Kind::StructValue(structure([("a", Kind::NumberValue(1.0))]));
    Workflow {
        api_version: API_VERSION.into(),
        kind: "Workflow".into(),
        metadata: Some(metadata()),
        spec: Some(WorkflowSpec {
            tasks: vec![WorkflowTask {
                name: "set".into(),
                kind: WorkflowTaskKind::Set.into(),
                task_config: Some(structure([("variables", variables)])),
                ..Default::default()
            }],
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn metadata() -> ApiResourceMetadata {
    ApiResourceMetadata {
        name: format!("from-{LIBRARY}"),
        labels: BTreeMap::from([("library".into(), LIBRARY.into()), ("ü".into(), "日本".into())]),
        ..Default::default()
    }
}

fn all_bytes() -> Vec<u8> {
    (0..=255).collect()
}

fn structure<const N: usize>(fields: [(&str, Kind); N]) -> Struct {
    Struct { fields: fields.map(|(name, kind)| (name.into(), value(kind))).into() }
}

fn list<const N: usize>(kinds: [Kind; N]) -> Kind {
    Kind::ListValue(ListValue { values: kinds.map(value).into() })
}

fn value(kind: Kind) -> Value {
    Value { kind: Some(kind) }
}
