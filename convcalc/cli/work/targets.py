"""Files that a command is to write: it ends before its work is done where one of them cannot be made."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import PurePath

from convcalc.cli.output import STDOUT, fail
from convcalc.language.named import readable

PACKAGES = {
    "parquet": ("parquet", "pyarrow", "pyarrow"),
    "html": ("report", "jinja2", "Jinja2"),
    "svg": ("report", "quickjs", "quickjs-ng"),
}
"""What formats take that is not always installed: the extra, how the package is imported, and what it is called."""


def check_packages(format: str, path: str = STDOUT) -> None:  # noqa: A002  # the option's name
    """End the command where a package is missing that a file of the format takes."""
    extra, package, name = PACKAGES.get(format, ("", "", ""))
    if extra and find_spec(package) is None:
        advice = f"that takes {name}, which is not installed: pip install 'convcalc[{extra}]'"
        fail(f"cannot write {'standard output' if path == STDOUT else readable(path)}: {advice}")


def ending(path: str) -> str:
    """How the name of a file ends, however it is written."""
    return PurePath(path).suffix.lower()


def check_plot(path: str) -> None:
    """End the command where its picture cannot be made, or has a name of something else."""
    if path != STDOUT and ending(path) != ".svg":
        fail(f"--plot writes SVG: expected a name that ends in .svg, or -, found {readable(path)}")
    check_packages("svg", path)
