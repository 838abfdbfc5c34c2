"""`python -m codegen`: generate the package from the contract, if it is not up to date."""

from __future__ import annotations

import gc
import shutil
import signal
import sys
import time
from pathlib import PurePosixPath

from codegen import image, names
from codegen.docstrings import docstrings
from codegen.exports import write_exports
from codegen.lock import one_at_a_time
from codegen.place import SCHEMA_IMAGE, digest_inputs, hand_written, is_up_to_date, place
from codegen.project import BUILD, LOCK, ROOT, StepError, run_tool
from codegen.relocate import check_source, relocate_path, relocate_source
from codegen.safe_classes import safe_classes

WORK = BUILD / "codegen"

GENERATED = "build/python"
"""The folder into which `buf.gen.yaml` writes the modules, below `buf generate --output`."""


def main() -> int:
    """Generate the package and return the exit code: 0, or 1 after one sentence on the failure."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        with one_at_a_time(LOCK, "generate"):
            _generate_if_needed()
    except StepError as failure:
        print(f"generate: {failure}. The package is unchanged.", file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"generate: cannot use {error.filename} ({error.strerror}); free it and run make "
            "again. The package is unchanged.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("generate: interrupted. The package is unchanged.", file=sys.stderr)
        return 130
    return 0


def _generate_if_needed() -> None:
    started = time.monotonic()
    inputs = digest_inputs()
    if is_up_to_date(inputs):
        print("generate: the package is up to date")
        return
    files = generate()
    while (now := digest_inputs()) != inputs:  # the contract was edited in the meantime
        inputs, files = now, generate()
    changed = place(files, inputs)
    seconds = time.monotonic() - started
    print(f"generate: changed {changed} files in {seconds:.1f} s")


def generate() -> dict[PurePosixPath, bytes]:
    """Return the content of every generated file, by its path in the package.

    Raises:
        StepError: The contract does not compile, Python cannot use one of its names, or a generator
            fails.
    """
    out = WORK / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    schema = image.without_rules_import(image.build(ROOT, WORK / "image.binpb"))
    names.check(schema, hand_written())
    safe, docs = safe_classes(schema), docstrings(schema)
    (WORK / "image.binpb").write_bytes(schema.SerializeToString(deterministic=True))
    run_tool("buf", ["generate", WORK / "image.binpb", "--output", out])
    files: dict[PurePosixPath, bytes] = {}
    generated = out / GENERATED
    for module in sorted(path for path in generated.rglob("*") if path.is_file()):
        path = PurePosixPath(module.relative_to(generated).as_posix())
        classes = safe.get(path.with_name(path.name.replace("_pb2.py", ".proto")), ())
        text = module.read_text(encoding="utf-8")
        source = relocate_source(text, path, classes, docs.get(path, {}))
        files[relocate_path(path)] = source.encode()
    for path, text in write_exports(schema).items():
        check_source(text, path)
        files[path] = text.encode()
    shipped = image.without_source_info(schema)
    files[PurePosixPath(SCHEMA_IMAGE)] = shipped.SerializeToString(deterministic=True)
    return files


if __name__ == "__main__":
    gc.disable()  # It would look again and again through syntax trees that are needed to the end.
    sys.exit(main())
