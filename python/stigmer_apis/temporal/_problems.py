"""What went wrong, in our own words: texts of other libraries may hold a token or a payload."""

from __future__ import annotations

import sys
from pathlib import PurePath
from typing import Any, NamedTuple, cast

from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

# gRPC codes that a later attempt may not meet. Any other code is the answer.
_TRANSIENT = frozenset(
    {"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "INTERNAL", "UNKNOWN"}
)


class Problem(NamedTuple):
    """An error, without its text."""

    name: str
    """The gRPC code, or the type of the error and the line that raised it."""
    transient: bool
    """Whether it is known that a later attempt may succeed."""


def problem_of(error: BaseException) -> Problem:
    """Describe an error by what no value can get into."""
    code = _code(error)
    if code is not None:
        return Problem(code, transient=code in _TRANSIENT)
    known = isinstance(error, ConnectionError | TimeoutError)
    return Problem(type(error).__name__ + _line(error), transient=known)


def plain_text(text: str, longest: int = 2**16) -> str:
    """Make a text that Protobuf can carry: lone surrogates are escaped, and the end may be cut."""
    text = text.encode("utf-8", "backslashreplace").decode()
    left_out = len(text) - longest
    return text if left_out <= 0 else f"{text[:longest]}... ({left_out} more characters)"


def _code(error: BaseException) -> str | None:
    """The gRPC code of an error, UNKNOWN if a gRPC error has none; None if it is no gRPC error."""
    if isinstance(error, WorkflowAlreadyStartedError):
        return "ALREADY_EXISTS"
    code: Any = None
    if isinstance(error, RPCError):
        code = error.status
    elif _is_grpc_error(error):
        # Interceptors raise bare errors too, which have no code or None.
        try:
            code = cast("Any", error).code()
        except Exception:
            code = None
    else:
        return None
    name: object = getattr(code, "name", None)
    return name if isinstance(name, str) and name in RPCStatusCode.__members__ else "UNKNOWN"


def _is_grpc_error(error: BaseException) -> bool:
    # Not imported here: the system activities do without grpc, and then no error is one of its.
    grpc = sys.modules.get("grpc")
    return grpc is not None and isinstance(error, grpc.RpcError)


def _line(error: BaseException) -> str:
    trace = error.__traceback__
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    return f" ({PurePath(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno})"
