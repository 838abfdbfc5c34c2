"""The words that names and comments are made of."""

from __future__ import annotations

import re
from functools import cache

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_SENTENCE_END = re.compile(r"(?<=[.?!])\s+|(?<=:)\s+(?=[A-Z])")


@cache
def words(name: str) -> tuple[str, ...]:
    """Split a name or a text into its words, in lower case.

    Underscores, hyphens, dots, digits and capitals separate words: `APIKeyV2`, `api_key_v2` and
    "API key v2" have the same words.
    """
    return tuple(word.lower() for word in _WORD.findall(name))


def singular(word: str) -> str:
    """The word without the ending of a plural or of a verb in the third person."""
    for ending, kept in (("ies", "y"), ("sses", "ss"), ("shes", "sh"), ("xes", "x")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            return word[: -len(ending)] + kept
    is_plural = len(word) > 2 and word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return word[:-1] if is_plural else word


def sentences(comment: str) -> list[str]:
    """The sentences of a comment, each on one line."""
    return _SENTENCE_END.split(" ".join(comment.split())) if comment else []
