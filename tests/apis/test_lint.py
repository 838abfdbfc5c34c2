"""The lint configuration: every exception is needed, and none is broader than one file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.toolchain import Run, findings


@pytest.fixture(scope="module")
def config(root: Path) -> dict[str, Any]:
    """buf.yaml, parsed."""
    loaded: dict[str, Any] = yaml.safe_load((root / "buf.yaml").read_text())
    return loaded


def test_the_contract_has_no_finding(buf: Run) -> None:
    finished = buf("lint")
    assert finished.returncode == 0, finished.stdout


def test_the_files_are_formatted(buf: Run) -> None:
    finished = buf("format", "apis", "--diff", "--exit-code")
    assert finished.returncode == 0, finished.stdout


def test_every_rule_of_the_categories_is_on(config: dict[str, Any]) -> None:
    assert config["lint"]["use"] == ["STANDARD", "COMMENTS"]
    assert "except" not in config["lint"]
    assert "ignore" not in config["lint"]
    assert config["lint"]["disallow_comment_ignores"] is True


def test_breaking_has_no_exception(config: dict[str, Any]) -> None:
    assert config["breaking"] == {"use": ["FILE"]}


def test_an_exception_names_a_file_and_never_a_folder(config: dict[str, Any], root: Path) -> None:
    for rule, paths in config["lint"]["ignore_only"].items():
        for path in paths:
            assert (root / path).is_file(), f"{rule}: {path} is no file"


def test_every_exception_is_needed(buf: Run, config: dict[str, Any]) -> None:
    listed = {
        (rule, path) for rule, paths in config["lint"]["ignore_only"].items() for path in paths
    }
    config["lint"] = {k: v for k, v in config["lint"].items() if k != "ignore_only"}
    finished = buf("lint", "--error-format", "json", "--config", json.dumps(config))
    found = {(finding["type"], finding["path"]) for finding in findings(finished)}
    assert listed == found
