"""Networks as files of other programs.

An exporter is a file or a folder here, found by being there: all but those of `SHARED`. Its name, with dashes, is what
`--to` calls it. What it needs for writing alone it imports when it writes, so that whoever writes another format does
not wait for it.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from convcalc.network import Network

SHARED = {"errors"}
"""The files here that are no exporters."""


class Exporter(Protocol):
    """What makes a file or a folder an exporter of text.

    `FORMAT` is what it writes, in words that an error can go on with, and `SUFFIX` what the names of such files end in.
    One that takes options of the command line beyond those of the network lists them in `OPTIONS`; the one there is
    writes bytes, which `convcalc.cli.onnx` has it do.
    """

    FORMAT: str
    SUFFIX: str

    def write(self, network: Network) -> str:
        """The text of a file.

        Raises:
            CannotWrite: the format has no words for some layers, all of them named in one error.
        """


@cache
def names() -> tuple[str, ...]:
    """What can be written, as `--to` calls it."""
    files = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in SHARED)
    return tuple(name.replace("_", "-") for name in files)


def exporter(name: str) -> Exporter:
    """The module that writes a format which `names` lists."""
    return importlib.import_module(f"{__name__}.{name.replace('-', '_')}")


def named_by(path: str) -> str | None:
    """The format that the ending of a file's name says; None where it says none."""
    return next((name for name in names() if path.lower().endswith(exporter(name).SUFFIX)), None)


def options(name: str) -> frozenset[str]:
    """The options that an exporter takes beyond those that say which network is meant."""
    return frozenset(getattr(exporter(name), "OPTIONS", ()))
