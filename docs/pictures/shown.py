"""Makes what the manual shows of the tool's own output: the pictures in this folder and the table of the zoo.

    python docs/pictures/shown.py

Each picture is a real run of the command line on a terminal, drawn by Rich. A test makes them again and compares.
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.text import Text

import convcalc
from convcalc.views.output import Output
from convcalc.views.zoo import markdown

ROOT = Path(__file__).parent.parent.parent
RUNS = {
    "analyze": ["analyze", "zoo:resnet50"],
    "compare": ["compare", "zoo:resnet18", "--variant", "all"],
    "lint": ["lint", "zoo:vgg16", "--input", "3x32x32"],
}
"""The command of each picture."""
WIDTH = 110
LIGHT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<!-- made by docs/pictures/shown.py with Rich RICH -->
<style>
.{unique_id}-matrix {{
    font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
    font-size: {char_height}px;
    line-height: {line_height}px;
    font-variant-east-asian: full-width;
}}
.{unique_id}-title {{
    font-size: 18px;
    font-family: arial;
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix" xml:space="preserve">
{matrix}
</g>
</g>
</svg>
"""
"""Rich's own form without its fonts, which would be fetched from elsewhere: a reader's own will do."""
TABLE = re.compile(r"(<!-- zoo: made by docs/pictures/shown.py -->\n)(.*?)(<!-- /zoo -->)", re.DOTALL)


def run(arguments: list[str]) -> str:
    """What the command line writes to a terminal, colours and all."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 200, WIDTH, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
    for name in ("NO_COLOR", "COLUMNS", "LINES", "GITHUB_ACTIONS", "COLORTERM"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "convcalc", *arguments]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        written = b""
        while chunk := _read(ours):
            written += chunk
    os.close(ours)
    if process.returncode > 1:
        raise SystemExit(f"convcalc {' '.join(arguments)}: exit code {process.returncode}\n{written.decode()}")
    return written.decode().replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 2**16)
    except OSError:  # how Linux says that the other end is closed
        return b""


def picture(name: str) -> str:
    """A run as SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, _environ={})
    arguments = RUNS[name]
    console.print(Text(f"$ convcalc {' '.join(arguments)}", "bold"))
    for line in run(arguments).rstrip("\n").split("\n"):
        console.print(Text.from_ansi(line), no_wrap=True, crop=False)
    form = LIGHT.replace("RICH", version("rich"))
    return console.export_svg(title="convcalc", code_format=form, unique_id=f"convcalc-{name}")


def with_zoo(text: str) -> str:
    """A page with the table of the zoo as it is."""
    stream = io.StringIO()
    markdown.write(convcalc.zoo(), Output(stream))
    return TABLE.sub(lambda match: f"{match[1]}\n{stream.getvalue()}\n{match[3]}", text)


if __name__ == "__main__":
    for name in RUNS:
        (ROOT / "docs" / "pictures" / f"{name}.svg").write_text(picture(name), "utf-8")
    page = ROOT / "docs" / "zoo.md"
    page.write_text(with_zoo(page.read_text("utf-8")), "utf-8")
