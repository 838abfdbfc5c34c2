"""Python for every message and RPC: a valid message, with a few readable values."""

from __future__ import annotations

import keyword
import re
from collections import defaultdict
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from reference.model import PREFIX, Entry, Reference
from schema_rules.resource_ids import Registry
from schema_rules.samples import Samples, entry_of, value_of
from schema_rules.schema import COMPUTED

_MORE = 3
"""How many fields a snippet sets beyond those that must be set."""
_WIDTH = 76
_ID = "01jd0m2v9c"
_WORDS = {
    "org": "acme",
    "name": "Nightly report",
    "slug": "nightly-report",
    "email": "ada@example.com",
    "command": "npx",
    "image": "example/server:1.0",
}
_ENDINGS = {
    "_at": "2026-01-31T09:30:00Z",
    "url": "https://example.com",
    "uri": "https://example.com",
    "endpoint": "https://example.com",
}


class Snippets:
    """Writes Python that builds messages of a contract and calls its RPCs."""

    def __init__(self, reference: Reference) -> None:
        self._schema = reference.schema
        self._samples = Samples(reference.schema)
        self._registry = Registry(reference.schema)
        self._prefixes = {kind: prefix for prefix, kind in self._registry.by_prefix.items()}

    def of_message(self, entry: Entry) -> str:
        """Return Python that builds a valid message of a type."""
        source = Source()
        built = source.constructor(self._sample(entry.element.name), 0)
        return f"{source.imports()}\n\n{_variable(entry.name)} = {built}"

    def of_rpc(self, entry: Entry) -> str:
        """Return Python that calls an RPC."""
        assert entry.owner is not None
        source = Source()
        request = source.constructor(self._sample(entry.descriptor.input_type.lstrip(".")), 0)
        stub = source.name(entry.owner.element.name, f"{entry.owner.name}Stub")
        rpc = entry.descriptor
        call = f"stub.{entry.name}({'iter([request])' if rpc.client_streaming else 'request'})"
        use = f"response = {call}"
        if rpc.server_streaming:
            use = f"for response in {call}:\n        print(response)"
        return (
            f"import grpc\n\n{source.imports()}\n\nrequest = {request}\n"
            f'with grpc.insecure_channel("localhost:50051") as channel:\n'
            f"    stub = {stub}(channel)\n    {use}"
        )

    def _sample(self, name: str) -> Any:
        valid = self._samples.valid(name)
        if valid is None:
            raise ValueError(
                f"no valid {name} was found for the reference; see schema_rules/samples.py"
            )
        sample = type(valid)()
        sample.CopyFrom(valid)
        if name in self._schema.messages:
            spec = self._schema.messages[name].field("spec")
            if spec is not None and spec.type_name in self._schema.messages:
                sample.spec.MergeFrom(self._samples.valid(spec.type_name))
                sample.spec.SetInParent()
            self._make_readable(sample, sample, _MORE)
        return sample

    def _make_readable(self, whole: Message, part: Any, more: int) -> None:
        """Replace meaningless strings, and set a few fields more, as long as all rules hold."""
        message = self._schema.messages.get(part.DESCRIPTOR.full_name)
        if message is None:
            return
        for field in message.fields:
            found: FieldDescriptor = part.DESCRIPTOR.fields_by_name[field.descriptor.name]
            is_set = any(found == each for each, _ in part.ListFields())
            if is_set and found.message_type is not None and entry_of(found) is None:
                held = getattr(part, found.name)
                for inner in held if found.is_repeated else [held]:
                    self._make_readable(whole, inner, 1)
            elif COMPUTED not in field.options or part.DESCRIPTOR.name.endswith("Status"):
                is_free = found.containing_oneof is None
                if is_set or (more > 0 and is_free and not field.is_deprecated):
                    changed = self._try_readable(whole, part, found)
                    more -= changed and not is_set

    def _try_readable(self, whole: Message, part: Any, found: FieldDescriptor) -> bool:
        value = self._readable(found)
        if value is None:
            return False
        before = type(part)()
        before.CopyFrom(part)
        if found.is_repeated:
            part.ClearField(found.name)
            getattr(part, found.name).append(value)
        else:
            setattr(part, found.name, value)
        if self._samples.oracle.violations(whole):
            part.CopyFrom(before)
            return False
        return True

    def _readable(self, found: FieldDescriptor) -> Any:
        if found.type == FieldDescriptor.TYPE_STRING:
            assert found.containing_type is not None
            return self._text(found.name, found.containing_type)
        if found.enum_type is not None:
            return next((v.number for v in found.enum_type.values if v.number), None)
        simple: dict[int, Any] = {
            FieldDescriptor.TYPE_BYTES: b"\x01\x02",
            FieldDescriptor.TYPE_BOOL: True,
            FieldDescriptor.TYPE_MESSAGE: None,
        }
        return simple.get(found.type, 10)

    def _text(self, name: str, message: Descriptor) -> str:
        stem, _, end = name.rpartition("_")
        if end in ("id", "ids"):
            of_package = {message.full_name.removeprefix(PREFIX).split(".")[1]}
            meant = self._registry.ending_in(tuple(stem.split("_"))) if stem else of_package
            own = [k for k in sorted(meant) if k.replace("_", "") in message.full_name] or sorted(
                meant
            )
            return f"{self._prefixes.get(own[0], 'res') if own else 'res'}-{_ID}"
        if name in _WORDS:
            return _WORDS[name]
        endings = (text for ending, text in _ENDINGS.items() if name.endswith(ending))
        return next(endings, name.replace("_", " "))


class Source:
    """Writes expressions, and collects what they import."""

    def __init__(self) -> None:
        self._names: dict[str, set[str]] = defaultdict(set)

    def imports(self) -> str:
        lines: list[str] = []
        for module, names in sorted(self._names.items()):
            line = f"from {module} import {', '.join(sorted(names))}"
            if len(line) > _WIDTH + 4:
                inside = "".join(f"    {name},\n" for name in sorted(names))
                line = f"from {module} import (\n{inside})"
            lines.append(line)
        return "\n".join(lines)

    def name(self, full_name: str, name: str) -> str:
        """Import the outermost of `name`, of the package of `full_name`, and return `name`."""
        package = full_name.rpartition(f".{name.removesuffix('Stub')}")[0].removeprefix(PREFIX)
        self._names[f"stigmer_apis.{package}"].add(name.partition(".")[0])
        return name

    def constructor(self, message: Any, depth: int) -> str:
        name = self._type(message.DESCRIPTOR)
        if message.DESCRIPTOR.full_name == "google.protobuf.Struct":
            return f"{name}()"
        arguments = [
            (f.name, self._value(f, value, depth + 1)) for f, value in message.ListFields()
        ]
        plain = [f"{key}={value}" for key, value in arguments if not keyword.iskeyword(key)]
        reserved = [f'"{key}": {value}' for key, value in arguments if keyword.iskeyword(key)]
        parts = [*plain, *([f"**{{{', '.join(reserved)}}}"] if reserved else [])]
        return self._call(f"{name}(", parts, ")", depth)

    def _type(self, descriptor: Descriptor | EnumDescriptor) -> str:
        package = descriptor.file.package
        name = descriptor.full_name.removeprefix(f"{package}.")
        if package.startswith(PREFIX):
            return self.name(descriptor.full_name, name)
        module = re.sub(r"\.proto$", "_pb2", descriptor.file.name).replace("/", ".")
        self._names[module].add(name)
        return name

    def _value(self, field: FieldDescriptor, value: Any, depth: int) -> str:
        if entry_of(field) is not None:
            of_value = value_of(field)
            # The order of a map differs from run to run.
            items = [
                f"{_literal(key)}: {self._one(of_value, value[key], depth + 1)}"
                for key in sorted(value)
            ]
            return self._call("{", items, "}", depth)
        if field.is_repeated:
            return self._call(
                "[", [self._one(field, each, depth + 1) for each in value], "]", depth
            )
        return self._one(field, value, depth)

    def _one(self, field: FieldDescriptor, value: Any, depth: int) -> str:
        if field.message_type is not None:
            return self.constructor(value, depth)
        if field.enum_type is not None:
            name = field.enum_type.values_by_number[value].name
            of_type = self._type(field.enum_type)
            return f'{of_type}.Value("{name}")' if keyword.iskeyword(name) else f"{of_type}.{name}"
        return _literal(value)

    def _call(self, begin: str, parts: list[str], end: str, depth: int) -> str:
        flat = f"{begin}{', '.join(parts)}{end}"
        if "\n" not in flat and len(flat) + 4 * depth + 16 <= _WIDTH:
            return flat
        pad = "    " * (depth + 1)
        return (
            f"{begin}\n{''.join(f'{pad}{part},' + chr(10) for part in parts)}{'    ' * depth}{end}"
        )


def _literal(value: Any) -> str:
    if isinstance(value, str) and '"' not in value and "\\" not in repr(value):
        return f'"{value}"'
    return f'b"{repr(value)[2:-1]}"' if isinstance(value, bytes) else repr(value)


def _variable(name: str) -> str:
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*|[a-z0-9]+", name.rpartition(".")[2])
    return "_".join(words).lower()
