"""A task token on its way through our code, where no error, log line or debugger may show it."""

from __future__ import annotations

import re
from base64 import a85encode, b32encode, b64encode, b85encode
from collections.abc import Callable, Iterator
from typing import final

from stigmer_apis.redaction import fingerprint

# How a byte may be written as a number, by language. Signs, backslashes, percent signs and the like
# are left out, as `_fold` leaves them out of the text.
_NUMBERS: tuple[Callable[[int], str], ...] = (
    *(form.format for form in ("{:02x}", "{:x}", "{:03o}", "{}", "{:08b}")),
    *(form.format for form in ("x{:02x}", "x{:x}", "0x{:02x}", "0x{:x}")),
    *(form.format for form in ("u{:x}", "u00{:02x}", "u000000{:02x}", "udc{:02x}")),
    lambda byte: str(byte if byte < 128 else 256 - byte),
)
_LETTERS = {0: "0", 7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 27: "e"}
"""The letters that languages write after a backslash for control characters."""

# Fewer letters and digits than this are found in texts that have nothing to do with the token.
_TELLING = 8
# Every run of this many characters without a delimiter can hold a token, in whatever code.
_ROOM = 64
_DELIMITER = r"\s\"',:;(){}\[\]<>=&?"


@final
class TaskToken:
    """A task token whose text is its fingerprint: enough to match log lines, not to use it."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __len__(self) -> int:
        return len(self._value)

    def __str__(self) -> str:
        return f"task token {fingerprint(self._value)}"

    __repr__ = __str__

    def reveal(self) -> bytes:
        """The bytes, to be handed on and not to be kept."""
        return self._value

    def mask(self, text: str) -> str:
        """Put the fingerprint in place of the token, and of whatever has room to hold it unread.

        Finds the token as it is, as numbers in any base, escaped as any language escapes bytes, and
        in base 64, 32 and 85, also within more base 64; whatever separates the characters. In any
        other code, the token is a long run of characters without a word, and none of those stays.
        """
        if not self._value:
            return text
        text = text.replace(self._value.decode("latin-1"), str(self))
        folded, places = _fold(text)
        for start, end in sorted(self._found(folded), reverse=True):
            text = text[: places[start]] + str(self) + text[places[end - 1] + 1 :]
        run = rf"[^{_DELIMITER}\x7f-\U0010ffff]{{{max(_ROOM, len(self._value))},}}"
        return re.sub(run, str(self), text)

    def _found(self, folded: str) -> Iterator[tuple[int, int]]:
        """Where a folded text holds the token, without overlap."""
        last = len(folded)
        forms = filter(None, self._forms(folded))
        spans = {match.span() for form in forms for match in re.finditer(form, folded)}
        for start, end in sorted(spans, key=lambda span: (span[1], -span[0]), reverse=True):
            if end <= last:
                yield start, end
                last = start

    def _forms(self, folded: str) -> Iterator[str]:
        """Patterns of the token in a folded text."""
        value = self._value
        for number in _NUMBERS:
            yield "".join(map(number, value))
        for text in (value, b64encode(value)):
            for encode in (b64encode, b32encode, b85encode, a85encode):
                for form in _aligned(encode, text):
                    yield re.sub("[^0-9a-z]", "", form.lower())
                    yield re.sub(
                        "[+/]", "(?>(?:u00)?2[bf])?+", re.sub("[^0-9a-z+/]", "", form.lower())
                    )
        parts: list[str] = re.findall("[0-9A-Za-z]+", value.decode("latin-1"))
        # Escaped, every part of letters and digits is there as it is.
        if max(parts, key=len, default="").lower() not in folded:
            return
        telling = sum(map(len, parts))
        if telling >= _TELLING:
            yield "".join(parts).lower()
            for number in _NUMBERS:
                yield "".join(_escaped(byte, number, signs="?+", rest="?+") for byte in value)
                yield "".join(_escaped(byte, number, signs="{0}", rest="?+") for byte in value)
        if telling + sum(not 0x20 <= byte < 0x7F for byte in value) >= _TELLING:
            for number in _NUMBERS:
                yield "".join(_escaped(byte, number, signs="{0}", rest="") for byte in value)


def _aligned(encode: Callable[[bytes], bytes], value: bytes) -> Iterator[str]:
    """A value as a code writes it at any place in more bytes, without what shares a character."""
    for before in range(5 if encode is b32encode else 3 if encode is b64encode else 4):
        here = encode(bytes(before) + value).decode()
        other = encode(b"\xff" * before + value + b"\xff" * 5).decode()
        same = [at for at, (a, b) in enumerate(zip(here, other, strict=False)) if a == b]
        yield here[same[0] : same[-1] + 1] if same else ""


def _escaped(byte: int, number: Callable[[int], str], *, signs: str, rest: str) -> str:
    """One byte in a text that escapes bytes, folded: letters and digits stand for themselves.

    The last two are how often the number is there for other characters of ASCII, and for the rest.
    """
    char = chr(byte)
    if char.isascii() and char.isalnum():
        return char.lower()
    letter = _LETTERS.get(byte)
    # Atomic: with ways to go back, a long run of one byte would take exponential time.
    form = f"(?>{number(byte)}{'|' + letter if letter else ''})"
    return form + (signs if char.isascii() and char.isprintable() else rest)


def _fold(text: str) -> tuple[str, list[int]]:
    """The letters and digits of a text in lower case, and where each of them was."""
    places = [place for place, char in enumerate(text) if char.isascii() and char.isalnum()]
    return "".join(text[place] for place in places).lower(), places
