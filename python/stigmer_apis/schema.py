"""The contract as shipped in this package: the .proto files and the descriptor image.

For tools that compile our .proto files with others, for schema registries and for dynamic messages.
Services that only exchange messages do not need this module.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

_PACKAGE = Path(__file__).resolve().parent
_IMAGE = "schema.binpb"


def proto_root() -> Path:
    """Return the folder that contains `ai/stigmer/...`, to pass to protoc as `-I`.

    Our files import `buf/validate/validate.proto`, which this package does not ship. Give protoc a
    copy of it, or compile against `image_path()` instead, which needs none.

    Raises:
        FileNotFoundError: The package is in an archive, where files have no path, or it was
            installed or frozen without its .proto files.
    """
    # A wheel has them in the package; a source checkout (an editable install) has them in apis/.
    for root in (_PACKAGE / "proto", _PACKAGE.parent.parent / "apis"):
        if (root / "ai" / "stigmer").is_dir():
            return root
    raise _without_a_path(".proto files")


def image_path() -> Path:
    """Return the path of the image, for protoc's `--descriptor_set_in` or as an input of buf.

    The image is a serialized `google.protobuf.FileDescriptorSet` with our files and the well-known
    types that they import, in dependency order, without comments. It contains the validation rules
    as option bytes, but not the import of the file that declares them.

    Raises:
        FileNotFoundError: The package is in an archive, where files have no path, or it was
            installed or frozen without its data files.
    """
    path = _PACKAGE / _IMAGE
    if not path.is_file():
        raise _without_a_path(_IMAGE)
    return path


def file_descriptor_set() -> FileDescriptorSet:
    """Return the image, parsed again on every call, also from a package in an archive.

    Use it for a descriptor pool of your own; the default pool gets these files from our modules.
    Our options are extensions. An option is parsed only if its module was imported before, such as
    `stigmer_apis.commons.apiresource.field_options_pb2`; otherwise it stays an unknown field.

    Raises:
        FileNotFoundError: The package was installed or frozen without its data files.
    """
    try:
        image = files("stigmer_apis").joinpath(_IMAGE).read_bytes()
    except FileNotFoundError:
        raise _missing(_IMAGE) from None
    return FileDescriptorSet.FromString(image)


def _without_a_path(what: str) -> FileNotFoundError:
    if not _PACKAGE.is_dir():
        return FileNotFoundError(
            f"stigmer_apis is in an archive ({_PACKAGE.parent}), where files have no path; "
            "unpack the archive, or use file_descriptor_set(), which needs no path"
        )
    return _missing(what)


def _missing(what: str) -> FileNotFoundError:
    return FileNotFoundError(
        f"{_PACKAGE} has no {what}; install stigmer-apis from a wheel or a source checkout, or "
        "have the tool that froze it collect the data files of stigmer_apis"
    )
