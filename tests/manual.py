"""The README and the pages of the manual, and what they show: specs, commands with their output, lines of Python.

In a page, a block of `yaml` or `toml` whose first line is a comment with a file's name is that file for what follows.
A block of `console` has commands behind `$` with what they print on a terminal of 78 columns, where `...` stands for
anything; a block of `sh` has commands alone. A table that follows one is that which its command prints as Markdown.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import typer.testing
from command_line import application
from PIL import Image

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
WIDTH = 78
"""Columns: with the margins of a page printed on a terminal they are 80."""
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"# ([\w/]+\.(?:yaml|toml|cfg|prototxt))\n")
COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
"""A command, which may go on in the next line behind a backslash, and what it prints."""


def blocks(page: Path, language: str) -> list[str]:
    return [text for word, text in BLOCK.findall(page.read_text("utf-8")) if word == language]


def specs(page: Path) -> list[str]:
    return [text for text in blocks(page, "yaml") if re.search("^layers:", text, re.MULTILINE)]


class _Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def command() -> Any:
    """The command line, with its commands."""
    return typer.testing._get_command(application())  # type: ignore[attr-defined]


_RATE = re.compile(r" +[\d.,]+ s, [\d.,]+( [kMG])? points/s")
"""How fast a sweep was, which it says where it took over a second."""


def run(line: str) -> tuple[int, str]:
    """The exit code of a command, and what it prints on a terminal without colours."""
    screen = _Terminal(io.BytesIO(), "utf-8", newline="\n", write_through=True)
    settings = {"COLUMNS": str(WIDTH), "LINES": "50", "TERM": "dumb", "GITHUB_ACTIONS": ""}
    code: object = 0
    with mock.patch.dict(os.environ, settings), contextlib.redirect_stdout(screen), contextlib.redirect_stderr(screen):
        try:
            command()(shlex.split(line)[1:], prog_name="convcalc")
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int)
    text = _RATE.sub("", screen.buffer.getvalue().decode())  # type: ignore[attr-defined]
    return code, re.sub(" +$", "", text, flags=re.MULTILINE).lstrip("\n")


def is_shown(printed: str, shown: str) -> bool:
    """Whether the lines that a page shows are those printed, where ``...`` stands for anything."""
    return re.fullmatch(re.escape(shown).replace(re.escape("..."), ".*"), printed, re.DOTALL) is not None


FORMATS = Path(__file__).parent / "data" / "formats"
MODELS = {
    "model.h5": "keras/mltk_keyword_spotting.h5.gz",
    "model.tflite": "tflite/mltk_keyword_spotting.tflite.gz",
    "model.pt2": "torch/resnet18.pt2",
    "model.xml": "openvino/ov2026_MobileNetV2.xml.gz",
    "net.param": "ncnn/waifu2x_cunet_scale2x.param",
    "unsized.param": "ncnn/srmd_x3.param",
}
"""Files that the pages speak of, and the one of ours that stands for each."""


def folder(path: Path) -> None:
    """Fill a folder in which commands run: the README's files, models, and a git repository with a past."""
    for language in ("yaml", "toml"):
        for text in blocks(README, language):
            write(path, text)
    for name, carried in MODELS.items():
        data = (FORMATS / carried).read_bytes()
        (path / name).write_bytes(gzip.decompress(data) if carried.endswith(".gz") else data)
    (path / "classifier.onnx").write_bytes((FORMATS.parent / "gradients" / "plain.onnx").read_bytes())
    Image.linear_gradient("L").resize((16, 16)).convert("RGB").save(path / "cat.png")
    with contextlib.chdir(path):
        assert run("convcalc export net.yaml -o model.onnx --no-weights")[0] == 0
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
        for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
            subprocess.run([*git, *arguments], check=True)
        subprocess.run(["git", "update-ref", "refs/remotes/origin/main", "HEAD"], check=True)


def write(path: Path, text: str) -> None:
    """Write a block that is a file."""
    match = FILE.match(text)
    if match is not None:
        (path / match[1]).write_text(text[match.end() :], "utf-8")


TABLE = re.compile(r"\n((?:\|.*\n)+)")


def table_in(text: str) -> str:
    """The lines of a table in Markdown."""
    return "".join(f"{line}\n" for line in text.splitlines() if line.startswith("|"))


def replayed(page: Path) -> Iterator[tuple[str, str, int, str]]:
    """The commands of a page in the current folder: each with what is shown, its exit code and what is printed."""
    content = page.read_text("utf-8")
    for block in BLOCK.finditer(content):
        language, text = block.groups()
        table = TABLE.match(content, block.end() + 1)
        write(Path(), text)
        if language == "sh" and table is not None and "--format markdown" in text:
            code, printed = run(text.replace("\\\n", " "))
            yield text, table[1], code, table_in(printed)
        elif language == "console":
            for line, shown in COMMAND.findall(text):
                yield (line, shown, *run(line.replace("\\\n", " ")))
        elif language == "sh":
            for line in text.replace("\\\n", " ").splitlines():
                if line.startswith("convcalc"):
                    yield (line, "...", *run(re.split(" [>|#] ?", line)[0]))


def refilled(page: Path) -> str:
    """The page with what its commands print now."""
    text = page.read_text("utf-8")
    for line, shown, _, printed in replayed(page):
        if printed and not is_shown(printed, shown):
            start = f"{line}```\n\n" if shown.startswith("|") else f"$ {line}\n"
            text = text.replace(f"{start}{shown}", f"{start}{printed}")
    return text


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        folder(Path())
        for page in PAGES:
            page.write_text(refilled(page), "utf-8")
