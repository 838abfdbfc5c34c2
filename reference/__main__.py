"""`python -m reference`: build the site from the compiled contract and the guides."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from codegen.project import BUILD, ROOT, StepError
from reference import model, pictures
from reference.changes import Change, released, report, unreleased
from reference.model import AREAS, Entry, Reference, Type
from reference.prose import Names, Prose, code, repository_path, source, wrapped
from reference.rule_words import UnknownRuleError
from reference.snippets import Snippets
from schema_rules.releases import RELEASES, every, image_of
from schema_rules.schema import Schema

HERE = Path(__file__).parent
IMAGE = BUILD / "contract.binpb"
SITE = BUILD / "site"
_HANDSHAKE = "docs/handshake.md"
_PICTURE = ".svg"
GUIDES = {
    "Use it": [
        "README.md",
        "docs/spec-and-status.md",
        "docs/python.md",
        _HANDSHAKE,
        "docs/secrets.md",
    ],
    "Depend on it": [
        "docs/compatibility.md",
        "docs/importing-our-protos.md",
        "docs/migrating.md",
        "docs/rolling-upgrades.md",
    ],
    "Change it": [
        "docs/changing-the-contract.md",
        "CONTRIBUTING.md",
        "docs/schema-rules.md",
        "docs/pull-requests.md",
    ],
    "More": [],
}
"""The guides in the order of the menu. Every other page of docs/ comes last."""


class Site:
    """Writes the pages of a reference into a folder."""

    def __init__(self, image: FileDescriptorSet, out: Path, root: Path = ROOT) -> None:
        """Prepare to write a site; `root` is the repository, where the guides are."""
        kept = {each.name.removeprefix("v"): Schema(image_of(each)) for each in every(RELEASES)}
        reference = self.reference = Reference(image, kept)
        self._image = image
        self._out = out
        self._root = root
        self._names = Names(reference)
        self._prose = Prose(self._names)
        self._snippets = Snippets(reference)
        self._sources: list[Path] = []
        self._index: list[list[str]] = []
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
        )
        shown: dict[str, Any] = dict(
            areas=AREAS,
            code=code,
            guides=self._guides(),
            handshake=self._handshake(),
            pictures=pictures,
            ref=reference,
            reserved=model.reserved,
            snippets=self._snippets,
            wrapped=wrapped,
        )
        self._templates.globals.update(shown)

    def write(self) -> None:
        """Write every page, the assets and the index of the search."""
        for package, entries in self.reference.packages.items():
            self._page(f"reference/{package}/index.html", "package.html", package, package=package)
            for entry in entries:
                if entry.kind != "option":
                    self._page(entry.page, "type.html", entry.name, scope=entry)
        self._page("index.html", "home.html", "Stigmer API reference")
        self._page("rules.html", "rules.html", "Validation rules", rules=self._rules())
        for version in [*reversed(self.reference.releases), model.UNRELEASED]:
            self._release(version)
        for paths in self._guides().values():
            for path, _, _ in paths:
                self._guide(path)
        for name in self.reference.schema.files:
            self._link("", f"apis/{name}")
        for file in self._sources:  # grows while it is read: a folder shows its files
            self._source(file)
        shutil.copytree(HERE / "assets", self._out / "assets")
        text = json.dumps(
            sorted(self._symbols()) + self._index, ensure_ascii=False, separators=(",", ":")
        )
        (self._out / "assets" / "index.js").write_text(
            f"window.stigmerIndex={text}\n", encoding="utf-8"
        )

    def _page(
        self, url: str, template: str, title: str, scope: Entry | None = None, **more: Any
    ) -> None:
        root = "../" * url.count("/")

        def prose(text: str, of: Entry | None = None, inline: bool = False) -> Markup:
            render = self._prose.inline if inline else self._prose.comment
            return render(text, of or scope, root, of.url if of else "")

        def type_link(found: Type | str) -> Markup:
            name = found if isinstance(found, str) else found.name
            label = "" if isinstance(found, str) or not found.label else f"{found.label} "
            entry = self.reference.entries.get(name)
            shown = entry.name if entry else name.removeprefix("google.protobuf.")
            if entry is None:
                return Markup('{}<code title="{}">{}</code>').format(label, name, shown)
            return Markup('{}<a href="{}"><code>{}</code></a>').format(
                label, root + entry.url, shown
            )

        page = self._templates.get_template(template).render(
            title=title, scope=scope, root=root, url=url, prose=prose, type_link=type_link, **more
        )
        path = self._out / url
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")

    def _guides(self) -> dict[str, list[tuple[str, str, str]]]:
        """Return the path, the URL and the title of every guide, by the heading of the menu."""
        listed = {path for paths in GUIDES.values() for path in paths}
        rest = [f"docs/{path.name}" for path in sorted((self._root / "docs").glob("*.md"))]
        rest += ["CHANGELOG.md", "SECURITY.md"]
        groups = GUIDES | {"More": [path for path in rest if path not in listed]}
        return {
            group: [(path, _guide_url(path), self._title(path)) for path in paths]
            for group, paths in groups.items()
        }

    def _title(self, path: str) -> str:
        lines = (self._root / path).read_text(encoding="utf-8").splitlines()
        return next(line.removeprefix("# ") for line in lines if line.startswith("# "))

    def _handshake(self) -> Markup:
        """Draw the diagram of the guide to the handshake."""
        text = (self._root / _HANDSHAKE).read_text(encoding="utf-8")
        diagram = text.partition("```mermaid\n")[2].partition("```")[0]
        return pictures.sequence(diagram, self._title(_HANDSHAKE))

    def _guide(self, path: str) -> None:
        url = _guide_url(path)
        text = (self._root / path).read_text(encoding="utf-8")
        body, sections = self._prose.guide(text, "../", lambda target: self._link(path, target))
        title = self._title(path)
        self._text(url, title, body, sections)
        self._index.append(["guide", title, "", url, Path(path).stem, ""])
        self._index += [
            ["guide", words, title, f"{url}#{name}", "", ""] for name, words in sections
        ]

    def _release(self, version: str) -> None:
        """Write the page of a release: what changed since the one before."""
        if version == model.UNRELEASED:
            last = every(RELEASES)[-1]
            found = unreleased(last, self._image)
            text = report(found, f"{last.name}", link=self._name_of)
        else:
            found = released(RELEASES / f"v{version}", self._image)
            text = report(found, "the release before", link=self._name_of)
        title = "Unreleased" if version == model.UNRELEASED else version
        text = re.sub("^# .*", f"# {title}: contract changes", text)
        body, sections = self._prose.guide(text, "../", str)
        self._text(f"releases/{version}.html", title, body, sections)

    def _name_of(self, change: Change) -> str:
        entry = self.reference.entries.get(change.name)
        name = change.name.removeprefix(f"{change.package}.").replace("/", ".")
        return f"[`{name}`]({entry.url})" if entry else f"`{name}`"

    def _link(self, page: str, target: str) -> str:
        """Return where a link to a file of the repository leads on the site.

        Raises:
            StepError: There is no such file.
        """
        path, anchor = repository_path(page, target)
        suffix = f"#{anchor}" if anchor else ""
        if any(path == guide for guides in self._guides().values() for guide, _, _ in guides):
            return _guide_url(path) + suffix
        file = self._root / path
        if not file.exists():
            raise StepError(f"{page} links to {target}, which does not exist; correct the link")
        if file not in self._sources:
            self._sources.append(file)
        inside = "/index.html" if file.is_dir() else "" if file.suffix == _PICTURE else ".html"
        return f"source/{path}{inside}{suffix}"

    def _source(self, file: Path) -> None:
        path = file.relative_to(self._root).as_posix()
        if file.is_dir():
            inside = [
                each for each in sorted(file.iterdir()) if not each.name.startswith(("_", "."))
            ]
            links = {each.name: self._link(f"{path}/index", each.name) for each in inside}
            up = "../" * (path.count("/") + 2)
            item = Markup('<li><a href="{}">{}</a></li>')
            items = [item.format(up + url, name) for name, url in links.items()]
            listed = Markup("<h1>{}</h1><ul>{}</ul>").format(path, Markup("").join(items))
            self._text(f"source/{path}/index.html", path, listed)
            return
        if file.suffix == _PICTURE:
            (self._out / "source" / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, self._out / "source" / path)
            return
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            text = f"A binary file of {file.stat().st_size:,} bytes.\n"
        body = Markup('<h1 class="path">{}</h1>{}').format(path, source(text, file.name))
        self._text(f"source/{path}.html", path, body)

    def _text(
        self, url: str, title: str, body: Markup, sections: Sequence[tuple[str, str]] = ()
    ) -> None:
        self._page(url, "text.html", title, body=body, sections=sections)

    def _rules(self) -> dict[str, list[tuple[Entry, str, str]]]:
        """Return by the ID of every rule the elements that have it, in words and CEL."""
        found: dict[str, list[tuple[Entry, str, str]]] = {}
        for entry in self.reference.entries.values():
            for rule in self.reference.rules(entry):
                if rule.id:
                    found.setdefault(rule.id, []).append((entry, rule.words, rule.cel))
        return dict(sorted(found.items()))

    def _symbols(self) -> Iterator[list[str]]:
        """Yield what the search finds: kind, name, place, URL, other names, and the summary."""
        for entry in self.reference.entries.values():
            place = entry.owner.name if entry.owner else entry.package
            other = [entry.full_name, entry.package]
            if entry.kind == "field":
                other.append(entry.descriptor.json_name)
            if self.reference.is_secret(entry):
                other.append("debug_redact")
            yield [entry.kind, entry.name, place, entry.url, " ".join(other), entry.summary]
        for package in self.reference.packages:
            url = f"reference/{package}/index.html"
            yield [
                "package",
                package,
                "",
                url,
                f"{model.PREFIX}{package} stigmer_apis.{package}",
                "",
            ]
        for rule, users in self._rules().items():
            yield ["rule", rule, "", f"rules.html#{rule}", "", users[0][1]]
        for entry, prefix in self.reference.resources():
            yield [
                "ID",
                f"{prefix}-",
                entry.name,
                entry.url,
                "",
                f"IDs of resources of kind {entry.name}",
            ]


def _guide_url(path: str) -> str:
    return f"guides/{Path(path).stem.lower()}.html"


def build(image: FileDescriptorSet, out: Path) -> Site:
    """Build the site of a contract into a folder, which it replaces when it is whole.

    Raises:
        StepError: A guide links to a file that does not exist.
        UnknownRuleError: The contract has a validation rule without words.
    """
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    site = Site(image, partial)
    site.write()
    shutil.rmtree(out, ignore_errors=True)
    partial.rename(out)
    return site


def main() -> int:
    """Build the site and return the exit code: 0, or 1 after one sentence on what went wrong."""
    try:
        build(FileDescriptorSet.FromString(IMAGE.read_bytes()), SITE)
    except (StepError, UnknownRuleError) as failure:
        print(f"docs: {failure}", file=sys.stderr)
        return 1
    print(f"docs: open {(SITE / 'index.html').relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
