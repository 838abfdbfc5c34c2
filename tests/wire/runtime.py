"""The protobuf runtime at hand, and what its readers may raise."""

from __future__ import annotations

import google.protobuf
from google.protobuf import json_format
from google.protobuf.internal import api_implementation
from google.protobuf.message import DecodeError

PURE_PYTHON = api_implementation.Type() == "python"
PROTOBUF = tuple(int(part) for part in google.protobuf.__version__.split(".")[:3])

DEEPEST = 100
"""How many messages within messages every binary reader takes."""

# CVE-2025-4565: these follow nesting as deep as Python does. 4.25 has the limit from our floor on.
HAS_NO_LIMIT = PURE_PYTHON and ((5,) < PROTOBUF < (5, 29, 5) or (6,) < PROTOBUF < (6, 31, 1))
"""Whether the binary reader has no limit of its own for messages and groups in one another."""

# The pure Python runtime, which pip installs where there is no wheel for the machine, lets the
# codec's error through when a string is not UTF-8.
BINARY_REFUSALS: tuple[type[Exception], ...] = (
    DecodeError,
    *((UnicodeDecodeError,) if PURE_PYTHON else ()),
    *((RecursionError,) if HAS_NO_LIMIT else ()),
)
"""What the binary reader may raise."""

_UNWRAPPED: tuple[type[Exception], ...] = (
    RecursionError,  # nested too deeply
    TypeError,  # a document that is a number or null
    OverflowError,  # 1e400 for an integer
    *(() if PURE_PYTHON else (SystemError,)),  # a lone surrogate in the name of a field
)
JSON_REFUSALS: tuple[type[Exception], ...] = (
    json_format.ParseError,
    *(_UNWRAPPED if PROTOBUF < (5,) else ()),
)
"""What the JSON reader may raise; from protobuf 5 on it wraps whatever goes wrong within it."""
