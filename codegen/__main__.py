"""`python -m codegen`: generate the package from the contract, if it is not up to date."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path, PurePosixPath

from codegen import image
from codegen.exports import write_exports
from codegen.place import SCHEMA_IMAGE, digest_inputs, is_up_to_date, place
from codegen.project import BUILD, ROOT, StepError, run_tool
from codegen.relocate import relocate_path, relocate_source

WORK = BUILD / "codegen"

GENERATED = "build/python"
"""Where `buf.gen.yaml` puts the modules, below the folder that `buf generate --output` names."""


def main() -> int:
    """Generate the package and return the exit code: 0, or 1 after one sentence on the failure."""
    inputs = digest_inputs()
    if is_up_to_date(inputs):
        print("generate: the package is up to date")
        return 0
    started = time.monotonic()
    try:
        staged = generate()
        count = sum(path.is_file() for path in staged.rglob("*"))
        place(staged, inputs)
    except StepError as failure:
        print(f"generate: {failure}. The package was not touched.", file=sys.stderr)
        return 1
    print(f"generate: wrote {count} files in {time.monotonic() - started:.1f} s")
    return 0


def generate() -> Path:
    """Generate the whole tree into a separate folder and return that folder.

    Raises:
        StepError: The contract does not compile, or a generator fails.
    """
    out, staged = WORK / "out", WORK / "staged"
    for folder in (out, staged):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    schema = image.without_rules_import(image.build(ROOT, WORK / "image.binpb"))
    (WORK / "image.binpb").write_bytes(schema.SerializeToString(deterministic=True))
    run_tool("buf", ["generate", WORK / "image.binpb", "--output", out])
    generated = out / GENERATED
    for module in sorted(path for path in generated.rglob("*") if path.is_file()):
        path = PurePosixPath(module.relative_to(generated).as_posix())
        if _is_empty_grpc_stub(module):
            continue
        _write(staged / relocate_path(path), relocate_source(module.read_text(), path))
    for path, text in write_exports(schema).items():
        _write(staged / path, text)
    shipped = image.without_source_info(schema)
    (staged / SCHEMA_IMAGE).write_bytes(shipped.SerializeToString(deterministic=True))
    return staged


def _is_empty_grpc_stub(module: Path) -> bool:
    """Whether this is the stub that protoc-gen-mypy_grpc writes for a file without services."""
    return module.name.endswith("_pb2_grpc.pyi") and not module.with_suffix(".py").exists()


def _write(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    sys.exit(main())
