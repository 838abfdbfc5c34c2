"""Markdown of comments and guides, as HTML whose names and links lead somewhere."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape
from pygments import formatters, highlight, lexers
from pygments.util import ClassNotFound

from reference.model import PREFIX, Entry, Reference
from reference.pictures import sequence

_NAME = re.compile(r"(?:[\w/]+\.)*\w*[a-z]\w*[A-Z]\w*(?:\.\w+)*|ai\.stigmer\.[\w.]*\w|\w+_\w+")
"""What in running text is a name for sure: mixed case, an underscore, or a full name."""
_EXTERNAL = re.compile(r"[a-z]+:")

# The stubs of pygments leave parts of these unknown.
_lexers: Any = lexers
_formatters: Any = formatters

Find = Callable[[str], str]
"""Returns the URL of what a name means, from the root of the site; empty if it means nothing."""


class Names:
    """Finds what a name in a comment means: in its message, else its package, else anywhere."""

    def __init__(self, reference: Reference) -> None:
        self._urls: dict[str, set[str]] = {}
        self._entries = reference.entries
        for entry in reference.entries.values():
            full = entry.element.name.replace("/", ".")
            parts = full.removeprefix(f"{entry.element.package}.").split(".")
            names = {full, full.removeprefix(PREFIX), ".".join(parts)}
            names |= {".".join(parts[i:]) for i in range(len(parts))} if entry.owner else set()
            for name in names:
                self._urls.setdefault(name, set()).add(entry.element.name)
                scoped = f"{entry.element.package}:{name}"
                self._urls.setdefault(scoped, set()).add(entry.element.name)
        for package in reference.packages:
            self._urls[f"{PREFIX}{package}"] = {f"package:{package}"}

    def find(self, scope: Entry | None) -> Find:
        """Return a function that finds names as the comment of an element means them."""

        def url(name: str) -> str:
            if scope is not None:
                own = next((m for m in scope.top.members if m.name == name), None)
                if own is not None:
                    return own.url
                found = self._urls.get(f"{scope.element.package}:{name}", set())
                if len(found) == 1:
                    return self._url(next(iter(found)))
            found = self._urls.get(name, set())
            is_clear = len(found) == 1 and (scope is not None or "." in name or name[:1].isupper())
            return self._url(next(iter(found))) if is_clear else ""

        return url

    def _url(self, name: str) -> str:
        if name.startswith("package:"):
            return f"reference/{name.removeprefix('package:')}/index.html"
        return self._entries[name].url


class Prose:
    """Renders Markdown for a page."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._markdown = MarkdownIt("commonmark", {"highlight": _highlighted}).enable(
            ["table", "strikethrough"]
        )

    def comment(self, text: str, scope: Entry | None, root: str, here: str = "") -> Markup:
        """Render a comment or a phrase of ours."""
        return self._render(self._markdown.parse(text), scope, root, here)

    def inline(self, text: str, scope: Entry | None, root: str, here: str = "") -> Markup:
        """Render a sentence without a paragraph around it."""
        return self._render(self._markdown.parseInline(text), scope, root, here)

    def guide(
        self, text: str, root: str, link: Callable[[str], str]
    ) -> tuple[Markup, list[tuple[str, str]]]:
        """Render a guide, and return it with the ids and texts of its sections.

        A diagram of Mermaid becomes a picture, named after the title of the guide.
        `link` turns the target of a link or an image in the repository into one from the root of
        the site.
        """
        tokens = self._markdown.parse(text)
        sections: list[tuple[str, str]] = []
        taken: dict[str, int] = {}
        for i, token in enumerate(tokens):
            if token.type == "fence" and token.info == "mermaid":
                picture = sequence(token.content, plain(tokens[1]))
                tokens[i] = Token("html_block", "", 0, content=str(picture))
            if token.type == "heading_open":
                words = plain(tokens[i + 1])
                name = slug(words)
                taken[name] = taken.get(name, -1) + 1
                name += f"-{taken[name]}" if taken[name] else ""
                token.attrSet("id", name)
                if token.tag in ("h2", "h3"):
                    sections.append((name, words))
            for child in token.children or ():
                attribute = {"link_open": "href", "image": "src"}.get(child.type)
                if attribute:
                    target = str(child.attrGet(attribute))
                    if not _EXTERNAL.match(target) and not target.startswith("#"):
                        child.attrSet(attribute, root + link(target))
        return self._render(tokens, None, root, ""), sections

    def _render(self, tokens: list[Token], scope: Entry | None, root: str, here: str) -> Markup:
        find = self._names.find(scope)
        for token in tokens:
            if token.type == "inline":
                token.children = list(_linked(token.children or [], find, root, here))
        html: str = self._markdown.renderer.render(tokens, self._markdown.options, {})
        return Markup(
            html.replace("<table>", '<div class="scrolls" tabindex="0"><table>')
            .replace("</table>", "</table></div>")
            .replace("<th></th>", "<td></td>")  # a corner is no heading
        )


def plain(token: Token) -> str:
    """Return the text of an inline token, without its markup."""
    return "".join(
        child.content for child in token.children or () if child.type in ("text", "code_inline")
    )


def slug(words: str) -> str:
    """Return the id of a heading, as hosts of git repositories make it."""
    return re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")


def wrapped(name: str) -> Markup:
    """Return a name that a narrow page can wrap between its words."""
    return Markup("<wbr>").join(re.split(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[_.])(?=\w)", name))


def code(text: str, language: str) -> Markup:
    """Return a block of highlighted code."""
    return Markup(f'<pre tabindex="0"><code>{_highlighted(text, language, "")}</code></pre>')


def source(text: str, name: str) -> Markup:
    """Return the text of a file, with the id `L-<number>` on each line."""
    try:
        lexer = _lexers.get_lexer_for_filename(name, stripnl=False)
    except ClassNotFound:
        lexer = _lexers.TextLexer(stripnl=False)
    # Without `nowrap`, which would leave the ids out.
    shown = highlight(text, lexer, _formatters.HtmlFormatter(linespans="L"))
    lines = shown.partition("<pre>")[2].rpartition("</pre>")[0]
    return Markup(f'<pre class="source" tabindex="0"><code>{lines}</code></pre>')


def _highlighted(text: str, language: str, _attributes: str) -> str:
    try:
        lexer = _lexers.get_lexer_by_name(language)
    except ClassNotFound:
        return str(escape(text))
    shown: str = highlight(text, lexer, _formatters.HtmlFormatter(nowrap=True))
    return shown.rstrip("\n")


def _linked(children: list[Token], find: Find, root: str, here: str) -> list[Token]:
    """Return inline tokens in which names of the contract are links."""
    done: list[Token] = []
    depth = 0
    for child in children:
        depth += child.nesting if child.type in ("link_open", "link_close") else 0
        if depth or child.type not in ("text", "code_inline"):
            done.append(child)
        elif child.type == "code_inline":
            url = find(child.content.strip("`").removesuffix("()"))
            done += [child] if not url or url == here else [*_link(root + url, child)]
        else:
            at = 0
            for match in _NAME.finditer(child.content):
                url = find(match[0])
                if url and url != here:
                    done.append(_text(child.content[at : match.start()]))
                    name = Token("code_inline", "code", 0, content=match[0])
                    done += _link(root + url, name)
                    at = match.end()
            done.append(_text(child.content[at:]))
    return done


def _link(url: str, inside: Token) -> list[Token]:
    begin = Token("link_open", "a", 1, attrs={"href": url})
    return [begin, inside, Token("link_close", "a", -1)]


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def repository_path(page: str, target: str) -> tuple[str, str]:
    """Return the path in the repository that a link on a page means, and its anchor."""
    path, _, anchor = target.partition("#")
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), path)), anchor
