"""What `convcalc report` does."""

from __future__ import annotations

import io
import shlex
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from convcalc import steps
from convcalc.cli.output import STDOUT, fail, refuse, reject, save
from convcalc.cli.work.progress import working
from convcalc.cli.work.sides import SideRequest, mistakes_named, refuse_mixed, sides_of
from convcalc.cli.work.targets import check_packages, ending
from convcalc.language.named import file_of, readable

if TYPE_CHECKING:
    from convcalc.analysis.report import Report
    from convcalc.analysis.terms import HowRun
    from convcalc.network import Network
    from convcalc.opening import How
    from convcalc.views.report.shared import Depicted, SideBySide

PAGE = "html"
ENDINGS = {".html": PAGE, ".svg": "svg", ".mmd": "mermaid", ".dot": "dot", ".gv": "dot"}
"""What a file is written as, by how its name ends."""
COLOURED = (PAGE, "svg")
"""Formats with a graph that is coloured by what its layers cost."""
DEFAULT_COLOR = "macs"


class Look(TypedDict):
    """How the graph looks at first: patterns of the names of blocks that are open, and what it is coloured by."""

    open: Sequence[str]
    color_by: str | None


class _Ways(NamedTuple):
    """How networks are read and counted, and how they look."""

    inputs: Mapping[str, tuple[int, ...]]
    variables: Mapping[str, str]
    terms: HowRun
    how: How
    look: Look


def report(
    asked: SideRequest,
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
    """Write the page of a network, or of several side by side, whole or not at all."""
    from convcalc.cli.work.given import given_options
    from convcalc.language import SpecError
    from convcalc.language.source import unfinished
    from convcalc.views.report.shared import TooLargeToDraw

    format = format or _format(output)  # noqa: A001  # the option's name
    _check(asked, format, look)
    check_packages(format, output)
    refuse(output, force=force, sources=map(file_of, asked.files))
    ways = _Ways(inputs, variables, terms, how, look)
    options = [*asked.options(), *given_options(inputs, variables, terms, how), *_look_options(look)]
    command = _command(asked.files, output, format, options)
    try:
        shown = _side_by_side(asked, ways, command) if asked.are_several else _alone(asked, ways, format, command)
        text = _written(shown, format)
    except SpecError as error:
        reject(error.diagnostics)
    except steps.OutOfSteps:
        reject([unfinished(readable(asked.files[0]))])
    except ImportError as error:  # of a package of an extra
        fail(str(error))
    except TooLargeToDraw as error:
        fail(str(error))
    save(output, [text], force=force)


def _check(asked: SideRequest, format: str, look: Look) -> None:  # noqa: A002  # the option's name
    """End the command where its options do not go together."""
    from convcalc.views import view

    if look["color_by"] and format not in COLOURED:
        fail(f"--color-by: {format} has no colours, expected one of {', '.join(COLOURED)}, or to go without")
    is_of_several = not asked.are_several or hasattr(view("report", format), "write_sides")
    refuse_mixed(
        {
            "--variant takes a single spec": asked.variant is not None and len(asked.files) > 1,
            "--layer and --except are for a --variant": asked.variant is None and bool(asked.layers or asked.excluded),
            "standard input can only be read once": asked.files.count(STDOUT) > 1,
            f"{format} shows a single network; several stand side by side in a page: -o page.html": not is_of_several,
        }
    )


def _format(output: str) -> str:
    """What is written, as the name of the file says it."""
    known = ENDINGS.get(ending(output))
    if known is None:
        what = (
            "standard output has no name that says" if output == STDOUT else f"the name {readable(output)} does not say"
        )
        fail(f"{what} what to write: expected one that ends in {', '.join(ENDINGS)}, or --format")
    return known


@working("reading the network")
def _alone(asked: SideRequest, ways: _Ways, format: str, command: str) -> Depicted:  # noqa: A002  # the option's name
    """The network and what it costs, as it is to be looked at."""
    from convcalc.analysis.analyze import analyze
    from convcalc.cli.loading import load
    from convcalc.cli.work.linted import linted
    from convcalc.views.report.shared import Depicted

    (file,) = asked.files
    report = analyze(load(file, ways.inputs, ways.variables, **ways.how), **ways.terms)
    _check_device(report, ways.look)
    (opened,) = _opened([report.network], ways.look["open"])
    findings = linted(file, report.written, ways.terms) if format == PAGE else ()  # a picture does not show them
    return Depicted(readable(file), report, opened, ways.look["color_by"] or DEFAULT_COLOR, command, findings)


@working("reading the networks")
def _side_by_side(asked: SideRequest, ways: _Ways, command: str) -> SideBySide:
    """The networks that are compared, of which those that could be had are shown."""
    from convcalc.cli.loading import load
    from convcalc.cli.work.linted import linted
    from convcalc.views.report.shared import Depicted, SideBySide

    loaded = partial(load, inputs=ways.inputs, variables=ways.variables, **ways.how)
    with mistakes_named(asked.layers):
        sides = sides_of(asked, loaded, ways.terms)
    if all(candidate.report is None for candidate in sides.candidates):
        fail("; ".join(f"{candidate.label} cannot apply: {candidate.reason}" for candidate in sides.candidates))
    _check_device(sides.base, ways.look)
    paths = [sides.path, *(sides.path if sides.variants else candidate.label for candidate in sides.candidates)]
    reports = [sides.base, *(candidate.report for candidate in sides.candidates)]
    shown = [(path, report) for path, report in zip(paths, reports, strict=True) if report is not None]
    opened = _opened([report.network for _, report in shown], ways.look["open"])
    color = ways.look["color_by"] or DEFAULT_COLOR
    networks = [
        Depicted(path, report, parts, color, command, linted(path, report.written, ways.terms))
        for (path, report), parts in zip(shown, opened, strict=True)
    ]
    return SideBySide(sides, tuple(networks))


def _check_device(report: Report, look: Look) -> None:
    if look["color_by"] == "bound" and report.terms.device is None:
        fail("--color-by bound: bounds are those of a device, and none is named: add --device, or `deploy` to the spec")


def _opened(networks: Sequence[Network], patterns: Sequence[str]) -> list[tuple[int, ...]]:
    """The places of the blocks that are open in each network; without patterns, no outline is made.

    A pattern must be the name of a block in some network; in another there need not be any.
    """
    from convcalc.analysis.opened import NoSuchBlock, opened
    from convcalc.analysis.outline import outline

    if not patterns:
        return [() for _ in networks]
    outlines = [outline(network) for network in networks]
    places = [set[int]() for _ in networks]
    for pattern in patterns:
        problems = []
        for parts, own in zip(outlines, places, strict=True):
            try:
                own.update(opened(parts, [pattern]))
            except NoSuchBlock as error:
                problems.append(error)
        if len(problems) == len(networks):
            fail(f"--open: {problems[0]}")
    return [tuple(sorted(own)) for own in places]


def _look_options(look: Look) -> list[str]:
    colour = ["--color-by", look["color_by"]] if look["color_by"] else []
    return [*(word for pattern in look["open"] for word in ("--open", pattern)), *colour]


def _command(files: Sequence[str], output: str, format: str, options: Iterable[str]) -> str:  # noqa: A002
    """What makes the file again; empty where a network comes from standard input. A folder is nobody's business."""
    if STDOUT in files:
        return ""
    kind = () if output != STDOUT and ENDINGS.get(ending(output)) == format else ("--format", format)
    words = ["convcalc", "report", *files, *options, *kind, "-o", PurePath(output).name]
    return " ".join(map(shlex.quote, words))


@working("drawing it")
def _written(depicted: Depicted | SideBySide, format: str) -> bytes:  # noqa: A002  # the option's name
    """The file that a view makes."""
    from convcalc.views import view
    from convcalc.views.output import Output
    from convcalc.views.report.shared import Depicted

    kept = io.BytesIO()
    with io.TextIOWrapper(kept, "utf-8", errors="replace", newline="") as stream:
        out = Output(stream)
        writer = view("report", format)
        (writer.write if isinstance(depicted, Depicted) else writer.write_sides)(depicted, out)
        out.end()
        stream.flush()
        return kept.getvalue()
