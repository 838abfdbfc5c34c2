"""The alias `ai.stigmer`: the same modules, under the name that foreign generated code uses.

Each test runs in its own interpreter, because the effects of an import cannot be undone.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from stigmer_apis import schema

METADATA = "commons.apiresource.metadata_pb2"

OTHER = "ai.stigmer cannot be an alias of stigmer_apis: another ai.stigmer exists"
NOT_A_PACKAGE = (
    "ai.stigmer cannot be an alias of stigmer_apis: the module 'ai' ({}) cannot have submodules"
)


def run(code: str, search: Path | None = None) -> Any:
    """Return what the code passes to `show`, in a fresh interpreter that also imports from
    `search`.
    """
    prelude = f"""
    import json, sys
    sys.path += {[str(search)] if search else []!r}
    from stigmer_apis import alias

    def show(*values):
        print(json.dumps(values))

    def refusal():
        before = list(sys.meta_path), set(sys.modules)
        try:
            alias.install()
        except ImportError as error:
            assert list(sys.meta_path) == before[0], "it refused, and yet left a finder"
            assert set(sys.modules) == before[1], "it refused, and yet imported a module"
            show(str(error), error.name)
    """
    whole = textwrap.dedent(prelude) + textwrap.dedent(code)
    finished = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", whole],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout, f"shows nothing: {code}"
    return json.loads(finished.stdout)


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def test_without_the_call_there_is_no_alias() -> None:
    shown = run("""
    import importlib.util, stigmer_apis.commons
    show(importlib.util.find_spec("ai") is None, [n for n in sys.modules if n.startswith("ai.")])
    """)
    assert shown == [True, []]


def test_the_call_imports_nothing_of_ours() -> None:
    shown = run("""
    before = set(sys.modules)
    alias.install()
    show(sorted(name for name in set(sys.modules) - before if "stigmer" in name))
    """)
    assert shown == [[]]


def test_every_generated_module_is_the_very_same_under_both_names() -> None:
    names = sorted(
        file.name.removeprefix("ai/stigmer/").removesuffix(".proto").replace("/", ".") + suffix
        for file in schema.file_descriptor_set().file
        if file.name.startswith("ai/stigmer/")
        for suffix in (["_pb2", "_pb2_grpc"] if file.service else ["_pb2"])
    )
    assert METADATA in names
    shown = run(f"""
    import importlib
    alias.install()
    names = {names!r}
    halves = names[::2], names[1::2]  # each name is the first to be imported for one half
    for first, second, half in (("ai.stigmer", "stigmer_apis", halves[0]),
                                ("stigmer_apis", "ai.stigmer", halves[1])):
        for name in half:
            one = importlib.import_module(f"{{first}}.{{name}}")
            other = importlib.import_module(f"{{second}}.{{name}}")
            assert one is other, name
            assert one.__name__ == one.__spec__.name == f"stigmer_apis.{{name}}", name
    loaded = {{n: m for n, m in sys.modules.items() if n.startswith("ai.stigmer.")}}
    twice = [n for n, m in loaded.items() if m is not sys.modules["stigmer_apis" + n[10:]]]
    show(len(loaded) > len(names), twice)
    """)
    assert shown == [True, []]


def test_every_form_of_an_import_gives_the_same_module() -> None:
    shown = run(f"""
    alias.install()
    from ai.stigmer.commons.apiresource import metadata_pb2 as one
    import ai.stigmer.{METADATA} as two
    import ai.stigmer.{METADATA}
    from ai.stigmer.{METADATA} import *
    import stigmer_apis.{METADATA} as real
    three = ai.stigmer.{METADATA}
    show(one is real, two is real, three is real, ApiResourceMetadata is real.ApiResourceMetadata)
    """)
    assert shown == [True, True, True, True]


def test_a_second_call_changes_nothing() -> None:
    shown = run("""
    alias.install()
    import ai.stigmer
    before = list(sys.meta_path)
    alias.install()
    show(sys.meta_path == before, ai.stigmer is sys.modules["stigmer_apis"])
    """)
    assert shown == [True, True]


def test_an_unknown_module_is_not_found_under_the_name_that_was_asked_for() -> None:
    shown = run("""
    alias.install()
    try:
        import ai.stigmer.nothing_pb2
    except ModuleNotFoundError as error:
        show(str(error))
    """)
    assert shown == ["No module named 'ai.stigmer.nothing_pb2'"]


def test_messages_pickle_under_the_name_of_the_package() -> None:
    # So that a process without the alias can read them.
    shown = run(f"""
    import pickle
    alias.install()
    from ai.stigmer.{METADATA} import ApiResourceMetadata
    pickled = pickle.dumps(ApiResourceMetadata(name="Nightly report"))
    show(b"ai.stigmer" in pickled, pickle.loads(pickled).name, ApiResourceMetadata.__module__)
    """)
    assert shown == [False, "Nightly report", f"stigmer_apis.{METADATA}"]


def test_what_else_lies_below_ai_is_found(tmp_path: Path) -> None:
    search = write(tmp_path, {"ai/theirs/report.py": "from ai.stigmer import __version__"})
    shown = run(
        """
        alias.install()
        import ai.theirs.report, ai.stigmer.commons
        show(ai.theirs.report.__version__ == ai.stigmer.__version__)
        """,
        search,
    )
    assert shown == [True]


def test_what_else_lies_below_ai_is_found_on_a_search_path_that_comes_later(
    tmp_path: Path,
) -> None:
    write(tmp_path, {"ai/theirs/report.py": "TITLE = 'late'"})
    shown = run(f"""
    alias.install()
    import ai.stigmer.commons
    sys.path.append({str(tmp_path)!r})
    import ai.theirs.report
    show(ai.theirs.report.TITLE)
    """)
    assert shown == ["late"]


def test_a_package_named_ai_keeps_its_content(tmp_path: Path) -> None:
    search = write(tmp_path, {"ai/__init__.py": "ANSWER = 42", "ai/own.py": ""})
    shown = run(
        """
        alias.install()
        import ai.own, ai.stigmer.commons
        show(ai.ANSWER, ai.stigmer is sys.modules["stigmer_apis"])
        """,
        search,
    )
    assert shown == [42, True]


def test_another_ai_stigmer_on_the_search_path_is_refused(tmp_path: Path) -> None:
    search = write(tmp_path, {"ai/stigmer/__init__.py": ""})
    text, name = run("refusal()", search)
    assert text == (
        f"{OTHER} ({tmp_path}/ai/stigmer/__init__.py); remove it from sys.path, because "
        "stigmer_apis contains everything generated from our .proto files"
    )
    assert name == "ai.stigmer"


def test_another_ai_stigmer_without_an_init_is_refused(tmp_path: Path) -> None:
    search = write(tmp_path, {"ai/stigmer/commons/apiresource/metadata_pb2.py": ""})
    text, _ = run("refusal()", search)
    assert text.startswith(f"{OTHER} ({tmp_path}/ai/stigmer);")


def test_folders_that_an_uninstall_left_behind_are_not_another_ai_stigmer(tmp_path: Path) -> None:
    write(tmp_path, {"ai/stigmer/x/v1/__pycache__/a_pb2.cpython-311.pyc": ""})
    (tmp_path / "ai" / "stigmer" / "iam").mkdir()
    shown = run(
        f"""
        alias.install()
        import ai.stigmer.{METADATA} as module
        show(module.__name__)
        """,
        tmp_path,
    )
    assert shown == [f"stigmer_apis.{METADATA}"]


def test_another_ai_stigmer_that_is_imported_already_is_refused(tmp_path: Path) -> None:
    search = write(tmp_path, {"ai/stigmer/__init__.py": ""})
    text, _ = run("import ai.stigmer; sys.path.pop(); refusal()", search)
    assert text.startswith(f"{OTHER} ({tmp_path}/ai/stigmer/__init__.py);")


def test_an_attribute_of_ai_in_the_place_of_ours_is_refused(tmp_path: Path) -> None:
    search = write(tmp_path, {"ai/__init__.py": "stigmer = object()"})
    text, _ = run("import ai; refusal()", search)
    assert text.startswith(f"{OTHER} (without a file);")


def test_a_module_named_ai_is_refused_before_and_after_its_import(tmp_path: Path) -> None:
    search = write(tmp_path, {"ai.py": ""})
    for before in ("", "import ai;"):
        text, name = run(f"{before} refusal()", search)
        expected = NOT_A_PACKAGE.format(f"{tmp_path}/ai.py")
        assert text == f"{expected}; rename it or remove it from sys.path"
        assert name == "ai"


def test_an_ai_that_was_made_by_hand_is_refused_if_it_can_have_no_submodules() -> None:
    text, _ = run("import types; sys.modules['ai'] = types.ModuleType('ai'); refusal()")
    assert text.startswith(f"{NOT_A_PACKAGE.format('without a file')};")


def test_a_stub_without_grpc_says_which_extra_to_install() -> None:
    shown = run("""
    sys.modules["grpc"] = None
    alias.install()
    try:
        import ai.stigmer.agentic.workflowexecution.v1.command_pb2_grpc
    except ModuleNotFoundError as error:
        show(str(error))
    """)
    assert shown == ['gRPC stubs and servicers need grpcio: pip install "stigmer-apis[grpc]"']


# A finder of its own, as editable installs have one: it answers for one name, and no path leads
# there.
OWN_FINDER = """
import importlib.util
from importlib.abc import MetaPathFinder

class Finder(MetaPathFinder):
    def __init__(self, name, file):
        self.name, self.file = name, file

    def find_spec(self, fullname, path=None, target=None):
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self.file)
"""


def test_an_ai_with_a_finder_of_its_own_keeps_its_content(tmp_path: Path) -> None:
    write(tmp_path, {"theirs/__init__.py": "ANSWER = 42", "theirs/own.py": ""})
    for before, after in (("install()", "finder()"), ("finder()", "install()")):
        shown = run(f"""
        {OWN_FINDER.replace(chr(10), chr(10) + " " * 8)}
        def finder():
            sys.meta_path.append(Finder("ai", {str(tmp_path / "theirs" / "__init__.py")!r}))
        install = alias.install
        {before}
        {after}
        import ai.own, ai.stigmer.commons
        show(ai.ANSWER, ai.stigmer is sys.modules["stigmer_apis"])
        """)
        assert shown == [42, True]


def test_what_lies_below_ai_is_found_by_a_finder_that_comes_after_ours_is_imported(
    tmp_path: Path,
) -> None:
    write(tmp_path, {"theirs/__init__.py": "", "theirs/report.py": "TITLE = 'late'"})
    shown = run(f"""
    {OWN_FINDER.replace(chr(10), chr(10) + " " * 4)}
    alias.install()
    import ai.stigmer.commons
    sys.meta_path.append(Finder("ai", {str(tmp_path / "theirs" / "__init__.py")!r}))
    import ai.report
    show(ai.report.TITLE)
    """)
    assert shown == ["late"]


def test_another_ai_stigmer_with_a_finder_of_its_own_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"theirs/__init__.py": "", "path/ai/own.py": ""})
    text, name = run(
        f"""
        {OWN_FINDER.replace(chr(10), chr(10) + " " * 8)}
        sys.meta_path.insert(0, Finder("ai.stigmer", {str(tmp_path / "theirs/__init__.py")!r}))
        refusal()
        """,
        tmp_path / "path",
    )
    assert text.startswith(f"{OTHER} ({tmp_path}/theirs/__init__.py);")
    assert name == "ai.stigmer"


def test_finders_that_ask_all_finders_again_do_not_go_round_in_circles() -> None:
    shown = run("""
    import importlib.util, warnings

    class Wrapper:  # as import hooks do that wrap what others find
        asking = False
        def find_spec(self, fullname, path=None, target=None):
            if self.asking or "." in fullname:
                return None
            self.asking = True
            try:
                return importlib.util.find_spec(fullname)
            finally:
                self.asking = False

    class Old:  # as finders were before Python 3.4
        def find_module(self, fullname, path=None):
            return None

    sys.meta_path[:0] = [Wrapper(), Old()]
    warnings.simplefilter("ignore", ImportWarning)  # of Python 3.11, about Old
    alias.install()
    import ai.stigmer.commons
    show(ai.stigmer is sys.modules["stigmer_apis"])
    """)
    assert shown == [True]
