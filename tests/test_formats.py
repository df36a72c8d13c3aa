"""A format of a command is one file in the folder of its views: help, errors and output know it from there."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest
from typer import rich_utils
from typer.testing import CliRunner

from convcalc.cli import application
from convcalc.views import format_names, view

COMMANDS = {
    "analyze": ("analyze", "zoo:alexnet"),
    "memory": ("memory", "zoo:alexnet"),
    "compare": ("compare", "zoo:alexnet", "zoo:alexnet@input=3x231x231"),
    "revisions": (),
    "explain": ("explain", "zoo:alexnet"),
    "field": ("field", "zoo:alexnet", "--input", "3x63x63", "--seeds", "1"),
    "verify": (),
    "battery": (),
    "zoo": (),
    "lint": ("lint", "zoo:alexnet"),
    "sweep": (),
    "counts": ("counts", "zoo:alexnet"),
    "training": ("analyze", "zoo:alexnet", "--training"),
}
"""The folders of views, and a command that shows something quickly by each."""
CALLED = {folder: arguments for folder, arguments in COMMANDS.items() if arguments}
DEFAULTS = {"explain": "text", "lint": "text"}
TOY = '''"""A toy."""


def write(result, out):
    out.text(f"toy {type(result).__name__}\\n")
'''


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A format called ``toy`` for every command, in files outside the package; help is wide enough for all names."""
    monkeypatch.setattr(rich_utils, "MAX_WIDTH", 200)
    for command in COMMANDS:
        folder = tmp_path / command
        folder.mkdir()
        (folder / "toy.py").write_text(TOY, "utf-8")
        package = importlib.import_module(f"convcalc.views.{command}")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
        monkeypatch.delitem(sys.modules, f"convcalc.views.{command}.toy", raising=False)


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(application(), list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("command", CALLED)
def test_a_file_is_a_format(toy: None, command: str) -> None:
    shown = {"analyze": "Analyzed", "compare": "Compared", "explain": "Explained", "lint": "Run", "memory": "Planned"}
    shown |= {"counts": "Sheet", "field": "Looked", "training": "Trained"}
    code, out, _ = run(*CALLED[command], "--format", "toy")
    assert (code in {0, 1}, out) == (True, f"toy {shown[command]}\n")
    assert "toy" in run(CALLED[command][0], "--help")[1]
    code, _, err = run(*CALLED[command], "--format", "tyo")
    assert code == 2
    assert ",toy" in re.sub(r"[\s│]", "", err)


def test_each_of_several_files_is_shown(toy: None) -> None:
    assert run("analyze", "zoo:alexnet", "zoo:squeezenet1_1", "--format", "toy")[1] == "toy Analyzed\n" * 2


def test_findings_go_to_a_file_in_any_format(toy: None, tmp_path: Path) -> None:
    target = tmp_path / "findings.toy"
    assert run("lint", "zoo:alexnet", "--format", f"toy={target}")[0] in {0, 1}
    assert target.read_text("utf-8") == "toy Run\n"


def test_without_the_file_there_is_no_such_format() -> None:
    for command, arguments in CALLED.items():
        code, _, err = run(*arguments, "--format", "toy")
        assert code == 2, command
        assert "expectedoneof" in re.sub(r"[\s│]", "", err)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_format_has_the_one_entry(command: str) -> None:
    names = format_names(command, DEFAULTS.get(command, "table"))
    assert len(names) == len(set(names)) >= 3
    assert all(callable(view(command, name).write) for name in names)
