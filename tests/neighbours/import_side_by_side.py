"""A script that imports modules in the given order, then sends messages through a round trip.

`test_side_by_side` runs it in its own interpreter, with warnings as errors. It reads lists of
module names as JSON. For each module it prints the exception of the import, or the number of
messages that made a round trip.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping
from typing import Any


def imported(name: str) -> Any:
    """Return the module, or a description of the exception that its import raised."""
    try:
        return importlib.import_module(name)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def round_trips(messages: Mapping[str, Any]) -> int:
    """Send one message of every type through a round trip, with its first string field set."""
    count = 0
    for descriptor in messages.values():
        message: Any = descriptor._concrete_class()
        for field in descriptor.fields:
            if field.type == field.TYPE_STRING and not hasattr(getattr(message, field.name), "add"):
                if not isinstance(getattr(message, field.name), str):
                    continue  # repeated
                setattr(message, field.name, "neighbour")
                break
        data = message.SerializePartialToString()
        assert type(message)().FromString(data) == message, descriptor.full_name
        count += 1
    return count


def main() -> None:
    """Import the modules, run the round trips, and print the results."""
    found = {name: imported(name) for names in json.load(sys.stdin) for name in names}
    for name, module in found.items():
        if not isinstance(module, str):
            descriptor = getattr(module, "DESCRIPTOR", None)
            found[name] = round_trips(descriptor.message_types_by_name) if descriptor else 0
    print(json.dumps(found))


if __name__ == "__main__":
    main()
