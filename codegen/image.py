"""Descriptor images: the compiled contract, on which all other steps work."""

from __future__ import annotations

from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from codegen.project import PROTO_ROOT, RULES_FILE, run_tool


def build(workspace: Path, target: Path) -> FileDescriptorSet:
    """Compile the buf workspace in `workspace`, write its image to `target`, and return the image.

    Raises:
        codegen.project.StepError: The workspace does not compile.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    run_tool("buf", ["build", "--output", target], cwd=workspace)
    return FileDescriptorSet.FromString(target.read_bytes())


def without_rules_import(image: FileDescriptorSet) -> FileDescriptorSet:
    """Return a copy of `image` in which no file imports the validation rules.

    The copy contains our files and their imports, without files that only the rules imported.

    The rules themselves stay in the options: a reader that does not know them keeps them as unknown
    fields, and protovalidate reads them from there. Without the import, our generated code needs no
    `buf.validate` module. This matters because the Python descriptor pool is global and keyed by
    path: if several packages each bring `buf/validate/validate.proto`, they collide.
    """
    files = {file.name: _without_dependency(file) for file in image.file}
    wanted: set[str] = set()
    pending = [name for name in files if name.startswith(PROTO_ROOT.replace(".", "/") + "/")]
    while pending:
        name = pending.pop()
        if name not in wanted:
            wanted.add(name)
            pending.extend(files[name].dependency)
    return FileDescriptorSet(file=[file for name, file in files.items() if name in wanted])


def without_source_info(image: FileDescriptorSet) -> FileDescriptorSet:
    """Return a copy of `image` without comments and line numbers, as shipped and released."""
    bare = FileDescriptorSet()
    bare.CopyFrom(image)
    for file in bare.file:
        file.ClearField("source_code_info")
    return bare


def _without_dependency(file: FileDescriptorProto) -> FileDescriptorProto:
    if RULES_FILE not in file.dependency:
        return file
    target = FileDescriptorProto()
    target.CopyFrom(file)
    dropped = list(file.dependency).index(RULES_FILE)
    if dropped in file.public_dependency:
        raise ValueError(f"{file.name} imports {RULES_FILE} publicly; import it without `public`")
    del target.dependency[dropped]
    # The indices of later imports move down by one.
    for indices in (target.public_dependency, target.weak_dependency):
        indices[:] = [index - (index > dropped) for index in indices]
    # Source locations refer to imports by index too, and no generator reads them.
    field = FileDescriptorProto.DEPENDENCY_FIELD_NUMBER
    locations = [at for at in target.source_code_info.location if at.path[:1] != [field]]
    del target.source_code_info.location[:]
    target.source_code_info.location.extend(locations)
    return target
