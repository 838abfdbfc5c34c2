"""Every element has a comment, and it says something."""

from __future__ import annotations

import re
from collections.abc import Iterator

from schema_rules.finding import Finding
from schema_rules.schema import Element, Enum, Field, File, Message, Oneof, Rpc, Schema, Service
from schema_rules.words import sentences, singular, words

_UNFINISHED = re.compile(
    r"\b(TODO|HACK|WIP)\b|\bTodo\b(?! list)|\btodo\b\s*[:(]|\b(?i:FIXME|XXX|TBD|lorem ipsum)\b"
    r"|\b(?i:to be (determined|documented|decided|described|written|completed))[.!]"
    r"|\b(?i:documented|described) later\b|\A\s*(?i:placeholder)\b"
)
_ENDS_A_SENTENCE = (".", "?", "!", ":", '."', ".)", "?)", ".`")
_CODE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_URL_AT_THE_END = re.compile(r"\bhttps?://\S+$")
_ITEM = re.compile(r"([-*]|[0-9]+[.)])\s")
_REASON = re.compile(
    r"\b(deprecated|instead|replaced?|superseded?|because|since|no longer|obsolete|prefer|use)\b",
    re.IGNORECASE,
)
_NO_REASON = frozenset(
    words(
        "deprecated do not use this any more anymore longer no be will please avoid now since "
        "because instead replaced replace superseded supersede obsolete prefer"
    )
)
_FILLERS = frozenset(
    words(
        "s a an the of this that these its it is are be for in to on by with and or as at which "
        "whether one each all any given actual current specific field message enum value oneof "
        "service rpc method option file type hold contain represent describe specify indicate "
        "define denote store give string bytes byte bool boolean int integer float double number "
        "map list repeated"
    )
)
"""Words that add nothing to a name."""
_ACTIONS = frozenset(
    words("create get list update delete apply find search upload request response")
)
"""Words of a message that say something new of its fields: "The agent to create."."""
_RELATIONS = frozenset(words("of for by in to with from that which on"))


def comment_present(schema: Schema) -> Iterator[Finding]:
    """COMMENT_PRESENT: every element has a comment, files, extensions and oneofs included."""
    for element in _commented(schema):
        if not element.comment:
            yield Finding(
                "COMMENT_PRESENT",
                element,
                f"{_called(element)} needs a comment above it that tells more than its name",
            )


def comment_sentence(schema: Schema) -> Iterator[Finding]:
    """COMMENT_SENTENCE: a comment is made of whole sentences."""
    for element in _commented(schema):
        for paragraph in re.split(r"\n\s*\n", _CODE.sub("", element.comment)):
            if paragraph.strip() and not _is_made_of_sentences(paragraph.strip()):
                yield Finding(
                    "COMMENT_SENTENCE",
                    element,
                    f"The comment of {_called(element)} must consist of whole sentences, each from "
                    "a capital letter to a full stop",
                )
                break


def comment_finished(schema: Schema) -> Iterator[Finding]:
    """COMMENT_FINISHED: no comment of a file, wherever it is, leaves work for later."""
    for file in schema.files.values():
        for location in file.descriptor.source_code_info.location:
            texts = [location.leading_comments, location.trailing_comments]
            texts += location.leading_detached_comments
            for match in filter(None, map(_UNFINISHED.search, texts)):
                yield Finding(
                    "COMMENT_FINISHED",
                    Element(file.name, file.file, tuple(location.path), {}),
                    f'A comment contains "{match[0].strip(" :(")}"; finish the work, or track it '
                    "in an issue",
                )


def comment_informs(schema: Schema) -> Iterator[Finding]:
    """COMMENT_INFORMS: a comment says more than the name and the type of its element."""
    for element in _commented(schema):
        if element.comment and _only_names(element):
            yield Finding(
                "COMMENT_INFORMS",
                element,
                f"The comment of {_called(element)} only repeats its name; state who writes it, "
                "when, in which format, or what empty means",
            )


def deprecation_reason(schema: Schema) -> Iterator[Finding]:
    """DEPRECATION_REASON: the comment of what is deprecated says why, or what to use instead."""
    for element in _commented(schema):
        if element.is_deprecated and not any(map(_is_reason, sentences(element.comment))):
            yield Finding(
                "DEPRECATION_REASON",
                element,
                f"{_called(element)} is deprecated, so its comment must state why, or what to use "
                'instead, as in "Deprecated: use display_name instead."',
            )


def _commented(schema: Schema) -> Iterator[Element]:
    """Yield every element whose file tells comments: an image of a release tells none."""
    for element in schema.elements():
        if element.file.source_code_info.location:
            yield element


def _called(element: Element) -> str:
    kind = "Option" if isinstance(element, Field) and element.descriptor.extendee else None
    name = element.name if isinstance(element, File) else ".".join(element.name.split(".")[-2:])
    return f'{kind or type(element).__name__} "{name}"'


def _is_made_of_sentences(paragraph: str) -> bool:
    if _ITEM.match(paragraph):
        return True
    if re.fullmatch(r"\*\*[^*]+\*\*", paragraph):  # a heading
        return True
    first = paragraph.split()[0]
    is_identifier = re.search(r"[_.()A-Z0-9]", first.rstrip("."))
    is_ended = paragraph.endswith(_ENDS_A_SENTENCE) or _URL_AT_THE_END.search(paragraph)
    return bool(is_ended) and bool(is_identifier or not first[0].islower())


def _only_names(element: Element) -> bool:
    said, known = _stems(element.comment), _known(element)
    if isinstance(element, Message | Enum | Service):
        # The comment of a type may put the words of its name into relation: "The ID of an agent."
        return said == known and not _RELATIONS & {*words(element.comment)}
    return said <= known


def _stems(text: str) -> set[str]:
    return {singular(word) for word in words(text)} - _FILLERS


def _known(element: Element) -> set[str]:
    """The words that a reader knows from the names around an element and from its type."""
    names = [element.name.rpartition("/")[2]]
    if isinstance(element, Field):
        scope = element.name.removeprefix(element.package).rpartition(".")[0]
        around = {singular(word) for word in words(scope)} - _ACTIONS
        names = [" ".join(around), _short(element.name), _short(element.type_name)]
    if isinstance(element, Rpc):
        names.append(_short(element.name.rpartition("/")[0]))
    if isinstance(element, Message | Enum | Service | Oneof):
        names = [_short(element.name)]
    return {singular(word) for name in names for word in words(name)}


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _is_reason(sentence: str) -> bool:
    said = set(words(sentence)) - _NO_REASON
    return bool(_REASON.search(sentence)) and bool(said - _FILLERS)
