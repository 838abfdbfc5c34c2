"""The ratios and their limits. A limit is for the kind of machine that runs CI."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from google.protobuf.json_format import MessageToJson

from benchmarks import peers, subjects
from benchmarks.peers import OTHERS, OURS, PLAIN, Library
from benchmarks.sampler import Contender, Ratio
from stigmer_apis.redaction import redacted_copy, to_json
from stigmer_apis.redaction._masking import own_text

BIG, HUGE = 1083, 5061
"""Numbers of messages to which a contract may grow."""
IMPORT = "import a message"
_RUNTIME = "google.protobuf.internal.builder"
_EXECUTION = subjects.texts(subjects.execution, str, own_text)
_CONTEXT = subjects.texts(subjects.context, str, own_text)
_COPY = subjects.texts(subjects.execution, redacted_copy, own_text)
_JSON = subjects.texts(subjects.execution, to_json, partial(MessageToJson, indent=None))


def _beside_plain(
    what: str,
    of: Callable[[Library], Contender],
    library: Library = OURS,
    limit: float | None = None,
    rounds: int = 15,
) -> Ratio:
    name = f"{what}: {library.name} / {PLAIN.name}"
    return Ratio(name, lambda: [of(library), of(PLAIN)], limit, rounds)


def _messages(library: Library, limit: float | None, rounds: int) -> dict[str, Ratio]:
    """Return the ratios of what everybody does with messages, by what that is."""
    found = {
        name: _beside_plain(name, partial(peers.operation, name=name), library, limit, rounds)
        for name in peers.OPERATIONS
    }
    return found | {IMPORT: _beside_plain(IMPORT, peers.imports, library, rounds=rounds)}


def _growth(
    what: str, of: Callable[[int], Sequence[Contender]], size: int, limit: float | None = None
) -> Ratio:
    name = f"time of {what} at {size:,} messages, as a power of their number"
    return Ratio(name, partial(of, size), limit, 3, partial(subjects.exponent, size))


def _checks(checker: str) -> list[Ratio]:
    typed, name = partial(peers.check, checker), f"{checker} on a small program"
    untyped = partial(peers.check, checker, typed=False)
    without = Ratio(
        f"{name}: {OURS.name} / no types", lambda: [typed(OURS), untyped(PLAIN)], rounds=5
    )
    return [_beside_plain(name, typed, rounds=5), without]


def _published(name: str) -> list[Ratio]:
    size = f"bytes of Python and .proto files, compressed / messages: {name}"
    return [
        Ratio(f"{IMPORT}: {name} / {PLAIN.name}", partial(peers.published_import, name), rounds=5),
        Ratio(size, partial(peers.published_size, name), rounds=1),
    ]


MESSAGES = {OURS: _messages(OURS, 1.05, 15)} | {each: _messages(each, None, 5) for each in OTHERS}
RULES = {
    BIG: _growth("the schema rules", subjects.schema_rules, BIG, 1.2),
    HUGE: _growth("the schema rules", subjects.schema_rules, HUGE),
}
BUF = {size: _growth("`buf breaking`", subjects.buf_breaking, size) for size in (BIG, HUGE)}
TABLES = {
    "The package": [
        *MESSAGES[OURS].values(),
        _beside_plain(
            f"{IMPORT} when protobuf is loaded", partial(peers.imports, after=_RUNTIME), limit=1
        ),
        _beside_plain("import a gRPC stub when grpc is loaded", peers.stub_import),
        Ratio("data converter reading / Temporal's stock converter", subjects.readers, 0.45),
        Ratio("data converter writing / Temporal's stock converter", subjects.writers, 1.05),
        Ratio("masked str() of an execution / protobuf's own", _EXECUTION, 1.3),
        Ratio("masked str() of 50 values, half secret / protobuf's own", _CONTEXT, 1.3),
        Ratio("redacted_copy of an execution / protobuf's own str()", _COPY),
        Ratio("to_json of an execution / MessageToJson, both on one line", _JSON),
        Ratio("validation of an execution / with its Structs visited", subjects.validation, 0.5),
        Ratio("bytes of the wheel / messages", subjects.wheel, 3607, rounds=1),
    ],
    "The tools": [
        Ratio("generation from scratch / one bare protoc", subjects.generators, 4, rounds=7),
        *RULES.values(),
        *BUF.values(),
        *(ratio for checker in peers.CHECKERS for ratio in _checks(checker)),
    ],
    "Other libraries with the same contract": [
        ratio for library in OTHERS for ratio in MESSAGES[library].values()
    ],
    "Published packages, for scale": [
        ratio for name in peers.PUBLISHED for ratio in _published(name)
    ],
}
"""The ratios by the heading above them on the page."""

NOT_OURS = {
    Ratio("upb parsing an execution with Structs / the same bytes flat", subjects.parsers): (
        "upb parses an execution whose 20 tasks have a `Struct` at {} times the cost of as many "
        "bytes without one."
    ),
    Ratio("protovalidate walking a Struct without rules / upb parsing it", subjects.walks): (
        "protovalidate walks every message, with rules or without: it takes {} times as long for a "
        "`Struct` as upb takes to parse it."
    ),
    BUF[HUGE]: ("The time of `buf breaking` grows with the power {} of the number of messages."),
}
"""What is slow and not ours, so that nobody looks for it here."""

RATIOS = list(dict.fromkeys([*(ratio for table in TABLES.values() for ratio in table), *NOT_OURS]))
