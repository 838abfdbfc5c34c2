"""Messages as Python objects: messages of every type pickle, copy, compare and print."""

from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys
from collections.abc import Callable

import pytest
from google.protobuf import text_format
from google.protobuf.message import Message

from tests.wire.filler import filled
from tests.wire.message_types import MESSAGE_TYPES
from tests.wire.wire_cases import on_every_message_type

PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)

# Reads pickled messages in an interpreter that has imported none of their modules, and writes the
# bytes of each. Warnings are errors there too.
UNPICKLE = """
import pickle, sys
messages = pickle.load(sys.stdin.buffer)
serialized = [message.SerializeToString(deterministic=True) for message in messages]
pickle.dump(serialized, sys.stdout.buffer)
"""


class RecordingUnpickler(pickle.Unpickler):
    """Records the module and name of every class that the pickle refers to."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.found: list[tuple[str, str]] = []

    def find_class(self, module_name: str, global_name: str, /) -> object:
        self.found.append((module_name, global_name))
        return super().find_class(module_name, global_name)


def _bytes(message: Message) -> bytes:
    return message.SerializeToString(deterministic=True)


@on_every_message_type
def test_a_message_class_says_where_it_is_imported_from(message_type: type[Message]) -> None:
    module, name = message_type.__module__, message_type.__qualname__
    assert module.startswith("stigmer_apis.")
    assert getattr(sys.modules[module], name) is message_type


@on_every_message_type
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_message_pickles_by_the_path_of_its_class(
    message_type: type[Message], protocol: int
) -> None:
    message = filled(message_type)
    unpickler = RecordingUnpickler(pickle.dumps(message, protocol))
    back: object = unpickler.load()
    assert back == message
    assert type(back) is message_type
    ours = [module for module, name in unpickler.found if name == message_type.__qualname__]
    assert ours == [message_type.__module__]
    assert ours[0].startswith("stigmer_apis.")


def test_pickled_messages_load_in_another_process() -> None:
    messages = [filled(message_type) for message_type in MESSAGE_TYPES.values()]
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", UNPICKLE],
        input=pickle.dumps(messages),
        capture_output=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr.decode()
    assert pickle.loads(finished.stdout) == [_bytes(message) for message in messages]


@on_every_message_type
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy], ids=["copy", "deepcopy"])
def test_a_copy_is_equal_and_goes_its_own_way(
    message_type: type[Message], duplicate: Callable[[Message], Message]
) -> None:
    original = filled(message_type)
    before = _bytes(original)
    copied = duplicate(original)
    assert type(copied) is message_type
    assert copied == original
    assert copied is not original
    copied.Clear()
    assert _bytes(original) == before, "a change of the copy changed the original"


@on_every_message_type
def test_messages_are_equal_by_type_and_content(message_type: type[Message]) -> None:
    message = filled(message_type)
    assert message == filled(message_type)
    assert message != message_type()
    for field, _ in message.ListFields():
        other = filled(message_type)
        other.ClearField(field.name)
        assert other != message, f"{field.name} does not count in the comparison"


def test_messages_of_different_types_are_never_equal() -> None:
    for name, message_type in MESSAGE_TYPES.items():
        for other_name, other_type in MESSAGE_TYPES.items():
            # Empty messages, which their bytes do not distinguish.
            assert (message_type() == other_type()) is (name == other_name), (name, other_name)


@on_every_message_type
def test_a_message_is_not_equal_to_what_is_no_message(message_type: type[Message]) -> None:
    others: list[object] = [None, "", {}, b""]
    for other in others:
        assert message_type() != other


@on_every_message_type
def test_a_message_cannot_be_hashed_because_it_can_change(message_type: type[Message]) -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(message_type())


@on_every_message_type
def test_a_message_prints_every_field_that_is_set(message_type: type[Message]) -> None:
    message = filled(message_type)
    names = [field.name for field, _ in message.ListFields()]
    assert names
    for text in (str(message), repr(message)):
        missing = [name for name in names if name not in text]
        assert not missing, f"{missing} not printed"


@on_every_message_type
@pytest.mark.parametrize("as_one_line", [False, True], ids=["lines", "one line"])
def test_a_message_survives_the_text_format(message_type: type[Message], as_one_line: bool) -> None:
    message = filled(message_type)
    text = text_format.MessageToString(message, as_one_line=as_one_line)
    assert text_format.Parse(text, message_type()) == message
