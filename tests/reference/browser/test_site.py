"""The site that `make docs` builds is complete, links to what exists, and works in a browser."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    EnumValueDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)

from schema_rules.releases import RELEASES, every, image_of
from tests.interop.peers import is_up_to_date, mark_up_to_date, run

ROOM = Path(__file__).resolve().parent
ROOT = ROOM.parents[2]
WORK = ROOT / "build" / "docs-test"
IMAGE = ROOT / "build" / "contract.binpb"
PREFIX = "ai.stigmer."
CPU_SECONDS = 10
SEARCH_MILLISECONDS = 50

EXECUTION = "reference/agentic.workflowexecution.v1"
QUERIES = {
    "callback_token": "#callback_token",
    "callbackToken": "#callback_token",
    "EXECUTION_IN_PROGRESS": "ExecutionPhase.html#EXECUTION_IN_PROGRESS",
    "owner_scope": "#owner_scope",
    "updateStatus": "#updateStatus",
    "wex-": f"{EXECUTION}/WorkflowExecution.html#WorkflowExecution",
    "debug_redact": "",  # any secret field
    "workflow_execution.owner_scope.org_or_identity_only": (
        "rules.html#workflow_execution.owner_scope.org_or_identity_only"
    ),
    "back_tok": "#callback_token",
    "TryTaskConfig.try": "reference/agentic.workflow.v1.tasks/TryTaskConfig.html#try",
    "task token": "#callback_token",
    "subscribe": "#subscribe",
}
"""How the address of the right hit ends, by what a reader types."""

AMONG_THREE = {"task token"}
"""The queries whose right hit may be the second or third."""

BUILD = """
import sys
from pathlib import Path
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from reference.__main__ import build
def offline(event, _):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise RuntimeError("the build of the site uses the network")
sys.addaudithook(offline)
build(FileDescriptorSet.FromString(Path(sys.argv[1]).read_bytes()), Path(sys.argv[2]))
"""


@dataclass
class Page(HTMLParser):
    """What the checks need of a page: its ids, its links, and its text outside code."""

    ids: list[str] = field(default_factory=list[str])
    links: list[str] = field(default_factory=list[str])
    loads: list[str] = field(default_factory=list[str])
    text: list[str] = field(default_factory=list[str])
    _code: int = 0

    def __post_init__(self) -> None:
        """Start the parser."""
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the id and what the element links to or loads."""
        named = {name: value or "" for name, value in attrs}
        self._code += tag in {"code", "pre", "script", "style"}
        if "id" in named:
            self.ids.append(named["id"])
        if tag == "a" and "href" in named:
            self.links.append(named["href"])
        elif "href" in named or "src" in named:
            self.loads.append(named.get("href") or named["src"])

    def handle_endtag(self, tag: str) -> None:
        """Leave code."""
        self._code -= tag in {"code", "pre", "script", "style"}

    def handle_data(self, data: str) -> None:
        """Keep text that is no code."""
        if not self._code:
            self.text.append(data)


@cache
def _parsed(file: Path) -> Page:
    page = Page()
    page.feed(file.read_text(encoding="utf-8"))
    return page


@dataclass(frozen=True)
class Site:
    """A built site, and what its build took."""

    folder: Path
    cpu_seconds: float

    @property
    def pages(self) -> list[str]:
        """The path of every page, relative to the folder."""
        return sorted(
            each.relative_to(self.folder).as_posix() for each in self.folder.rglob("*.html")
        )

    def page(self, path: str) -> Page:
        """Return a parsed page."""
        return _parsed(self.folder / path)

    def leads_somewhere(self, page: str, link: str) -> bool:
        """Whether a relative link of a page leads to a file of the site and an id in it."""
        target = urlsplit(urljoin(page, link))
        path = unquote(target.path)
        if not (self.folder / path).is_file():
            return False
        return not target.fragment or unquote(target.fragment) in self.page(path).ids


def built(folder: Path, seed: str) -> Site:
    """Build the site in a process of its own, which cannot use the network."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    finished = subprocess.run(
        [sys.executable, "-c", BUILD, IMAGE, folder],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Site(folder, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return built(tmp_path_factory.mktemp("docs") / "site", seed="1")


Element = (
    DescriptorProto
    | EnumDescriptorProto
    | ServiceDescriptorProto
    | FieldDescriptorProto
    | EnumValueDescriptorProto
    | MethodDescriptorProto
)


def elements(image: FileDescriptorSet) -> Iterator[tuple[str, str, Element]]:
    """Yield the page, the id and the descriptor of every element of our packages."""
    for file in image.file:
        if file.package.startswith(PREFIX):
            folder = f"reference/{file.package.removeprefix(PREFIX)}"
            for top in (*file.message_type, *file.enum_type, *file.service):
                yield from _elements(top, folder, top.name)


def _elements(
    element: DescriptorProto | EnumDescriptorProto | ServiceDescriptorProto, folder: str, name: str
) -> Iterator[tuple[str, str, Element]]:
    page = f"{folder}/{name}.html"
    yield page, name, element
    if isinstance(element, ServiceDescriptorProto):
        yield from ((page, each.name, each) for each in element.method)
    elif isinstance(element, EnumDescriptorProto):
        yield from ((page, each.name, each) for each in element.value)
    else:
        yield from ((page, each.name, each) for each in element.field)
        for inside in (*element.nested_type, *element.enum_type):
            if not (isinstance(inside, DescriptorProto) and inside.options.map_entry):
                yield from _elements(inside, folder, f"{name}.{inside.name}")


@pytest.mark.parametrize("image", ["contract", *(each.name for each in every(RELEASES))])
def test_every_element_has_an_html_element_with_its_name(site: Site, image: str) -> None:
    """Include what was released: links to it from elsewhere must keep working."""
    found = (
        FileDescriptorSet.FromString(IMAGE.read_bytes())
        if image == "contract"
        else image_of(RELEASES / image)
    )
    named = [(page, name) for page, name, _ in elements(found)]
    missing = [
        f"{page}#{name}" for page, name in named if not site.leads_somewhere(page, f"#{name}")
    ]
    assert not missing
    assert len(named) > 400


def test_no_id_occurs_twice_on_a_page(site: Site) -> None:
    repeated = [
        f"{path}: {name}"
        for path in site.pages
        for name, count in Counter(site.page(path).ids).items()
        if count > 1
    ]
    assert not repeated


def test_every_link_leads_to_a_page_and_an_anchor_that_exist(site: Site) -> None:
    broken = [
        f"{path}: {link}"
        for path in site.pages
        for link in [*site.page(path).links, *site.page(path).loads]
        if not link.startswith(("https://", "data:")) and not site.leads_somewhere(path, link)
    ]
    assert not broken


def test_a_page_loads_nothing_from_elsewhere(site: Site) -> None:
    outside = [
        f"{path}: {link}"
        for path in site.pages
        for link in site.page(path).loads
        if urlsplit(link).scheme not in {"", "data"} or link.startswith("//")
    ]
    assert not outside


def test_no_markdown_is_left_in_the_text(site: Site) -> None:
    markdown = re.compile(r"\*\*|`|\]\(|\]\[|^\s*\||\|\s*$|\|[ :]*-{2,}|^#{1,6} ", re.MULTILINE)
    left = [
        f"{path}: {text.strip()[:100]}"
        for path in site.pages
        for text in site.page(path).text
        if markdown.search(text)
    ]
    assert not left


def test_two_builds_write_the_same_bytes(site: Site, tmp_path: Path) -> None:
    again = built(tmp_path / "site", seed="2")
    first, second = (
        {each.relative_to(root): each.read_bytes() for each in root.rglob("*") if each.is_file()}
        for root in (site.folder, again.folder)
    )
    assert first.keys() == second.keys()
    assert not [path for path in first if first[path] != second[path]]


def test_a_build_is_fast(site: Site) -> None:
    assert site.cpu_seconds < CPU_SECONDS


@pytest.fixture(scope="session")
def browsed(site: Site) -> dict[str, Any]:
    """Return what a browser saw: see browse.mjs."""
    browser = next(filter(None, map(shutil.which, ["chromium", "google-chrome"])), None)
    assert browser, "chromium is missing; install Debian's package chromium"
    assert shutil.which("npm"), "npm is missing; install it"
    WORK.mkdir(parents=True, exist_ok=True)
    # In a copy, because Node looks for packages next to the program.
    for path in (ROOM / "package.json", ROOM / "package-lock.json", ROOM / "browse.mjs"):
        shutil.copy2(path, WORK)
    installed, lock = WORK / ".installed", ROOM / "package-lock.json"
    if not is_up_to_date(installed, lock):
        run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=WORK)
        mark_up_to_date(installed, lock)
    settings = WORK / "settings.json"
    settings.write_text(
        json.dumps(
            {
                "site": str(site.folder),
                "browser": browser,
                "pages": looked_at(site),
                "queries": list(QUERIES),
                "workers": os.cpu_count() or 1,
            }
        )
    )
    return json.loads(run(["node", "browse.mjs", settings.name], cwd=WORK))


def looked_at(site: Site) -> list[str]:
    """Return the pages to open: all but the sources, which are all made alike, and one of those."""
    sources = [path for path in site.pages if path.startswith("source/")]
    others = [path for path in site.pages if path not in set(sources)]
    return [*others, *[path for path in sources if path.endswith(".proto.html")][:1]]


def test_every_page_opens_in_a_browser(site: Site, browsed: dict[str, Any]) -> None:
    assert set(browsed["visited"].values()) == {len(looked_at(site))}


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ("outside", "a page requests something from elsewhere"),
        ("errors", "the browser reports an error"),
        ("axe", "axe finds what some readers cannot use"),
        ("overflow", "something is wider than a screen of 320 px"),
        ("hidden", "without JavaScript, some text never shows"),
        ("lost", "the search shows something else first than what has the name"),
    ],
)
def test_a_browser_finds_no_fault(browsed: dict[str, Any], part: str, reason: str) -> None:
    assert not browsed[part], f"{reason}:\n" + "\n".join(browsed[part][:20])


def secrets() -> list[str]:
    """Return where the fields are that the contract redacts."""
    return [
        f"{page}#{each.name}"
        for page, _, message in elements(FileDescriptorSet.FromString(IMAGE.read_bytes()))
        if isinstance(message, DescriptorProto)
        for each in message.field
        if each.options.debug_redact
    ]


@pytest.mark.parametrize("query", QUERIES)
def test_the_search_shows_the_right_hit_first(browsed: dict[str, Any], query: str) -> None:
    results = [each for each in browsed["search"] if each["query"] == query]
    assert [each["name"] for each in results] == ["served", "from a folder"]
    for each in results:
        shown = each["hits"][: 3 if query in AMONG_THREE else 1]
        right = tuple(secrets()) if query == "debug_redact" else QUERIES[query]
        assert any(hit.endswith(right) for hit in shown), each
        assert each["opened"] == each["hits"][0], "Enter opens another page than the first hit"
        assert each["milliseconds"] < SEARCH_MILLISECONDS, each


def test_the_theme_that_a_reader_chooses_persists(browsed: dict[str, Any]) -> None:
    assert [each["name"] for each in browsed["theme"]] == ["served", "from a folder"]
    for each in browsed["theme"]:
        assert each["before"] != each["chosen"], each
        assert each["later"] == each["chosen"], each
