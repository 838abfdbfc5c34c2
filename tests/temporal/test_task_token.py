"""A task token in a text: found however it is written, and nothing else is taken for it."""

from __future__ import annotations

import base64
import json
import quopri
import random
import urllib.parse
import zlib
from collections.abc import Callable
from time import perf_counter

import pytest
from google.protobuf import text_encoding

from stigmer_apis.temporal._task_token import TaskToken

# As a Temporal server makes them: two UUIDs, names, and small numbers.
REAL = (
    b"\n$01a210b5-55fe-7168-af86-8004845eac4d\x12\x01a\x1a$24a210b5-5c87-79f8-93e4-89c83f6c68f9"
    b" \x05(\x012\x011B\x03extJ\x08\x08\x01\x10\x9b\x80@\x18\x01"
)
TOKENS = {
    "real": REAL,
    "random": random.Random(1).randbytes(120),
    "words": b"task-token-of-the-external-activity-" + bytes(range(200, 256)),
    "every byte": bytes(range(256)),
    "no text": bytes(range(200, 256)) * 2,
    "one byte again and again": bytes(80) + b"\xff",
}


def escaped(token: bytes, form: str, letters: str) -> str:
    short = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13}
    by_byte = {short[letter]: f"\\{letter}" for letter in letters}
    return "".join(
        chr(byte) if 0x20 <= byte < 0x7F else by_byte.get(byte, form.format(byte)) for byte in token
    )


def base58(token: bytes) -> str:
    digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number, text = int.from_bytes(token), ""
    while number:
        number, digit = divmod(number, 58)
        text = digits[digit] + text
    return text


WAYS: dict[str, Callable[[bytes], str]] = {
    "latin-1": lambda t: t.decode("latin-1"),
    "repr": repr,
    "repr of repr": lambda t: repr(repr(t)),
    "Protobuf text": lambda t: text_encoding.CEscape(t, False),
    "Go %q": lambda t: escaped(t, "\\x{:02x}", "abtnvfr"),
    "Rust": lambda t: escaped(t, "\\x{:02x}", "tnr"),
    "JavaScript": lambda t: escaped(t, "\\u{:04x}", "btnvfr"),
    "JSON of latin-1": lambda t: json.dumps(t.decode("latin-1")),
    "backslashes": lambda t: t.decode("ascii", "backslashreplace"),
    "surrogates": lambda t: ascii(t.decode("ascii", "surrogateescape")),
    "hex": bytes.hex,
    "upper-case hex": lambda t: t.hex().upper(),
    "hex with colons": lambda t: t.hex(":"),
    "hex in columns": lambda t: t.hex(" ", 4),
    "\\x of every byte": lambda t: "".join(f"\\x{b:02X}" for b in t),
    "Go %#v": lambda t: "[]byte{" + ", ".join(f"0x{b:x}" for b in t) + "}",
    "Go %v": lambda t: str(list(t)).replace(",", ""),
    "list": lambda t: str(list(t)),
    "Java bytes": lambda t: str([b - 256 if b > 127 else b for b in t]),
    "octal": lambda t: "".join(f"\\{b:03o}" for b in t),
    "binary": lambda t: " ".join(f"{b:08b}" for b in t),
    "HTML": lambda t: "".join(f"&#{b};" for b in t),
    "HTML in hex": lambda t: "".join(f"&#x{b:x};" for b in t),
    "URL": urllib.parse.quote,
    "form": urllib.parse.quote_plus,
    "URL of every byte": lambda t: "".join(f"%{b:02X}" for b in t),
    "quoted-printable": lambda t: quopri.encodestring(t).decode(),
    "base64": lambda t: base64.b64encode(t).decode(),
    "URL-safe base64": lambda t: base64.urlsafe_b64encode(t).decode(),
    "unpadded base64": lambda t: base64.b64encode(t).decode().rstrip("="),
    "base64 in a URL": lambda t: urllib.parse.quote(base64.b64encode(t), safe=""),
    "MIME": lambda t: base64.encodebytes(t).decode(),
    "MIME in JSON": lambda t: json.dumps(base64.encodebytes(t).decode()),
    "base64 of a message": lambda t: base64.b64encode(b"x" + t + b"yz").decode(),
    "base64 of JSON": lambda t: base64.b64encode(b'{"T":"' + base64.b64encode(t) + b'"}').decode(),
    "base32": lambda t: base64.b32encode(t).decode(),
    "base85": lambda t: base64.b85encode(t).decode(),
    "Ascii85": lambda t: base64.a85encode(t).decode(),
}

# Of these the mask knows nothing; they are runs of characters with room for a token.
UNKNOWN_WAYS: dict[str, Callable[[bytes], str]] = {
    "base58": base58,
    "one number": lambda t: str(int.from_bytes(t)),
    "reversed": lambda t: t.hex()[::-1],
    "compressed": lambda t: zlib.compress(t).hex(),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", TOKENS)
def test_a_token_is_masked_however_it_is_written(kind: str, way: str) -> None:
    token = TOKENS[kind]
    written = WAYS[way](token)
    masked = TaskToken(token).mask(f"could not end {written}, so it waits")
    for half in (written[: len(written) // 2], written[len(written) // 2 :]):
        assert half not in masked
    assert "task token sha256:" in masked
    assert masked.endswith("so it waits")
    assert masked.startswith("could not e")


@pytest.mark.parametrize("way", UNKNOWN_WAYS)
@pytest.mark.parametrize("kind", ["real", "random"])
def test_a_token_in_an_unknown_code_is_masked_for_its_size(kind: str, way: str) -> None:
    written = UNKNOWN_WAYS[way](TOKENS[kind])
    masked = TaskToken(TOKENS[kind]).mask(f"could not end {written}, so it waits")
    assert not any(half in masked for half in (written[:60], written[60:]))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "run 01a210b5-5c87-79f8-93e4-89c83f6c68f9 failed: 404 from https://api.example.com/v1/a?b=10",
        "image sha256:" + "ab" * 32,
        "at io.temporal.internal.TaskExecutors$Base.execute(ActivityTaskExecutors.java:107)",
        '{"error":{"code":404,"message":"no such order"},"ids":[1,2,3]}',
        "nothing to square " * 100,
        "没有" * 200,
    ],
)
@pytest.mark.parametrize("kind", ["real", "random", "every byte"])
def test_an_error_text_without_the_token_stays_as_it_is(kind: str, text: str) -> None:
    assert TaskToken(TOKENS[kind]).mask(text) == text


@pytest.mark.parametrize("text", ["0" * 60_000, "00 " * 20_000, "$" * 60_000, "a1" * 30_000])
@pytest.mark.parametrize("token", [REAL, bytes(80) + b"\xff", b"$" * 60 + b"abcdefgh" + b"$" * 60])
def test_no_text_takes_long_to_mask(token: bytes, text: str) -> None:
    began = perf_counter()
    TaskToken(token).mask(text)
    # Linear: some 50 patterns; a pattern that goes back would take longer than anybody waits.
    assert perf_counter() - began < 20
