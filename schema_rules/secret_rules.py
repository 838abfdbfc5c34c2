"""Whether a field is secret is stated wherever a name or a comment raises the question."""

from __future__ import annotations

import re
from collections.abc import Iterator

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from schema_rules.field_kinds import (
    Slot,
    holds_any_entries,
    holds_text,
    is_number,
    slots,
    without_generic_end,
)
from schema_rules.finding import Finding
from schema_rules.schema import Message, Schema
from schema_rules.token_rules import is_task_token
from schema_rules.words import sentences, singular, words

_STEMS = re.compile(
    "pass(word|wd|phrase|code|key)|secret|token(?!i[sz])|apikey|credential|bearer|cookie|signature|"
    "webhook|connection(string|uri|url)|connstr|kubeconfig|key(store|pair)|(seed|recovery)phrase|"
    "presigned|userinfo|(magic|login|signin|invite|invitation)(link|url)|"
    "(private|access|signing|encryption|decryption|ssh|master|session)key"
)
"""What suggests a secret in any spelling, looked for in a name without its separators."""
_WORDS = frozenset(words("pwd pass pat pin otp totp jwt dsn cred psk pem mnemonic hmac salt sid"))
"""What suggests a secret as a word of its own."""
_CODES = re.compile("(auth|verification|recovery|backup|security|login|device|reset|otp) codes?$")
_SIGN_INS = frozenset(words("auth authz authorization oauth saml"))
"""What text suggests a secret at the end of a name, or before `header`."""
_PLAIN_KEYS = frozenset(
    words(
        "primary foreign sort partition idempotency dedup dedupe deduplication cache map label "
        "index lookup group grouping routing message translation natural object storage config "
        "metadata public row shard order tag correlation annotation attribute json property "
        "variable env context search registry parent short unique composite business event stream "
        "state feature flag setting template task resource entity record item column field param "
        "query path hot arrow"
    )
)
"""What a key is called that opens nothing."""
_OF_A_KEY = frozenset(words("hash secret material pem bytes data fingerprint digest"))
_NO_KEYS = frozenset(words("monkey donkey turkey whiskey hockey jockey hotkey lackey"))
_COUNTS = frozenset(
    words(
        "count max min maximum minimum limit total number num budget usage input output prompt "
        "completion cached used size length per rate window quota remaining"
    )
)
_CARRIERS = frozenset(words("header env environ environment placeholder param parameter"))
"""What entries are called among which callers put their secrets."""
_MARKERS = frozenset(words("sensitive confidential encrypted masked redacted hidden"))
_SECRETS = r"(passw\w+|pass(phrase|code)s?|credentials?|(api|private|access) keys?|bearer)"
_SAID_OF_TEXT = re.compile(
    r"\b(whoever|anyone|anybody|who|the one|one) (who |that )?(has|holds|knows|opens) (it|this)\b"
    r"|\b(never|do not) (log|print)\b|\bconfidential\b|(?<!case[ -])\bsensitive\b"
    r"|\bauthorization header\b|\bprivate (key|part|half)\b|\bpre-?signed\b|\bdecrypts\b"
    r"|\b(access|refresh|id) token\b"
    r"|\b(sends|shows|with|with which|by which)\b[^.;:]* (sign(s|ed)?|logs?) in\b"
    r"|\b(sign|log)s in with[.,;]|\bproves? (to|that|who)\b"
    rf"|\b(hash|salt|digest) of (the|an?|its) ([\w-]+ )?{_SECRETS}",
    re.IGNORECASE,
)
"""What a comment says of text that opens something, whatever the text is called."""
_SAID_OF_ENTRIES = re.compile(rf"\b(secrets?|{_SECRETS})\b|\bapi_key\b", re.IGNORECASE)
"""What a comment says of entries among which is a secret."""
_DENIED = re.compile(
    r"\b(no|not|never|without|whether|instead of|(names?|number|kind|type) of)\b[^;:]*$",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"^(the|an?|its|this|your)\s", re.IGNORECASE)
_ENDS_A_HEAD = re.compile(
    r"\b(of|for|with|that|which|by|in|to|from|as|used|and|or|is|are|on|at|whose|who|when)\b|[^\w\s-]",
    re.IGNORECASE,
)


def secret_stated(schema: Schema) -> Iterator[Finding]:
    """SECRET_STATED: what could be a secret by its name states debug_redact, as true or false."""
    asked: set[str] = set()
    for slot in slots(schema):
        why = None if _is_answered(schema, slot) else _why_asked(schema, slot)
        if why:
            asked.add(slot.message.name if slot.message else "")
            yield Finding(
                "SECRET_STATED",
                slot.field,
                f'Field "{slot.short_name}" {why}, so it must state debug_redact: true if it can '
                "hold a secret, false if it cannot",
            )
    for message in schema.messages.values():
        if message.name not in asked and _is_a_secret_of_silent_fields(schema, message):
            yield Finding(
                "SECRET_STATED",
                message,
                f'Message "{message.descriptor.name}" is a secret by its name, but none of its '
                "fields states debug_redact; state which one holds the secret",
            )


def suggests_secret(name: tuple[str, ...]) -> bool:
    """Whether the words of a name suggest a secret."""
    if name[-2:] == ("page", "token"):  # of AIP-158: it opens the next page and nothing else
        return False
    singulars = [singular(word) for word in name]
    if any(_STEMS.search("".join(filter(str.isalpha, each))) for each in (name, singulars)):
        return True
    if any(word in _WORDS for word in singulars) or _CODES.search(" ".join(singulars)):
        return True
    return _has_a_secret_key(singulars)


def _ends_in_a_secret(name: tuple[str, ...]) -> bool:
    """Whether a name is that of a secret: `LoginPassword` and `ApiKey`, not `PasswordRequest`."""
    needs_both = bool(name) and singular(name[-1]) in {"key", "code"}
    return suggests_secret(name[-2:] if needs_both else name[-1:])


def _has_a_secret_key(name: list[str]) -> bool:
    for i, word in enumerate(name):
        if word == "key":
            before, after = name[i - 1] if i else "", name[i + 1] if i + 1 < len(name) else ""
            if before not in _PLAIN_KEYS if before else after in _OF_A_KEY:
                return True
        elif word.endswith("key") and word not in _NO_KEYS:
            return True
    return False


def _is_stated(slot: Slot) -> bool:
    return slot.field.descriptor.options.HasField("debug_redact")


def _is_answered(schema: Schema, slot: Slot) -> bool:
    return _is_stated(slot) or is_task_token(schema, slot)  # TOKEN_SHAPE asks that it be true


def _why_asked(schema: Schema, slot: Slot) -> str | None:
    field = slot.field
    if words(field.descriptor.name)[-2:] == ("page", "token"):
        return None
    if is_number(field) and _is_a_count(words(field.descriptor.name)):
        return None
    if any(suggests_secret(name) for name in _judged(schema, slot)):
        return "suggests a secret by its name"
    if holds_any_entries(schema, field) and any(
        singular(word) in _CARRIERS for name in slot.names for word in name
    ):
        return "holds entries that may be secrets"
    if holds_any_entries(schema, field) and _is_said(_SAID_OF_ENTRIES, field.comment):
        return "holds entries that may be secrets"
    if holds_text(schema, field):
        if any(_SIGN_INS & {*name[-1:], *name[:-1][-1:]} for name in slot.names):
            return "suggests a secret by its name"
        if slot.is_generic and slot.message and _has_marker(slot.message):
            return "is next to a field that marks secrets"
        if _is_called_a_secret(field.comment) or _is_said(_SAID_OF_TEXT, field.comment):
            return "suggests a secret by its comment"
    return None


def _judged(schema: Schema, slot: Slot) -> Iterator[tuple[str, ...]]:
    """The names to judge: that of the message counts only if the message itself is the secret."""
    own = words(slot.field.descriptor.name)
    for name in slot.names:
        scope = name[: len(name) - len(own)]
        if scope and name[len(scope) :] == own:
            if slot.field.type_name in schema.messages and not holds_text(schema, slot.field):
                continue  # the fields of that message answer for themselves
            # "ApiKeyHash.value" is a key, "ApiKeyId.value" is none.
            end = without_generic_end(scope)
            yield end[-2:] if _ends_in_a_secret(end) else own
        else:
            yield name


def _is_a_count(name: tuple[str, ...]) -> bool:
    return any(word in _COUNTS for word in name) or name[-1:] == ("tokens",)


def _has_marker(message: Message) -> bool:
    """Whether a message says by a flag of its own that what it holds is a secret."""
    flags = {FieldDescriptorProto.TYPE_BOOL, FieldDescriptorProto.TYPE_ENUM}
    return any(
        field.descriptor.type in flags and (suggests_secret(name) or _MARKERS & {*name})
        for field in message.fields
        for name in (words(field.descriptor.name), words(field.descriptor.json_name))
    )


def _is_said(pattern: re.Pattern[str], comment: str) -> bool:
    return any(
        not _DENIED.search(sentence[: match.start()])
        for sentence in sentences(comment)
        for match in pattern.finditer(sentence)
    )


def _is_called_a_secret(comment: str) -> bool:
    """Whether a comment begins with a secret, as in "The password of the account."."""
    first = next(iter(sentences(comment)), "")
    head = words(_ENDS_A_HEAD.split(_ARTICLE.sub("", first), maxsplit=1)[0])
    is_denied = bool({"no", "not", "whether"} & {*head})
    return not is_denied and _ends_in_a_secret(head)


def _is_a_list(message: Message) -> bool:
    return any(
        field.descriptor.label == FieldDescriptorProto.LABEL_REPEATED
        and field.descriptor.type == FieldDescriptorProto.TYPE_MESSAGE
        for field in message.fields
    )


def _is_a_secret_of_silent_fields(schema: Schema, message: Message) -> bool:
    descriptor = message.descriptor
    # The elements of a list, such as ApiKeys, answer for themselves.
    if descriptor.options.map_entry or message.field("metadata") or _is_a_list(message):
        return False
    texts = [field for field in message.fields if holds_text(schema, field)]
    end = without_generic_end(words(descriptor.name))
    if not texts or not _ends_in_a_secret(end) or end[-1:] == ("webhook",):
        return False
    return not any(_is_answered(schema, Slot(field, message)) for field in message.fields)
