"""The contract itself, as this package ships it: the .proto files and the descriptor image.

For tools: compilers that import our .proto files into others, schema registries, dynamic messages.
Services that only exchange messages need none of it.
"""

from __future__ import annotations

from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

_PACKAGE = Path(__file__).resolve().parent


def proto_root() -> Path:
    """The folder to give to protoc as `-I`: it holds `ai/stigmer/...`.

    Our files import `buf/validate/validate.proto`, which this package does not ship; give protoc a
    copy, or compile against `image_path()` instead, which needs none.

    Raises:
        FileNotFoundError: the .proto files are not where this package was installed from.
    """
    # In a wheel they lie in the package; in a source checkout (an editable install) in apis/.
    for root in (_PACKAGE / "proto", _PACKAGE.parent.parent / "apis"):
        if (root / "ai" / "stigmer").is_dir():
            return root
    raise FileNotFoundError(
        f"no .proto files beside {_PACKAGE}; install stigmer-apis from a wheel or a source checkout"
    )


def image_path() -> Path:
    """The file to give to protoc as `--descriptor_set_in`, and to buf as an input.

    A serialized `google.protobuf.FileDescriptorSet` with our files and the well-known types that
    they import, in dependency order, without comments. The validation rules are in it, as option
    bytes; the import of the file that declares them is not.
    """
    return _PACKAGE / "schema.binpb"


def file_descriptor_set() -> FileDescriptorSet:
    """The image at `image_path()`, parsed anew with every call.

    For a descriptor pool of your own. The default pool has these files already, from the modules.
    An option of ours is an extension: it is known where its module was imported before, such as
    `stigmer_apis.commons.apiresource.field_options_pb2`, and kept as an unknown field elsewhere.
    """
    return FileDescriptorSet.FromString(image_path().read_bytes())
