"""The help of every command: two examples at its end, which are right, and the words that options take; completion."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from command_line import application
from PIL import Image
from typer.testing import CliRunner

from convcalc import layers, rules
from convcalc.cli import COMMANDS
from convcalc.cli.examples import EXAMPLES
from convcalc.language import library, zoo
from convcalc.language.variants import VARIANTS

DATA = Path(__file__).parent / "data"
SPEC = "input: [3, 32, 32]\nvariables: {width: 1}\nlayers:\n"
SLOW = ("convcalc verify zoo:resnet18", "convcalc export zoo:resnet18", "convcalc field zoo:resnet18")
"""Examples that take long: they are run with one more option, whose value is refused after all others are read."""
SPEC += "  - conv: {name: stem, out_channels: width * 8, kernel_size: 1}\n"
SPEC += "  - conv: {out_channels: 8, kernel_size: 3}\n"


def screen(*arguments: str) -> str:
    result = CliRunner().invoke(application(), list(arguments), env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"})
    assert result.exit_code == 0
    return result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_ends_with_two_examples(command: str) -> None:
    lines = [line.strip() for line in screen(command, "--help").splitlines() if line.strip()]
    assert lines[-3] == "Examples:"
    assert tuple(lines[-2:]) == EXAMPLES[command]  # each on one line of 80 columns
    assert all(example.split()[:2] == ["convcalc", command] for example in lines[-2:])


@pytest.mark.parametrize("example", [example for pair in EXAMPLES.values() for example in pair])
def test_examples_are_right(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(SPEC, "utf-8")
    arguments = shlex.split(example.partition(" > ")[0])[1:]
    if "model.onnx" in arguments:
        assert CliRunner().invoke(application(), ["export", "net.yaml", "-o", "model.onnx"]).exit_code == 0
        Path("net.yaml").unlink()
    if "classifier.onnx" in arguments:
        Path("classifier.onnx").write_bytes((DATA / "gradients" / "plain.onnx").read_bytes())
        Image.new("RGB", (16, 16), "orange").save("cat.png")
    if example.startswith(SLOW):
        arguments += ["--layer", "nothing"] if arguments[0] == "verify" else ["--batch", "0"]
    result = CliRunner().invoke(application(), arguments)
    failed = "nothing" if arguments[0] == "verify" else "--batch"
    if example.startswith(SLOW):
        assert result.exit_code == 2
        assert failed in result.output
    else:
        assert result.exit_code == (1 if arguments[0] == "lint" else 0), result.output


@pytest.mark.parametrize("command", ["lint", "export", "verify", "zoo"])
def test_paragraphs_are_wrapped_once(command: str) -> None:
    """No line ends where the docstring's does: the next word would not have fitted."""
    lines = [line.strip() for line in screen(command, "--help").splitlines()]
    described = lines[: next(index for index, line in enumerate(lines) if line.startswith("╭"))]
    for line, following in pairwise(described):
        if line and following:
            assert len(f"{line} {following.split()[0]}") > 78, line


def test_variants_are_named() -> None:
    text = re.sub(r"[│\s]+", " ", screen("compare", "--help"))
    assert all(re.search(rf"\b{name}\b", text) for name in VARIANTS)


# ---- completion ---------------------------------------------------------------------------------------------------


def offered(*words: str, of: str = "bash") -> list[str]:
    """What a shell is offered for the last word."""
    environment = {**os.environ, "_CONVCALC_COMPLETE": f"complete_{of}"}
    environment |= {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
    environment |= {"_TYPER_COMPLETE_ARGS": " ".join(words), "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    script = "from convcalc.cli import main; import sys; sys.argv = ['convcalc']; main()"
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1] if done.stdout.strip() else []


def test_words_are_completed() -> None:
    assert offered("convcalc", "e") == ["explain", "export"]
    assert offered("convcalc", "kinds", "conv_") == [name for name in library.names() if name.startswith("conv_")]
    assert offered("convcalc", "explain", "--kind", "glob") == [n for n in layers.names() if n.startswith("glob")]
    assert offered("convcalc", "zoo", "resnet") == [name for name in zoo.names() if name.startswith("resnet")]
    assert offered("convcalc", "rules", "dead") == ["dead-taps"]
    assert "CC206" in rules.codes()
    assert offered("convcalc", "lint", "--select", "CC201,CC206,dead") == ["CC201,CC206,dead-taps"]
    assert offered("convcalc", "lint", "--format", "s") == ["sarif"]
    assert offered("convcalc", "compare", "a.yaml", "--variant", "separable,gh") == ["separable,ghost"]
    assert offered("convcalc", "analyze", "--dtype", "bf") == ["bfloat16"]
    assert offered("convcalc", "compare", "--o") == ["--output"]
    assert offered("convcalc", "help", "la") == ["language"]
    assert offered("convcalc", "explain", "--format", "l") == ["latex"]


def test_networks_of_the_zoo_are_completed_and_else_files() -> None:
    networks = [name for name in zoo.names() if name.startswith("resnet")]
    assert offered("convcalc", "analyze", "zoo", ":", "resnet") == networks  # Bash ends a word at a colon
    assert offered("convcalc", "lint", "a.yaml", "zoo", ":") == list(zoo.names())
    assert offered("convcalc", "analyze", "zoo:resnet", of="fish") == [f"zoo:{name}" for name in networks]
    assert offered("convcalc", "analyze", "ne") == []  # for which each shell offers files
    assert offered("convcalc", "analyze", "ne", of="zsh") == ["_files"]


def test_it_is_installed_on_demand(tmp_path: Path) -> None:
    script = (
        "from convcalc.cli import main; import sys; sys.argv = ['convcalc', '--install-completion', 'bash']; main()"
    )
    environment = {**os.environ, "HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert "bash completion installed" in done.stdout
    assert "_CONVCALC_COMPLETE=complete_bash" in (tmp_path / ".bash_completions" / "convcalc.sh").read_text("utf-8")
