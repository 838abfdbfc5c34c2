"""The current protobuf runtime, and the exceptions that its readers may raise."""

from __future__ import annotations

import google.protobuf
from google.protobuf import json_format
from google.protobuf.internal import api_implementation
from google.protobuf.message import DecodeError

PURE_PYTHON = api_implementation.Type() == "python"
PROTOBUF = tuple(int(part) for part in google.protobuf.__version__.split(".")[:3])

DEEPEST = 100
"""The number of nested messages that every binary reader accepts."""

# CVE-2025-4565: these versions follow nesting as deep as Python does. All of our 4.25 range has the
# limit.
HAS_NO_LIMIT = PURE_PYTHON and ((5,) < PROTOBUF < (5, 29, 5) or (6,) < PROTOBUF < (6, 31, 1))
"""Whether the binary reader lacks its own limit for nested messages and groups."""

# The pure Python runtime, which pip installs if there is no wheel for the machine, raises the
# codec's error if a string is not UTF-8.
BINARY_REFUSALS: tuple[type[Exception], ...] = (
    DecodeError,
    *((UnicodeDecodeError,) if PURE_PYTHON else ()),
    *((RecursionError,) if HAS_NO_LIMIT else ()),
)
"""The exceptions that the binary reader may raise."""

_UNWRAPPED: tuple[type[Exception], ...] = (
    RecursionError,  # the input is nested too deeply
    TypeError,  # the document is a number or null
    OverflowError,  # an integer is 1e400
    *(() if PURE_PYTHON else (SystemError,)),  # a field name contains a lone surrogate
)
JSON_REFUSALS: tuple[type[Exception], ...] = (
    json_format.ParseError,
    *(_UNWRAPPED if PROTOBUF < (5,) else ()),
)
"""The exceptions that the JSON reader may raise; protobuf 5 and later wrap all others."""
