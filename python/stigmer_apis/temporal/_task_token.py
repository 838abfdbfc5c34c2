"""A task token on its way through our code, where no error, log line or debugger may show it."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from typing import final

from stigmer_apis.redaction._masking import fingerprint


@final
class TaskToken:
    """A task token whose text is its fingerprint: enough to match log lines, not to use it."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __str__(self) -> str:
        return f"task token {fingerprint(self._value)}"

    __repr__ = __str__

    def reveal(self) -> bytes:
        """The bytes, to be handed on and not to be kept."""
        return self._value

    def mask(self, text: str) -> str:
        """Put the fingerprint in place of the token, where a text holds it in base64 or in hex."""
        forms = {form(self._value).decode().rstrip("=") for form in (b64encode, urlsafe_b64encode)}
        for form in (*forms, self._value.hex()) if self._value else ():
            text = text.replace(form, str(self))
        return text
