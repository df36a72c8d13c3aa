"""Files that commands write: whole or not at all, over another only when asked, with its permissions and links."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from command_line import application
from interrupted_writers import KILLED, NEW, SPEC, WRITERS
from typer.testing import CliRunner

from convcalc import files

HERE = Path(__file__).parent
PACKAGE = HERE.parent / "convcalc"


class Result(msgspec.Struct):
    code: int
    out: str
    err: str


def run(*arguments: str, given: str = "") -> Result:
    found = CliRunner().invoke(application(), list(arguments), input=given, env={"GITHUB_ACTIONS": None})
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return Result(found.exit_code, found.stdout, found.stderr)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text(SPEC, "utf-8")
    return tmp_path


@pytest.fixture
def model(folder: Path) -> Path:
    assert run("export", "net.yaml", "-o", "net.onnx").code == 0
    return folder / "net.onnx"


# ---- ended or refused on the way ----------------------------------------------------------------------------------


def test_a_writer_that_is_ended_or_refused_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    """At every call of the system in turn, and in the middle of the data."""
    command = [sys.executable, str(HERE / "interrupted_writers.py"), str(tmp_path)]
    environment = {name: value for name, value in os.environ.items() if name != "GITHUB_ACTIONS"}
    environment["PYTHONPATH"] = str(PACKAGE.parent)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    outcomes: list[dict[str, Any]] = json.loads(done.stdout)
    for writer in WRITERS:
        old = None if writer == NEW else SPEC
        for way in ("kill", "refuse"):
            own = [outcome for outcome in outcomes if (outcome["writer"], outcome["way"]) == (writer, way)]
            new = own[-1]["text"]
            assert not own[-1]["happened"]
            assert len(own) >= 7
            assert new not in (None, SPEC)
            for outcome in own:
                assert outcome["text"] in (old, new), (writer, way)
                assert outcome["mode"] in ({None, 0o644} if writer == NEW else {0o640})
            texts = [outcome["text"] for outcome in own]
            assert texts[0] == old
            if way == "kill":
                assert {outcome["code"] for outcome in own[:-1]} == {KILLED}
                assert texts == sorted(texts, key=lambda text: text == new)  # once the new one, it stays
            else:
                failed = [outcome for outcome in own if outcome["said"].startswith("convcalc: cannot write out: No sp")]
                assert len(failed) >= 3
                assert all(outcome["code"] == 2 and outcome["said"].count("\n") == 1 for outcome in failed)
                assert [outcome["text"] for outcome in failed] == [old] * len(failed)
                assert sum(outcome["left"] for outcome in failed) == 0


# ---- nothing is written over unasked ------------------------------------------------------------------------------

ASKED = {
    "compare": ("compare", "net.yaml", "--variant", "separable", "-o", "out"),
    "export": ("export", "net.yaml", "-o", "out"),
    "import": ("import", "net.onnx", "--output", "out"),
    "lint --format": ("lint", "net.yaml", "--format", "sarif=out"),
    "lint --write-baseline": ("lint", "net.yaml", "--write-baseline", "out"),
}


@pytest.mark.parametrize("arguments", ASKED.values(), ids=list(ASKED))
def test_a_file_that_is_there_stays_unless_it_is_forced(arguments: tuple[str, ...], model: Path, folder: Path) -> None:
    out = folder / "out"
    assert run(*arguments).code in {0, 1}
    written = out.read_bytes()
    for there in (b"mine", b"", written):
        out.write_bytes(there)
        found = run(*arguments)
        assert (found.code, found.out) == (2, "")
        assert found.err == "convcalc: out is there already; --force writes over it\n"
        assert out.read_bytes() == there
    out.unlink()
    out.symlink_to("nowhere")
    assert "is there already" in run(*arguments).err
    assert not (folder / "nowhere").exists()
    assert run(*arguments, "--force").code in {0, 1}
    assert (out.is_symlink(), (folder / "nowhere").read_bytes()) == (True, written)
    assert sorted(os.listdir(folder)) == ["net.onnx", "net.yaml", "nowhere", "out"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "net.yaml", "-o", "net.yaml"),
        ("import", "net.onnx", "-o", "./net.onnx"),
        ("lint", "net.yaml", "net.onnx", "--format", "json=net.onnx"),
        ("lint", "net.yaml", "--write-baseline", "link"),
    ],
)
def test_what_is_read_is_not_written_over_by_something_else(
    arguments: tuple[str, ...], model: Path, folder: Path
) -> None:
    (folder / "link").symlink_to("net.yaml")
    before = {name: (folder / name).read_bytes() for name in ("net.yaml", "net.onnx")}
    found = run(*arguments, "--force")
    assert (found.code, "it is what is read; name another file" in found.err) == (2, True)
    assert {name: (folder / name).read_bytes() for name in before} == before


def test_a_spec_may_be_replaced_by_its_variant_when_asked(folder: Path) -> None:
    arguments = ("compare", "net.yaml", "--variant", "separable", "-o", "net.yaml")
    assert run(*arguments).code == 2
    assert (folder / "net.yaml").read_text("utf-8") == SPEC
    assert run(*arguments, "--force").code == 0
    assert "separable_conv" in (folder / "net.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "cannot write a file: it has no name"),
        ("new/", "cannot write new/: it has no name"),
        (".", "cannot write .: it is a folder"),
        ("no/such/file", "cannot write no/such/file: No such file or directory"),
        ("net.yaml/file", "cannot write net.yaml/file: Not a directory"),
        ("a\0b", "cannot write a"),
        ("n" * 300, "File name too long"),
        ("zoo:mine", "cannot write zoo:mine: it would be a network of the zoo"),
        ("\udcff/x", "cannot write ?/x: No such file"),
    ],
)
def test_names_that_are_no_file(path: str, reason: str, model: Path, folder: Path) -> None:
    for arguments in (("import", "net.onnx", "-o", path), ("export", "net.yaml", "-o", path, "--force")):
        found = run(*arguments)
        assert found.code == 2
        assert found.err.startswith("convcalc: ")
        assert reason in found.err
        assert found.err.count("\n") == 1
    assert sorted(os.listdir(folder)) == ["net.onnx", "net.yaml"]


def test_standard_output(model: Path, folder: Path) -> None:
    """What would be in the file, and nothing else."""
    for arguments in (("import", "net.onnx"), ("compare", "net.yaml", "--variant", "separable")):
        assert run(*arguments, "-o", "out", "--force").code == 0
        assert run(*arguments, "-o", "-").out == (folder / "out").read_text("utf-8")
    assert run("lint", "net.yaml", "--write-baseline", "-").code == 2
    assert not (folder / "-").exists()


# ---- what is kept -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o664])
def test_permissions_are_kept(mode: int, folder: Path) -> None:
    path = folder / "net.yaml"
    path.chmod(mode)
    files.write("net.yaml", [b"a", b"b"], force=True)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"ab", mode)


def test_a_new_file_has_the_permissions_of_any_other(folder: Path) -> None:
    before = os.umask(0o027)
    try:
        files.write("new", [b"a"])
        Path("other").touch()
    finally:
        os.umask(before)
    assert (folder / "new").stat().st_mode == (folder / "other").stat().st_mode


def test_a_file_that_may_not_be_written_is_not_replaced(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK)  # whoever runs this may write anywhere
    with pytest.raises(files.Unwritable, match=r"cannot write net\.yaml: Permission denied"):
        files.write("net.yaml", [b"a"], force=True)
    assert (folder / "net.yaml").read_text("utf-8") == SPEC


def test_links_stay_links(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "one").symlink_to("../net.yaml")
    (folder / "two").symlink_to("deep/one")
    files.write("two", [b"a"], force=True)
    assert (folder / "net.yaml").read_bytes() == b"a"
    assert (folder / "two").is_symlink()
    assert (folder / "deep" / "one").is_symlink()
    (folder / "loop").symlink_to("loop")
    with pytest.raises(files.Unwritable, match="cannot write loop: Too many levels"):
        files.write("loop", [b"a"], force=True)


def test_a_pipe_is_written_to_as_it_is(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE, text=True) as reader:
        assert run("lint", "net.yaml", "--format", "json=pipe", "--fail-level", "error").code == 0
        assert json.loads(reader.communicate()[0])["findings"]
    files.write(os.devnull, [b"a"])


def test_a_file_that_turns_up_meanwhile_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def parts() -> Iterator[bytes]:
        yield b"a"
        (folder / "new").write_bytes(b"mine")

    with pytest.raises(files.Unwritable, match="new is there already"):
        files.write("new", parts())
    (folder / "new").unlink()

    def no_links(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("os.link", no_links)
    with pytest.raises(files.Unwritable, match="new is there already"):
        files.write("new", parts())
    assert (folder / "new").read_bytes() == b"mine"
    files.write("other", [b"a"])
    assert sorted(os.listdir(folder)) == ["net.yaml", "new", "other"]


def test_whatever_goes_wrong_nothing_is_left_behind(folder: Path) -> None:
    def parts() -> Iterator[bytes]:
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.write("net.yaml", parts(), force=True)
    assert os.listdir(folder) == ["net.yaml"]
    assert (folder / "net.yaml").read_text("utf-8") == SPEC


# ---- one place ----------------------------------------------------------------------------------------------------

WRITES = {
    *("write_text", "write_bytes", "touch", "mkstemp", "NamedTemporaryFile", "tofile", "save_model", "savez"),
    *("replace", "rename", "link", "symlink", "copyfile", "copy2", "truncate", "mkdir", "makedirs", "unlink"),
}


def writing(tree: ast.Module) -> Iterator[str]:
    """Calls that write to the file system, or may."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        owner, _, name = called.rpartition(".")
        if name == "open":
            position = 1 if called in {"open", "builtins.open", "io.open", "codecs.open"} else 0
            modes = [*node.args[position : position + 1], *(word.value for word in node.keywords if word.arg == "mode")]
            if called == "os.open" or any(ast.unparse(mode) not in {"'r'", "'rb'"} for mode in modes):
                yield ast.unparse(node)
        elif name in WRITES and (owner in {"os", "shutil", "tempfile"} or name not in {"replace", "copy2"}):
            yield ast.unparse(node)


def test_nothing_else_writes_files() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix(): sorted(writing(ast.parse(path.read_text("utf-8"))))
        for path in PACKAGE.rglob("*.py")
    }
    assert len(found.pop("files.py")) >= 8
    assert {path: calls for path, calls in found.items() if calls} == {
        "cli/__init__.py": ["open(os.devnull, mode)", "os.open(os.devnull, os.O_WRONLY)"],
        "onnx/saving.py": ["os.unlink(beside)"],  # its own new file
    }
