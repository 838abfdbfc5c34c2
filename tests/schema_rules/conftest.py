"""The small schemas of a test module: what it calls SCHEMAS, KINDS and BARE."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from schema_rules.check import findings
from schema_rules.finding import Finding
from tests.schema_rules.small_schemas import SmallSchemas
from tests.toolchain import Run


@pytest.fixture(scope="module")
def small(
    request: pytest.FixtureRequest,
    buf: Run,
    root: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> SmallSchemas:
    """The small schemas of the module, compiled."""
    module = cast("Any", request).module
    return SmallSchemas(
        *(buf, root, tmp_path_factory.mktemp("small"), module.SCHEMAS),
        getattr(module, "KINDS", ""),
        bare=getattr(module, "BARE", ()),
    )


@pytest.fixture(scope="module")
def small_findings(small: SmallSchemas) -> list[Finding]:
    """What the rules find in them."""
    return list(findings(small.image))
