"""What descriptors say in other words from one protobuf release to the next."""

from __future__ import annotations

from google.protobuf.descriptor import FieldDescriptor


def is_repeated(field: FieldDescriptor) -> bool:
    """Whether a field is repeated; maps are."""
    # `label` warns where `is_repeated` is known: protobuf 6 and later.
    known: bool | None = getattr(field, "is_repeated", None)
    if known is None:
        return bool(getattr(field, "label") == FieldDescriptor.LABEL_REPEATED)  # noqa: B009
    return known


def is_map(field: FieldDescriptor) -> bool:
    """Whether a field is a map."""
    return field.message_type is not None and field.message_type.GetOptions().map_entry
