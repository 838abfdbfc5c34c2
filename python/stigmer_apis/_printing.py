"""Message classes that print without their secrets.

Generated modules call `install` for their classes that can hold a secret. The code that masks is
loaded when a message is first printed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

_to_text: Callable[[Any], str] | None = None


def install(module: Mapping[str, Any], *names: str) -> None:
    """Let message classes of a generated module print without their secrets.

    Args:
        module: the names of the module.
        names: the classes, those within others by their path, such as `Outer.Inner`.
    """
    for name in names:
        outer, *inner = name.split(".")
        print_masked(functools.reduce(getattr, inner, module[outer]))


def print_masked(message_class: Any) -> None:
    """Replace the `str()` and `repr()` of a message class."""
    # Not when it was done before: a module that is loaded twice, as in the sandbox of Temporal
    # workflows, has the same classes, which must not lead back into the sandbox.
    if getattr(message_class.__str__, "__module__", None) != __name__:
        message_class.__str__ = message_class.__repr__ = masked_text


def masked_text(message: Any) -> str:
    """Return the text of a message without its secrets.

    It raises nothing: a message that cannot be shown reads `[REDACTED <type>: <error>]`.
    """
    try:
        return (_to_text or _load())(message)
    except Exception as error:  # less text, rather than no log line or a secret
        return f"[REDACTED {message.DESCRIPTOR.full_name}: {type(error).__name__}]"


def _load() -> Callable[[Any], str]:
    global _to_text
    from stigmer_apis.redaction._masking import to_text

    _to_text = to_text
    return to_text
