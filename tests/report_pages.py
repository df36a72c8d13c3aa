"""Pages that `convcalc report` writes, and the JSON of `convcalc analyze` to which they are held."""

from __future__ import annotations

import atexit
import json
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from command_line import application
from typer.testing import CliRunner

DEEP = """\
name: deep
input: [4, 16, 16]
blocks:
  unit:
    layers:
      - conv: {out_channels: 4, kernel_size: 3, padding: 1}
      - relu
layers:
  - unit: {name: trunk, repeat: 5000}
"""
"""A network of 10,000 layers."""

HOSTILE = """\
name: "</script><img src=x onerror=alert(1)>"
input: [3, 8, 8]
blocks:
  "<b>":
    layers:
      - conv: {name: "<i>&amp;", out_channels: 4, kernel_size: 3}
      - relu: {name: "'\\"`${1}"}
layers:
  - "<b>": {name: "a--><!--", repeat: 2}
  - relu: {name: "#%41 x?y"}
"""
"""Names with markup, quotes, escapes and percent signs."""


@cache
def _folder() -> Path:
    path = Path(mkdtemp(prefix="convcalc-pages-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


@cache
def spec(text: str) -> str:
    """A file that holds the text."""
    path = _folder() / f"{abs(hash(text))}.yaml"
    path.write_text(text, "utf-8")
    return str(path)


@cache
def report(*arguments: str) -> Path:
    """The page of a network, made once a process."""
    path = _folder() / f"{abs(hash(arguments))}.html"
    result = CliRunner().invoke(application(), ["report", *arguments, "-o", str(path)])
    assert result.exit_code == 0, result.output
    return path


@cache
def analysis(*arguments: str) -> Any:
    """What `analyze` says of it, as JSON."""
    result = CliRunner().invoke(application(), ["analyze", *arguments, "--format", "json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)
