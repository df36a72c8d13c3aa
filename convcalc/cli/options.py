"""Options that commands share, and what their texts mean."""

from __future__ import annotations

import io
import re
import sys
from typing import TYPE_CHECKING, Annotated, Literal, TextIO, cast

import typer

from convcalc.fields import LARGEST
from convcalc.language.named import readable as readable  # commands take it from here
from convcalc.language.named import sizes

if TYPE_CHECKING:
    from rich.console import Console

Inputs = Annotated[
    list[str] | None, typer.Option(metavar="[NAME=]CxHxW", help="Another input shape.", show_default=False)
]
Variables = Annotated[
    list[str] | None, typer.Option(metavar="NAME=VALUE", help="Another value of a variable.", show_default=False)
]
Batch = Annotated[int, typer.Option(min=1, max=LARGEST, help="Batch size; MACs and activations grow with it.")]
Dtype = Annotated[
    Literal["float64", "float32", "float16", "bfloat16", "int8"], typer.Option(help="For sizes in bytes.")
]

WIDEST = 1000
"""Columns of a table that is piped; other lines are as long as they are, and never broken."""


def console(*, stderr: bool = False) -> Console:
    """Where people read: as wide as the terminal; piped, as wide as it takes, and without colour."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    if stream.isatty():
        return Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    trimmed = cast("TextIO", _Trimmed(stream))
    return Console(file=trimmed, highlight=False, markup=False, emoji=False, width=WIDEST, soft_wrap=True)


class _Trimmed(io.TextIOBase):
    """A stream on which no line ends in blanks, which tables are padded with."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]  # so that Rich knows what can be printed
        return self.stream.encoding

    def write(self, text: str) -> int:
        return self.stream.write(re.sub(r" +\n", "\n", text))

    def flush(self) -> None:
        self.stream.flush()


def shapes(texts: list[str]) -> dict[str, tuple[int, ...]]:
    """`3x224x224` or `NAME=3x224x224`, as shapes by input name."""
    return dict(_shape(text) for text in texts)


def _shape(text: str) -> tuple[str, tuple[int, ...]]:
    name, equals, written = text.rpartition("=")
    shape = sizes(written)
    if shape is None or (equals and not name):
        raise typer.BadParameter(
            f"expected sizes like 3x224x224, or NAME=3x224x224, found {text!r}", param_hint="--input"
        )
    return name or "input", shape


def assignments(texts: list[str]) -> dict[str, str]:
    """`NAME=VALUE` texts as a mapping."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals or not value:
            raise typer.BadParameter(f"expected NAME=VALUE, found {text!r}", param_hint="--set")
        found[readable(name)] = readable(value)
    return found
