"""What can be read once alone: pipes that a shell puts in place of a process, named ones, standard input."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from command_line import application
from conftest import exported
from typer.testing import CliRunner

import convcalc
from convcalc.imports import streams
from convcalc.language import Source, SpecError, loads
from convcalc.reference.weights import RandomWeights

SPEC = "input: [3, 8, 8]\nlayers:\n  - conv: {out_channels: 4, kernel_size: 3}\n  - relu\n"
COMMANDS = {
    "analyze": (["analyze", "{}"], 0),
    "compare": (["compare", "{}", "{}"], 0),
    "explain": (["explain", "{}"], 0),
    "verify": (["verify", "{}"], 0),
    "lint": (["lint", "{}", "--fail-level", "error"], 0),
    "export": (["export", "{}", "--to", "pytorch", "-o", "OUT"], 0),
}


@pytest.fixture(scope="module")
def model() -> bytes:
    network = loads(Source("net.yaml", SPEC))
    data: bytes = exported(network, RandomWeights(network, keep=True).in_order).SerializeToString()
    return data


def piped(folder: Path, name: str, content: bytes) -> str:
    """A named pipe from which this can be read once: whoever reads again waits without end."""
    path = folder / name
    os.mkfifo(path)
    threading.Thread(target=path.write_bytes, args=(content,), daemon=True).start()
    return str(path)


def run(*arguments: str, stdin: bytes = b"") -> tuple[int, str]:
    result = CliRunner().invoke(application(), list(arguments), input=stdin)
    return result.exit_code, result.output


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("what", ["spec", "model"])
def test_every_command_reads_a_pipe_once(name: str, what: str, model: bytes, tmp_path: Path) -> None:
    """It prints what it prints of a file of that name."""
    arguments, expected = COMMANDS[name]
    content = SPEC.encode() if what == "spec" else model
    texts = []
    for place in ("pipes", "files"):
        (tmp_path / place).mkdir()
        filled = []
        for number, argument in enumerate(arguments):
            if argument == "{}":
                path = str(tmp_path / place / f"net{number}")
                if place == "files":
                    Path(path).write_bytes(content)
                filled.append(piped(tmp_path / place, f"net{number}", content) if place == "pipes" else path)
            else:
                filled.append(str(tmp_path / f"{place}.py") if argument == "OUT" else argument)
        code, text = run(*filled)
        assert code == expected, text
        written = tmp_path / f"{place}.py"
        text += written.read_text() if written.exists() else ""
        assert len(text) > 20
        texts.append([line for line in text.replace(place, "").splitlines() if " layers run, " not in line])
    assert texts[0] == texts[1]


def test_import_reads_a_pipe_and_standard_input(model: bytes, tmp_path: Path) -> None:
    out = [tmp_path / "pipe.yaml", tmp_path / "input.yaml"]
    assert run("import", piped(tmp_path, "net", model), "-o", str(out[0]))[0] == 0
    assert run("import", "-", "-o", str(out[1]), stdin=model)[0] == 0
    names = "# net:", "# <stdin>:", "name: "
    texts = [[line for line in path.read_text().splitlines() if not line.startswith(names)] for path in out]
    assert texts[0] == texts[1]
    assert "params: 112" in out[0].read_text()


def test_verify_holds_a_piped_model_against_itself(model: bytes, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    code, text = run("verify", piped(tmp_path, "net", model), "--against", "onnxruntime")
    assert code == 0
    assert "not compared" not in text


def test_standard_input_may_be_a_model(model: bytes) -> None:
    assert "112" in run("analyze", "-", stdin=model)[1]
    assert "112" in run("analyze", "-", stdin=SPEC.encode())[1]


def test_a_base_and_blocks_may_be_pipes(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(SPEC)
    base = piped(tmp_path, "base", SPEC.replace("4", "2").encode())
    code, text = run("lint", str(tmp_path / "net.yaml"), "--base", base, "--max-regression", "macs=5%")
    assert code == 1
    assert "CC505" in text


def test_a_shell_puts_processes_in_place_of_files(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(SPEC)
    calls = (
        '"$0" -m convcalc analyze <(cat net.yaml) --format csv',
        'cat net.yaml | "$0" -m convcalc analyze /dev/stdin',
    )
    for call in calls:
        command = ["bash", "-c", call, sys.executable]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        assert "conv1" in done.stdout


def test_what_never_ends_is_read_no_further_than_a_spec_may_be() -> None:
    for path in ("/dev/zero", "/dev/urandom"):
        if os.path.exists(path):
            with pytest.raises(SpecError, match="CC00"):
                convcalc.load(path)


def test_a_long_model_is_kept_in_a_file_and_a_longer_one_is_refused(
    model: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MOST_TEXT", 16)
    assert convcalc.load(piped(tmp_path, "kept", model)).layers
    monkeypatch.setattr(streams, "MOST_BYTES", len(model) - 1)
    monkeypatch.setattr(streams, "_AT_A_TIME", 64)
    with pytest.raises(SpecError, match="larger than"):
        convcalc.load(piped(tmp_path, "long", model))
