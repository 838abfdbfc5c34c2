"""The code generator: what it rewrites, what it writes, and what it leaves alone when it fails."""

from __future__ import annotations

import ast
import subprocess
import textwrap
from pathlib import Path, PurePosixPath

import pytest
from google.protobuf import any_pb2, text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from codegen import image, relocate
from codegen.project import StepError
from codegen.safe_classes import safe_classes
from tests.codegen.small_contract import tree
from tests.conftest import make_environment
from tests.toolchain import Run, raise_version

_RULES = "buf/validate/validate.proto"


def _package(checkout: Path) -> Path:
    return checkout / "python" / "stigmer_apis"


class TestImage:
    """Dropping the import of the validation rules."""

    def _file(self, *dependencies: str) -> FileDescriptorProto:
        return FileDescriptorProto(name="ai/stigmer/a.proto", dependency=dependencies)

    def _image(self, *files: FileDescriptorProto) -> FileDescriptorSet:
        imported = {name for file in files for name in file.dependency}
        missing = sorted(imported - {file.name for file in files})
        return FileDescriptorSet(file=[*(FileDescriptorProto(name=n) for n in missing), *files])

    def _ours(self, image: FileDescriptorSet) -> FileDescriptorProto:
        return image.file[-1]

    def test_the_import_and_the_imported_file_go(self) -> None:
        before = self._image(self._file("x.proto", _RULES, "y.proto"))
        after = image.without_rules_import(before)
        assert [file.name for file in after.file] == ["x.proto", "y.proto", "ai/stigmer/a.proto"]
        assert list(self._ours(after).dependency) == ["x.proto", "y.proto"]

    def test_what_only_the_rules_import_goes_with_them(self) -> None:
        rules = FileDescriptorProto(name=_RULES, dependency=["duration.proto", "shared.proto"])
        before = self._image(rules, self._file(_RULES, "shared.proto"))
        after = image.without_rules_import(before)
        assert [file.name for file in after.file] == ["shared.proto", "ai/stigmer/a.proto"]

    def test_indices_of_later_imports_move_down(self) -> None:
        file = self._file("x.proto", _RULES, "y.proto")
        file.public_dependency.extend([0, 2])
        after = image.without_rules_import(self._image(file))
        assert list(self._ours(after).public_dependency) == [0, 1]

    def test_a_public_import_of_the_rules_is_refused(self) -> None:
        file = self._file(_RULES)
        file.public_dependency.append(0)
        with pytest.raises(ValueError, match="publicly"):
            image.without_rules_import(self._image(file))

    def test_a_file_without_the_import_is_as_it_was(self) -> None:
        before = self._image(self._file("x.proto"))
        self._ours(before).source_code_info.location.add(path=[3, 0], span=[1, 2, 3])
        assert image.without_rules_import(before) == before

    def test_comments_survive_for_the_stubs(self) -> None:
        file = self._file(_RULES)
        file.source_code_info.location.add(path=[4, 0], span=[1, 2, 3], leading_comments="Kept.")
        file.source_code_info.location.add(path=[3, 0], span=[1, 2, 3], leading_comments="Gone.")
        after = self._ours(image.without_rules_import(self._image(file)))
        assert [at.leading_comments for at in after.source_code_info.location] == ["Kept."]


class TestRelocate:
    """Names in generated modules, changed where the syntax tree says that they stand."""

    def _relocated(self, source: str, path: str = "ai/stigmer/x/v1/a_pb2.py") -> str:
        return relocate.relocate_source(textwrap.dedent(source), PurePosixPath(path))

    def test_an_import_of_a_neighbour_is_changed(self) -> None:
        before = "from ai.stigmer.commons.rpc import pagination_pb2 as p\n"
        after = "from stigmer_apis.commons.rpc import pagination_pb2 as p\n"
        assert self._relocated(before) == after

    def test_strings_and_comments_are_not(self) -> None:
        source = '''\
            # from ai.stigmer.commons.rpc import pagination_pb2
            PATH = "/ai.stigmer.x.v1.S/get"
            """
            from ai.stigmer.commons.rpc import pagination_pb2
            """
            '''
        assert self._relocated(source) == textwrap.dedent(source)

    def test_the_module_name_of_message_classes_is_changed(self) -> None:
        before = "b.BuildTopDescriptorsAndMessages(DESCRIPTOR, 'ai.stigmer.x.v1.a_pb2', _globals)\n"
        after = (
            "b.BuildTopDescriptorsAndMessages(DESCRIPTOR, 'stigmer_apis.x.v1.a_pb2', _globals)\n"
        )
        assert self._relocated(before) == after

    def test_a_name_that_only_begins_like_ours_is_not(self) -> None:
        source = "from ai.stigmer_other import x_pb2\n"
        assert self._relocated(source) == source

    def test_text_before_the_name_may_be_of_any_script(self) -> None:
        before = "ü = 'ü'; from ai.stigmer.x import y_pb2\n"
        assert self._relocated(before) == "ü = 'ü'; from stigmer_apis.x import y_pb2\n"

    def test_grpc_is_imported_through_the_module_that_names_the_extra(self) -> None:
        path = "ai/stigmer/x/v1/a_pb2_grpc.py"
        relocated = self._relocated("import grpc\n", path)
        assert relocated == "from stigmer_apis._grpc import async_stub, grpc\n"

    def test_a_file_is_added_by_the_module_that_names_another_copy(self) -> None:
        before = (
            "from google.protobuf import descriptor_pool as _descriptor_pool\n"
            "DESCRIPTOR = _descriptor_pool.Default().AddSerializedFile(b'\\n\\x07a.proto')\n"
        )
        assert self._relocated(before) == (
            "from stigmer_apis import _pool\n"
            "DESCRIPTOR = _pool.add_file('a.proto', b'\\n\\x07a.proto')\n"
        )

    def test_an_import_of_another_kind_is_refused(self) -> None:
        with pytest.raises(StepError, match=r"x/v1/a\.proto: a_pb2\.py, .* unknown form of import"):
            self._relocated("import ai.stigmer.x.y_pb2\n")

    def test_a_path_outside_the_contract_is_refused(self) -> None:
        with pytest.raises(ValueError, match="google"):
            relocate.relocate_path(PurePosixPath("google/protobuf/any_pb2.py"))

    def test_no_generated_module_imports_by_its_proto_path(self, root: Path) -> None:
        modules = [*(root / "python").rglob("*.py"), *(root / "python").rglob("*.pyi")]
        assert modules
        for module in modules:
            for node in ast.walk(ast.parse(module.read_text())):
                if not isinstance(node, ast.Import | ast.ImportFrom):
                    continue
                names = [alias.name for alias in node.names]
                names.append(getattr(node, "module", None) or "")
                assert not any(str(n).split(".")[0] in ("ai", "buf") for n in names), module

    def test_classes_print_masked_as_soon_as_they_exist(self) -> None:
        source = (
            "B(D, _globals)\n"
            "_builder.BuildTopDescriptorsAndMessages(D, 'ai.stigmer.a_pb2', _globals)\n"
        )
        path = PurePosixPath("ai/stigmer/a_pb2.py")
        assert relocate.relocate_source(source, path, ["Outer", "Outer.Inner"]) == (
            "B(D, _globals)\n"
            "_builder.BuildTopDescriptorsAndMessages(D, 'stigmer_apis.a_pb2', _globals)\n"
            "from stigmer_apis import _printing\n"
            "_printing.install(_globals, 'Outer', 'Outer.Inner')\n"
        )


class TestSafeClasses:
    """Which classes print masked, by what their descriptors say."""

    FILE = """
      name: "ai/stigmer/x/v1/x.proto" package: "ai.stigmer.x.v1" syntax: "proto3"
      dependency: "google/protobuf/any.proto"
      message_type {
        name: "Plain"
        field { name: "token" number: 1 label: LABEL_OPTIONAL type: TYPE_BYTES }
      }
      message_type {
        name: "Secret"
        field {
          name: "pin" number: 1 label: LABEL_OPTIONAL type: TYPE_INT32
          options { debug_redact: true }
        }
      }
      message_type {
        name: "Marked"
        field { name: "data" number: 1 label: LABEL_OPTIONAL type: TYPE_BYTES }
        field { name: "is_secret" number: 2 label: LABEL_OPTIONAL type: TYPE_BOOL }
      }
      message_type {
        name: "Packed"
        field { name: "any" number: 1 label: LABEL_REPEATED type: TYPE_MESSAGE
                type_name: ".google.protobuf.Any" }
      }
      message_type {
        name: "Temporal"
        field { name: "task_token" number: 1 label: LABEL_OPTIONAL type: TYPE_BYTES }
      }
      message_type {
        name: "Tree"
        field { name: "trees" number: 1 label: LABEL_REPEATED type: TYPE_MESSAGE
                type_name: ".ai.stigmer.x.v1.Tree" }
        field { name: "leaves" number: 2 label: LABEL_REPEATED type: TYPE_MESSAGE
                type_name: ".ai.stigmer.x.v1.Tree.LeavesEntry" }
        nested_type {
          name: "LeavesEntry" options { map_entry: true }
          field { name: "key" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
          field { name: "value" number: 2 label: LABEL_OPTIONAL type: TYPE_MESSAGE
                  type_name: ".ai.stigmer.x.v1.Secret" }
        }
        nested_type {
          name: "Note"
          field { name: "text" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
        }
      }
    """

    def test_they_are_those_that_can_hold_a_secret(self) -> None:
        any_file = FileDescriptorProto()
        any_pb2.DESCRIPTOR.CopyToProto(any_file)
        ours = text_format.Parse(self.FILE, FileDescriptorProto())
        assert safe_classes(FileDescriptorSet(file=[any_file, ours])) == {
            PurePosixPath("ai/stigmer/x/v1/x.proto"): [
                *("Secret", "Marked", "Packed", "Temporal"),
                *("Tree", "Tree.LeavesEntry"),
            ]
        }


def _forget_what_was_generated(checkout: Path) -> None:
    """Make the next run generate, though nothing has changed."""
    (checkout / "build" / "codegen" / "record.json").unlink(missing_ok=True)


class TestMakeGenerate:
    """`make generate` and `make protos` in a checkout of their own."""

    def test_it_writes_what_is_committed(self, make: Run, checkout: Path) -> None:
        before = tree(_package(checkout))
        _forget_what_was_generated(checkout)
        written = make("generate")
        assert written.returncode == 0, written.stderr
        assert "generate: changed" in written.stdout
        assert tree(_package(checkout)) == before

    def test_an_unchanged_tree_is_not_generated_again(self, make: Run, checkout: Path) -> None:
        make("generate")
        stamps = {p: p.stat().st_mtime_ns for p in _package(checkout).rglob("*_pb2.py")}
        again = make("generate")
        assert again.stdout.splitlines()[-1] == "generate: the package is up to date"
        assert {p: p.stat().st_mtime_ns for p in stamps} == stamps

    def test_a_changed_contract_is(self, make: Run, checkout: Path) -> None:
        make("generate")
        source = checkout / "apis/ai/stigmer/commons/rpc/pagination.proto"
        source.write_text(
            source.read_text() + "\n// A message that a test adds.\nmessage Added {}\n"
        )
        assert "generate: changed" in make("generate").stdout
        assert '"Added",' in (_package(checkout) / "commons/rpc/__init__.pyi").read_text()

    def test_a_proto_package_that_is_gone_is_removed(self, make: Run, checkout: Path) -> None:
        (_package(checkout) / "gone").mkdir()
        (_package(checkout) / "gone" / "old_pb2.py").write_text("# Generated by protoc.\n")
        with (_package(checkout) / "generated.txt").open("a") as file:
            file.write("gone/old_pb2.py\n")
        make("generate")
        assert not (_package(checkout) / "gone").exists()

    def test_a_half_written_tree_is_made_whole(self, make: Run, checkout: Path) -> None:
        make("generate")
        whole = tree(_package(checkout))
        v1 = _package(checkout) / "agentic" / "workflowexecution" / "v1"
        (v1 / "api_pb2.py").unlink()
        (v1 / "spec_pb2.py").write_text("half a mod")
        (_package(checkout) / "schema.binpb").unlink()
        repaired = make("generate")
        assert "generate: changed" in repaired.stdout, repaired.stderr
        assert tree(_package(checkout)) == whole

    @pytest.mark.parametrize(
        ("old", "new", "sentence"),
        [
            ("int32 num = 1;", "int32 num = ;", "pagination.proto:9:15"),
            ("int32 num = 1;", "  int32 num = 1;", "run `make format`"),
            ("  // The page number, starting from 0.\n", "", "should have a non-empty comment"),
            ("int32 num = 1;", "int32 page = 1;", 'changed name from "num" to "page"'),
        ],
        ids=["not compiling", "not formatted", "not linting", "not compatible"],
    )
    def test_a_bad_contract_stops_before_the_package_is_touched(
        self, make: Run, checkout: Path, old: str, new: str, sentence: str
    ) -> None:
        before = tree(_package(checkout))
        source = checkout / "apis/ai/stigmer/commons/rpc/pagination.proto"
        text = source.read_text()
        assert old in text
        source.write_text(text.replace(old, new, 1))
        refused = make("protos")
        assert refused.returncode != 0
        assert sentence in refused.stdout + refused.stderr
        assert "Traceback" not in refused.stderr
        assert tree(_package(checkout)) == before


class TestMake:
    """The front door itself."""

    def test_help_lists_every_target(self, make: Run, root: Path) -> None:
        (phony,) = [
            line for line in (root / "Makefile").read_text().splitlines() if ".PHONY" in line
        ]
        listed = make("help").stdout
        missing = [name for name in phony.split()[1:] if f"make {name} " not in listed]
        assert not missing

    def test_an_old_python_is_refused_with_one_sentence(
        self, make: Run, checkout: Path, tmp_path: Path
    ) -> None:
        # An interpreter of this version that takes itself for an older one.
        old = tmp_path / "python3.10"
        patch = "import sys; sys.version_info = (3, 10, 14, 'final', 0); exec(sys.argv[1])"
        old.write_text(f'#!/bin/sh\nshift\nexec python3 -c "{patch}" "$@"\n')
        old.chmod(0o755)
        refused = make("deps", f"PYTHON={old}")
        assert refused.returncode != 0
        assert f"{old} is missing or older than Python 3.11" in refused.stderr

    def test_a_missing_python_is_refused_with_one_sentence(self, make: Run, checkout: Path) -> None:
        refused = make("deps", "PYTHON=no-such-python")
        assert refused.returncode != 0
        assert "no-such-python is missing or older than Python 3.11" in refused.stderr

    def test_a_release_is_kept_once(self, make: Run, checkout: Path) -> None:
        raise_version(checkout, "99.0.0")
        for _ in range(2):
            kept = make("release")
            assert kept.returncode == 0, kept.stderr
            (checkout / "schema_rules" / "corrections.toml").write_text("")  # they are spent
        source = checkout / "apis/ai/stigmer/commons/rpc/pagination.proto"
        source.write_text(
            source.read_text() + "\n// A message that no release has.\nmessage Added {}\n"
        )
        refused = make("release")
        assert refused.returncode != 0
        assert "was released with another contract; raise __version__ first" in refused.stderr

    def test_nothing_outside_the_checkout_is_written(
        self, checkout: Path, root: Path, tmp_path: Path
    ) -> None:
        home = tmp_path / "home"
        home.mkdir()
        _forget_what_was_generated(checkout)
        kept = ("PATH", "PYTHON", "UV_CACHE_DIR", "UV_OFFLINE")
        ours = make_environment(root)
        environment = {"HOME": str(home), **{name: ours[name] for name in kept}}
        finished = subprocess.run(
            ["make", "protos"], cwd=checkout, env=environment, capture_output=True, text=True
        )
        assert finished.returncode == 0, finished.stderr
        assert list(home.rglob("*")) == []

    def test_a_clone_that_converts_line_ends_has_the_same_bytes(
        self, checkout: Path, tmp_path: Path
    ) -> None:
        clone = tmp_path / "clone"
        options = ["--quiet", "-c", "core.autocrlf=true", str(checkout), str(clone)]
        subprocess.run(["git", "clone", *options], check=True)
        files = subprocess.run(["git", "ls-files"], cwd=clone, capture_output=True, text=True)
        changed = [
            name
            for name in files.stdout.splitlines()
            if (clone / name).read_bytes() != (checkout / name).read_bytes()
        ]
        assert files.stdout
        assert changed == []
        status = ["git", "status", "--porcelain"]
        assert subprocess.run(status, cwd=clone, capture_output=True).stdout == b""
