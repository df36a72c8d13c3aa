"""Files that commands write: whole or not at all, over another only when asked, with its permissions and links."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from command_line import application
from interrupted_writers import BESIDE, EVERYTHING, KILLED, NEW, REFUSALS, SPEC, WRITERS
from typer.testing import CliRunner

from convcalc import files

HERE = Path(__file__).parent
PACKAGE = HERE.parent / "convcalc"


class Result(msgspec.Struct):
    code: int
    out: str
    err: str


def run(*arguments: str, given: str = "") -> Result:
    result = CliRunner().invoke(application(), list(arguments), input=given, env={"GITHUB_ACTIONS": None})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Result(result.exit_code, result.stdout, result.stderr)


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


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """What came of every writer, by what happened to it, in the order of the points at which it did."""
    folder = tmp_path_factory.mktemp("outcomes") / "written"
    folder.mkdir()
    command = [sys.executable, str(HERE / "interrupted_writers.py"), str(folder)]
    environment = {name: value for name, value in os.environ.items() if name != "GITHUB_ACTIONS"}
    environment["PYTHONPATH"] = str(PACKAGE.parent)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    grouped: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in done.stdout.splitlines():
        outcome = json.loads(line)
        grouped.setdefault((outcome["writer"], outcome["way"]), []).append(outcome)
    return grouped


def beside(writer: str) -> int:
    """Files that a writer leaves beside the one it is asked for."""
    return int(writer == BESIDE)


def checked(writer: str, outcomes: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], str]:
    """The outcomes that something happened to, and what is written when nothing does: each has that, or the old."""
    *happened, last = outcomes
    old, new = None if writer == NEW else SPEC, last["text"]
    assert all(outcome["happened"] for outcome in happened)
    assert (last["happened"], len(last["left"])) == (False, beside(writer))
    assert new not in (None, SPEC)
    texts = [outcome["text"] for outcome in outcomes]
    assert set(texts) <= {old, new}
    assert texts[0] == old
    assert {outcome["mode"] for outcome in outcomes} <= ({None, 0o644} if writer == NEW else {0o640})
    return happened, new


@pytest.mark.parametrize("writer", WRITERS)
def test_a_writer_that_is_killed_leaves_the_old_file_or_the_new_one(writer: str, outcomes: Any) -> None:
    """At every call of the system, before and after it, and at forty places in the data."""
    killed, new = checked(writer, outcomes[writer, "kill"])
    assert len(killed) >= 50
    assert {outcome["code"] for outcome in killed} == {KILLED}
    states = [outcome["text"] == new for outcome in killed]
    assert states == sorted(states)  # once the new one, it stays
    left = [name for outcome in killed for name in outcome["left"]]
    assert all(re.fullmatch(r"\.convcalc-[0-9a-f]{16}\.tmp|out\.data", name) for name in left)


@pytest.mark.parametrize("writer", WRITERS)
def test_a_writer_that_the_system_refuses_leaves_the_old_file_and_says_so(writer: str, outcomes: Any) -> None:
    refused, _ = checked(writer, outcomes[writer, "refuse"])
    failed = [outcome for outcome in refused if outcome["code"] == 2]
    assert len(failed) >= 6
    for outcome in failed:
        reason = os.strerror(REFUSALS[outcome["point"] % len(REFUSALS)])
        assert re.fullmatch(rf"convcalc: cannot write out(\.data)?: {reason}.*\n", outcome["said"])
        assert outcome["text"] == (None if writer == NEW else SPEC)
        assert outcome["left"] == []


@pytest.mark.parametrize(("way", "codes"), [("interrupt", {130}), ("end", {-15, -1}), ("exhaust", {2})])
@pytest.mark.parametrize("writer", sorted(EVERYTHING))
def test_a_writer_that_can_still_do_so_leaves_nothing_beside(
    writer: str, way: str, codes: set[int], outcomes: Any
) -> None:
    """Interrupted, ended by a signal, out of memory."""
    stopped, new = checked(writer, outcomes[writer, way])
    assert {outcome["code"] for outcome in stopped} == codes
    for outcome in stopped:
        assert len(outcome["left"]) == (beside(writer) if outcome["text"] == new else 0)


# ---- nothing is written over unasked ------------------------------------------------------------------------------

ASKED = {
    "compare": ("compare", "net.yaml", "--variant", "separable", "-o", "out"),
    "export": ("export", "net.yaml", "-o", "out", "--to", "onnx"),
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
        result = run(*arguments)
        assert (result.code, result.out) == (2, "")
        assert result.err == "convcalc: out already exists; --force overwrites it\n"
        assert out.read_bytes() == there
    out.unlink()
    out.symlink_to("nowhere")
    assert "already exists" in run(*arguments).err
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
    result = run(*arguments, "--force")
    assert (result.code, "it is what is read; name another file" in result.err) == (2, True)
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
        ("\udcff/x", "cannot write \\udcff/x: No such file"),
    ],
)
def test_names_that_are_no_file(path: str, reason: str, model: Path, folder: Path) -> None:
    for arguments in (
        ("import", "net.onnx", "-o", path),
        ("export", "net.yaml", "-o", path, "--to", "onnx", "--force"),
    ):
        result = run(*arguments)
        assert result.code == 2
        assert result.err.startswith("convcalc: ")
        assert reason in result.err
        assert result.err.count("\n") == 1
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


def test_what_is_open_already_is_written_on_to(folder: Path) -> None:
    """A spec on standard output that leads to a file, before the table that follows."""
    arguments = [sys.executable, "-m", "convcalc", "compare", "net.yaml", "--variant", "separable", "-o", "/dev/stdout"]
    with open("printed", "wb") as printed:
        subprocess.run(arguments, stdout=printed, env=os.environ | {"PYTHONPATH": str(PACKAGE.parent)}, check=True)
    text = (folder / "printed").read_text("utf-8")
    assert text.index("separable_conv:") < text.index("against standard")
    assert sorted(os.listdir(folder)) == ["net.yaml", "printed"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_a_device_that_is_full(folder: Path) -> None:
    result = run("lint", "net.yaml", "--format", "json=/dev/full")
    assert (result.code, result.err) == (2, "convcalc: cannot write /dev/full: No space left on device\n")


def test_a_folder_that_may_not_be_written_is_what_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.open", refused)  # whoever runs this may write anywhere
    with pytest.raises(
        files.Unwritable, match=r"cannot write net\.yaml: Permission denied to make files in its folder"
    ):
        files.write("net.yaml", [b"a"], force=True)


def test_a_name_as_long_as_may_be(folder: Path) -> None:
    name = "n" * 255
    files.write(name, [b"a"])
    files.write(name, [b"b"], force=True)
    assert (folder / name).read_bytes() == b"b"


def test_two_writers_at_once_leave_one_of_their_files(folder: Path) -> None:
    def parts() -> Iterator[bytes]:
        yield b"first, "
        files.write("net.yaml", [b"second"], force=True)
        yield b"and whole"

    files.write("net.yaml", parts(), force=True)
    assert (folder / "net.yaml").read_bytes() == b"first, and whole"
    assert os.listdir(folder) == ["net.yaml"]


def test_attributes_such_as_access_lists_are_kept(folder: Path) -> None:
    try:
        os.setxattr("net.yaml", "user.convcalc", b"kept")
    except (OSError, AttributeError):
        pytest.skip("a file system without attributes")
    files.write("net.yaml", [b"a"], force=True)
    assert os.getxattr("net.yaml", "user.convcalc") == b"kept"


def test_other_names_of_a_file_keep_what_was_there(folder: Path) -> None:
    os.link("net.yaml", "other")
    files.write("net.yaml", [b"a"], force=True)
    assert ((folder / "net.yaml").read_bytes(), (folder / "other").read_text("utf-8")) == (b"a", SPEC)


def test_a_file_that_turns_up_meanwhile_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def parts() -> Iterator[bytes]:
        yield b"a"
        (folder / "new").write_bytes(b"mine")

    with pytest.raises(files.Unwritable, match="new already exists"):
        files.write("new", parts())
    (folder / "new").unlink()

    def no_links(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("os.link", no_links)
    with pytest.raises(files.Unwritable, match="new already exists"):
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
    values = {
        path.relative_to(PACKAGE).as_posix(): sorted(writing(ast.parse(path.read_text("utf-8"))))
        for path in PACKAGE.rglob("*.py")
    }
    assert len(values.pop("files.py")) >= 8
    assert {path: calls for path, calls in values.items() if calls} == {
        "cli/__init__.py": ["open(os.devnull, mode)", "os.open(os.devnull, os.O_WRONLY)"],
        "exports/onnx/saving.py": ["os.unlink(path)"],  # its own new file
        "imaging/reading.py": ["Image.open(path)"],  # which reads
        "reference/loaded/archives.py": [
            "self._packed.open(f'{name}.npy')",
            "self._packed.open(name)",
        ],  # so does a ZIP
    }
