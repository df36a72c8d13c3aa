"""What `convcalc report` does."""

from __future__ import annotations

import io
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, TypedDict

from convcalc import steps
from convcalc.cli.output import STDOUT, fail, refuse, reject, save
from convcalc.cli.work.progress import working
from convcalc.language.named import file_of, readable

if TYPE_CHECKING:
    from convcalc.analysis.terms import HowRun
    from convcalc.network import Network
    from convcalc.opening import How
    from convcalc.views.report.shared import Depicted

PAGE = "html"
ENDINGS = {".html": PAGE, ".svg": "svg"}
"""What a file is written as, by how its name ends."""
COLOURED = (PAGE, "svg")
"""Formats with a graph that is coloured by what its layers cost."""
DEFAULT_COLOR = "macs"


class Look(TypedDict):
    """How the graph looks at first: patterns of the names of blocks that are open, and what it is coloured by."""

    open: Sequence[str]
    color_by: str | None


def report(
    files: Sequence[str],
    *,
    output: str,
    format: str | None,  # noqa: A002  # the option's name
    force: bool,
    inputs: Mapping[str, tuple[int, ...]],
    variables: Mapping[str, str],
    terms: HowRun,
    how: How,
    look: Look,
) -> None:
    """Write the page of a network, whole or not at all."""
    from msgspec.structs import replace

    from convcalc.cli.work.given import given_options
    from convcalc.cli.work.linted import linted
    from convcalc.language import SpecError
    from convcalc.language.source import unfinished

    format = format or _format(output)  # noqa: A001  # the option's name
    refuse(output, force=force, sources=map(file_of, files))
    if look["color_by"] and format not in COLOURED:
        fail(f"--color-by: {format} has no colours, expected one of {', '.join(COLOURED)}, or to go without")
    try:
        command = _command(files, output, format, [*given_options(inputs, variables, terms, how), *_look_options(look)])
        depicted = _depicted(files[0], inputs, variables, terms, how, look, command=command)
        if format == PAGE:  # a picture does not show what lint finds
            depicted = replace(depicted, findings=linted(files[0], depicted.report.written, terms))
        text = _written(depicted, format)
    except SpecError as error:
        reject(error.diagnostics)
    except steps.OutOfSteps:
        reject([unfinished(readable(files[0]))])
    except ImportError as error:  # of a package of an extra
        fail(str(error))
    save(output, [text], force=force)


def _format(output: str) -> str:
    """What is written, as the name of the file says it."""
    known = ENDINGS.get(PurePath(output).suffix)
    if known is None:
        what = (
            "standard output has no name that says" if output == STDOUT else f"the name {readable(output)} does not say"
        )
        fail(f"{what} what to write: expected one that ends in {', '.join(ENDINGS)}, or --format")
    return known


@working("reading the network")
def _depicted(
    file: str,
    inputs: Mapping[str, tuple[int, ...]],
    variables: Mapping[str, str],
    terms: HowRun,
    how: How,
    look: Look,
    *,
    command: str,
) -> Depicted:
    """The network and what it costs, as it is to be looked at."""
    from convcalc.analysis.analyze import analyze
    from convcalc.cli.loading import load
    from convcalc.views.report.shared import Depicted

    report = analyze(load(file, inputs, variables, **how), **terms)
    if look["color_by"] == "bound" and report.terms.device is None:
        fail("--color-by bound: bounds are those of a device, and none is named: add --device, or `deploy` to the spec")
    opened = _opened(report.network, look["open"])
    return Depicted(readable(file), report, opened, look["color_by"] or DEFAULT_COLOR, command)


def _opened(network: Network, patterns: Sequence[str]) -> tuple[int, ...]:
    """The places of the blocks that are open; without patterns, no outline is made."""
    from convcalc.analysis.opened import NoSuchBlock, opened
    from convcalc.analysis.outline import outline

    try:
        return opened(outline(network), patterns) if patterns else ()
    except NoSuchBlock as error:
        fail(f"--open: {error}")


def _look_options(look: Look) -> list[str]:
    colour = ["--color-by", look["color_by"]] if look["color_by"] else []
    return [*(word for pattern in look["open"] for word in ("--open", pattern)), *colour]


def _command(files: Sequence[str], output: str, format: str, options: Iterable[str]) -> str:  # noqa: A002
    """What makes the file again; empty where a network comes from standard input. A folder is nobody's business."""
    if STDOUT in files:
        return ""
    kind = () if output != STDOUT and ENDINGS.get(PurePath(output).suffix) == format else ("--format", format)
    words = ["convcalc", "report", *files, *options, *kind, "-o", PurePath(output).name]
    return " ".join(map(shlex.quote, words))


@working("drawing it")
def _written(depicted: Depicted, format: str) -> bytes:  # noqa: A002  # the option's name
    """The file that a view makes."""
    from convcalc.views import view
    from convcalc.views.output import Output

    kept = io.BytesIO()
    with io.TextIOWrapper(kept, "utf-8", errors="replace", newline="") as stream:
        out = Output(stream)
        view("report", format).write(depicted, out)
        out.end()
        stream.flush()
        return kept.getvalue()
