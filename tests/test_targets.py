"""Files that commands write: what is known of them before the work, and what is shown while it lasts."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from command_line import application
from typer.testing import CliRunner

from convcalc.cli.work import progress, targets
from convcalc.extras import NotInstalled
from convcalc.views.formats import html

SPEC = "input: [3, 8, 8]\nlayers: [conv: {out_channels: 4, kernel_size: 3}]\n"


@pytest.fixture(autouse=True)
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(SPEC, "utf-8")


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(application(), arguments)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("command", "option", "file", "name"),
    [
        ("report", "-o", "a.html", "Jinja2"),
        ("report", "-o", "a.svg", "quickjs-ng"),
        ("memory", "--plot", "a.svg", "quickjs-ng"),
    ],
)
def test_what_is_not_installed_is_told_before_the_work(
    command: str, option: str, file: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "find_spec", lambda _: None)
    monkeypatch.setattr("convcalc.cli.loading.load", lambda *_, **__: pytest.fail("it was read"))
    code, out, err = run(command, "net.yaml", option, file)
    assert (code, out) == (2, "")
    assert f"cannot write {file}: that takes {name}, which is not installed: pip install 'convcalc[report]'" in err
    assert not Path(file).exists()


def test_a_flowchart_takes_nothing_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "find_spec", lambda _: None)
    assert run("report", "net.yaml", "-o", "a.mmd")[0] == 0


def test_markup_of_a_page_says_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything of Jinja2 is imported, whose own error names a package that nobody asks for."""
    monkeypatch.setattr("convcalc.extras.find_spec", lambda _: None)
    with pytest.raises(NotInstalled, match=r"jinja2 is not installed.*pip install 'convcalc\[report\]'"):
        html.safe("a{}")


@pytest.mark.parametrize("file", ["A.HTML", "A.Svg", "A.MMD", "A.GV"])
def test_an_ending_may_be_written_in_capitals(file: str) -> None:
    assert run("report", "net.yaml", "-o", file)[0] == 0
    assert Path(file).exists()


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        (("report", "net.yaml", "-o", "a.html"), ["reading the network", "drawing it"]),
        (("report", "net.yaml", "net.yaml", "-o", "a.html"), ["reading the networks", "drawing it"]),
        (("memory", "net.yaml", "--plot", "a.svg"), ["planning net.yaml", "drawing the memory"]),
    ],
)
def test_all_of_the_work_is_named_on_a_terminal(
    words: tuple[str, ...], texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    class Spinner:
        def __init__(self, text: str) -> None:
            begun.append(text)

        def stop(self) -> None:
            begun.append("")

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(progress, "_Spinner", Spinner)
    runner = CliRunner()
    command = application()
    with runner.isolation():
        monkeypatch.setattr(sys, "stderr", Terminal())
        with pytest.raises(SystemExit) as ended:
            command(list(words))
    assert ended.value.code in (0, None)
    assert begun == [word for text in texts for word in (text, "")]
