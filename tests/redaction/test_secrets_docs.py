"""The recipes of docs/secrets.md keep secrets out of what each tool writes or sends.

Each runs in a process of its own, and logs messages of ours and of another schema in every kind of
container and exception.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from stigmer_apis.redaction import fingerprint
from tests.redaction.redaction_cases import TOKEN, assert_hides_secrets

LOG = """
from temporalio import activity
from tests.redaction.everything_printed import errors, holders
from tests.redaction.foreign import an_activity_info, an_envelope, an_execution
for held in (an_envelope(), an_execution(), an_activity_info()):
    for name, holder in holders(held).items():
        if name != "a list within itself":  # which has no JSON
            log(holder)
    for error in errors(held).values():
        fail(error)
status = an_execution().status
def deliver(token): raise ConnectionError("lost")
try:
    deliver(status.callback_token)
except ConnectionError as error:
    fail(error)
"""

DRIVERS = {
    "The standard library": """
def log(held): logging.info("stored %s", held, extra={"held": held})
def fail(error): logging.error("failed", exc_info=error, extra={"error": error})
""",
    "structlog": """
def log(held): structlog.get_logger().info("stored", held=held)
def fail(error): structlog.get_logger().error("failed", exc_info=error, error=error)
""",
    "Sentry": """
import logging
class Transport(sentry_sdk.transport.Transport):
    def capture_envelope(self, envelope):
        for item in envelope.items:
            sys.stdout.write(item.payload.get_bytes().decode() + "\\n")
import sys
sentry_sdk.get_client().transport = Transport()
def log(held): logging.error("stored %s", held, extra={"held": held, "more": [held]})
def fail(error):
    sentry_sdk.set_context("job", {"error": error})
    sentry_sdk.capture_exception(error)
    logging.error("failed", exc_info=error)
""",
    "python-json-logger": """
def log(held): logging.warning("stored %s", held, extra={"held": held})
def fail(error): logging.error("failed", exc_info=error, extra={"error": error})
""",
    "loguru": """
def log(held):
    logger.bind(held=held).info("stored {} {!r}", held, held)
def fail(error): logger.opt(exception=error).error("failed {}", error)
""",
}


def recipes(root: Path) -> dict[str, str]:
    """The code of each recipe, by its heading."""
    text = (root / "docs" / "secrets.md").read_text().split("\n## Recipes\n")[1]
    return dict(re.findall(r"### (.+?)\n.*?```python\n(.*?)```", text, re.DOTALL))


def test_every_recipe_is_tried(root: Path) -> None:
    assert recipes(root).keys() == DRIVERS.keys()


@pytest.mark.toolchain
@pytest.mark.parametrize("tool", DRIVERS)
def test_a_recipe_keeps_secrets_out_of_what_the_tool_writes(root: Path, tool: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", "\n".join([recipes(root)[tool], DRIVERS[tool], LOG])],
        env={"SENTRY_DSN": "http://key@localhost:1/1", "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )
    written = finished.stdout + finished.stderr
    assert finished.returncode == 0, written[-3000:]
    assert "Logging error" not in written
    assert_hides_secrets(written, tool)
    assert written.count(fingerprint(TOKEN)) > 60
