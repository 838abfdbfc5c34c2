"""The table of ratios and their limits. A limit is for the kind of machine that runs CI."""

from __future__ import annotations

from google.protobuf.json_format import MessageToJson

from benchmarks import subjects
from benchmarks.sampler import Ratio
from stigmer_apis.redaction import redacted_copy, to_json
from stigmer_apis.redaction._masking import own_text

_V1 = "from stigmer_apis.agentic.workflowexecution.v1 import"
_ONE_MESSAGE = subjects.imports(
    f"{_V1} WorkflowExecution", "from google.protobuf import descriptor, message"
)
_ONE_STUB = subjects.imports(f"{_V1} WorkflowExecutionQueryControllerStub", "import grpc")
_EXECUTION = subjects.texts(subjects.execution, str, own_text)
_CONTEXT = subjects.texts(subjects.context, str, own_text)
_COPY = subjects.texts(subjects.execution, redacted_copy, own_text)
_JSON = subjects.texts(subjects.execution, to_json, MessageToJson)

RATIOS = (
    Ratio("import of one message / of google.protobuf's message and descriptor", _ONE_MESSAGE, 3.0),
    Ratio("import of one gRPC stub / of grpc", _ONE_STUB),
    Ratio(
        "data converter reading an execution / Temporal's stock converter", subjects.converters, 0.6
    ),
    Ratio("masked str() of an execution / protobuf's own", _EXECUTION, 1.3),
    Ratio("masked str() of 50 values, half secret / protobuf's own", _CONTEXT, 1.3),
    Ratio("redacted_copy of an execution / protobuf's own str()", _COPY),
    Ratio("to_json of an execution / MessageToJson", _JSON),
    Ratio("validation of an execution / with its Structs visited", subjects.validation, 0.7),
    Ratio("generation from scratch / one bare protoc", subjects.generators, 4, rounds=3),
    Ratio(
        "time of the schema rules, as a power of the number of messages",
        subjects.schema_rules,
        limit=1.2,
        rounds=3,
        figure=subjects.exponent,
    ),
    Ratio("bytes of the wheel / messages", subjects.wheel, 3270, rounds=1),
)
