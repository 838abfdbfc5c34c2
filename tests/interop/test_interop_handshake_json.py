"""The Go structs in Python and in Go, through `encoding/json` of a real Go toolchain."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from stigmer_apis.temporal import TemporalWorkflowInput, TemporalWorkflowOutput, WorkflowMetadata

HERE = Path(__file__).resolve().parent / "handshake_json"

Struct = TemporalWorkflowInput | TemporalWorkflowOutput


class Answer(NamedTuple):
    """The JSON that Go read and wrote again."""

    json: str
    token: bytes
    error: str


AskGo = Callable[[list[tuple[type[Struct], str]]], list[Answer]]


@pytest.fixture(scope="module")
def ask_go(tmp_path_factory: pytest.TempPathFactory) -> AskGo:
    """Let Go read each JSON text as its struct, and write it again."""
    go = shutil.which("go")
    if go is None:
        pytest.fail("these tests need Go, and there is none on the PATH; install it")
    program = tmp_path_factory.mktemp("go") / "handshakejson"
    subprocess.run([go, "build", "-o", program, "."], cwd=HERE, check=True, timeout=300)

    def ask(given: list[tuple[type[Struct], str]]) -> list[Answer]:
        lines = [
            json.dumps(
                {"type": kind.__name__.removeprefix("TemporalWorkflow").lower(), "json": text}
            )
            for kind, text in given
        ]
        finished = subprocess.run(
            [program], input="\n".join(lines), capture_output=True, text=True, timeout=60
        )
        assert finished.returncode == 0, finished.stderr
        answers = [json.loads(line) for line in finished.stdout.split("\n") if line]
        assert len(answers) == len(given)
        return [Answer(a["json"], bytes.fromhex(a["token"]), a["error"]) for a in answers]

    return ask


def values() -> list[Struct]:
    """Return structs of every shape: empty, full, and 300 random ones from a fixed seed."""
    mixed: list[object] = [1, 2.5, "<&>", None, True, {"b": 1, "a": {}}]
    made: list[Struct] = [
        TemporalWorkflowInput(),
        TemporalWorkflowOutput(),
        TemporalWorkflowInput(metadata=WorkflowMetadata()),
        TemporalWorkflowInput(initial_data={}, env_vars={}),
        TemporalWorkflowInput(callback_token=bytes(range(256))),
        TemporalWorkflowOutput(result=mixed),
    ]
    chance = random.Random(6)
    for _ in range(150):
        made.append(
            TemporalWorkflowInput(
                workflow_execution_id=text(chance),
                workflow_yaml=text(chance),
                metadata=WorkflowMetadata(text(chance), text(chance), text(chance)),
                initial_data={text(chance): value(chance, 3) for _ in range(4)},
                env_vars={text(chance): value(chance, 1) for _ in range(2)},
                org_id=text(chance),
                callback_token=chance.randbytes(chance.randrange(200)),
            )
        )
        made.append(
            TemporalWorkflowOutput(
                result=value(chance, 3),
                final_state={text(chance): value(chance, 2)},
                workflow_name=text(chance),
                execution_time=text(chance),
            )
        )
    return made


def text(chance: random.Random) -> str:
    alphabet = "aB0 _-/\\\"'<>&\n\r\t\b\f\x00\x1f\x7fäß€\u2028\u2029\ufffd\U0001f680\U0010ffff"
    return "".join(chance.choice(alphabet) for _ in range(chance.randrange(12)))


def value(chance: random.Random, depth: int) -> object:
    kinds: list[Callable[[], Any]] = [
        lambda: None,
        lambda: chance.random() < 0.5,
        lambda: chance.randrange(-(2**53), 2**53),
        lambda: float(chance.randrange(1000)),
        lambda: chance.randrange(1, 2**20) / 1024,
        lambda: text(chance),
    ]
    if depth:
        kinds += [
            lambda: [value(chance, depth - 1) for _ in range(3)],
            lambda: {text(chance): value(chance, depth - 1) for _ in range(3)},
        ]
    return chance.choice(kinds)()


def test_go_reads_what_python_writes_and_writes_the_same_bytes(ask_go: AskGo) -> None:
    made = values()
    answers = ask_go([(type(one), one.to_json().decode()) for one in made])
    for one, answer in zip(made, answers, strict=True):
        assert answer.error == ""
        assert answer.json == one.to_json().decode()
        assert answer.token == getattr(one, "callback_token", b"")


def test_python_reads_what_go_writes(ask_go: AskGo) -> None:
    made = values()
    answers = ask_go([(type(one), one.to_json().decode()) for one in made])
    for one, answer in zip(made, answers, strict=True):
        assert type(one).from_json(answer.json) == one


@pytest.mark.parametrize(
    "given",
    [
        "{}",
        "null",
        '{"CallbackToken": null, "Metadata": null, "InitialData": null, "OrgId": null}',
        '{"CallbackToken": ""}',
        '{"callbacktoken": "/w==", "ORGID": "o", "metadata": {"NAME": "n"}, "Budget": [1]}',
        '{"OrgId": "first", "orgid": "second"}',
        '{"InitialData": {"OrgId": 1, "x": [null]}}',
    ],
)
def test_python_reads_json_of_other_writers_as_go_does(ask_go: AskGo, given: str) -> None:
    [answer] = ask_go([(TemporalWorkflowInput, given)])
    read = TemporalWorkflowInput.from_json(given)
    assert answer.error == ""
    # In Go an empty slice differs from a nil one; here both mean no token.
    assert read.to_json().decode() == answer.json.replace('Token":""', 'Token":null')
    assert read.callback_token == answer.token


@pytest.mark.parametrize(
    "given",
    [
        '{"CallbackToken": "_-8="}',
        '{"CallbackToken": "//8"}',
        '{"CallbackToken": 1}',
        '{"OrgId": 1}',
        '{"InitialData": []}',
        '{"Metadata": "n"}',
        "[]",
        "{",
    ],
)
def test_what_go_refuses_python_refuses_too(ask_go: AskGo, given: str) -> None:
    [answer] = ask_go([(TemporalWorkflowInput, given)])
    assert answer.error
    with pytest.raises(ValueError, match="TemporalWorkflowInput"):
        TemporalWorkflowInput.from_json(given)


@pytest.mark.parametrize(
    "given", ['{"CallbackToken": "//8=\\n"}', '{"CallbackToken": "//9="}', '{"CallbackToken": [1]}']
)
def test_python_refuses_what_no_writer_makes_though_go_takes_it(ask_go: AskGo, given: str) -> None:
    [answer] = ask_go([(TemporalWorkflowInput, given)])
    assert answer.error == ""
    with pytest.raises(ValueError, match="CallbackToken"):
        TemporalWorkflowInput.from_json(given)
