"""What `convcalc report` does."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING

from convcalc import steps
from convcalc.cli.output import STDOUT, fail, refuse, reject, save
from convcalc.cli.work.sides import Asked, mistakes_named, refuse_mixed, sides_of
from convcalc.language.named import file_of, readable

if TYPE_CHECKING:
    from convcalc.analysis.terms import HowRun
    from convcalc.opening import How
    from convcalc.views.report.shared import Depicted, SideBySide

ENDINGS = {".html": "html"}
"""What a file is written as, by how its name ends."""


def report(
    asked: Asked,
    *,
    output: str,
    format: str | None,  # noqa: A002  # the option's name
    force: bool,
    inputs: Mapping[str, tuple[int, ...]],
    variables: Mapping[str, str],
    terms: HowRun,
    how: How,
    allow_input_change: bool,
) -> None:
    """Write the page of a network, or of several side by side, whole or not at all."""
    from convcalc.language import SpecError
    from convcalc.language.source import unfinished

    format = format or _format(output)  # noqa: A001  # the option's name
    _check(asked, format)
    refuse(output, force=force, sources=map(file_of, asked.files))
    try:
        if asked.are_several:
            text = _written(_side_by_side(asked, inputs, variables, terms, how, allow_input_change), format)
        else:
            text = _written(_depicted(asked.files[0], inputs, variables, terms, how), format)
    except SpecError as error:
        reject(error.diagnostics)
    except steps.OutOfSteps:
        reject([unfinished(readable(asked.files[0]))])
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


def _check(asked: Asked, format: str) -> None:  # noqa: A002  # the option's name
    """End the command where its options do not go together."""
    from convcalc.views import view

    is_of_sides = hasattr(view("report", format), "write_sides")
    refuse_mixed(
        {
            "--variant takes a single spec": asked.variant is not None and len(asked.files) > 1,
            "--layer and --except are for a --variant": asked.variant is None and bool(asked.layers or asked.excluded),
            "standard input can only be read once": asked.files.count(STDOUT) > 1,
            f"{format} shows a single network; --format html shows several side by side": (
                asked.are_several and not is_of_sides
            ),
        }
    )


def _side_by_side(
    asked: Asked,
    inputs: Mapping[str, tuple[int, ...]],
    variables: Mapping[str, str],
    terms: HowRun,
    how: How,
    allow_input_change: bool,
) -> SideBySide:
    """The networks that are compared, of which those that could be had are shown."""
    from convcalc.cli.loading import load
    from convcalc.views.report.shared import Depicted, SideBySide

    opened = partial(load, inputs=inputs, variables=variables, **how)
    with mistakes_named(asked.layers):
        sides = sides_of(asked, opened, terms, allow_input_change=allow_input_change)
    heads = [
        Depicted(sides.path if sides.variants else candidate.label, candidate.report)
        for candidate in sides.candidates
        if candidate.report is not None
    ]
    if not heads:
        reasons = "; ".join(f"{candidate.label} cannot apply: {candidate.reason}" for candidate in sides.candidates)
        fail(f"no variant can be shown: {reasons}")
    return SideBySide(sides, (Depicted(sides.path, sides.base), *heads))


def _depicted(
    file: str,
    inputs: Mapping[str, tuple[int, ...]],
    variables: Mapping[str, str],
    terms: HowRun,
    how: How,
) -> Depicted:
    from convcalc.analysis.analyze import analyze
    from convcalc.cli.loading import load
    from convcalc.views.report.shared import Depicted

    return Depicted(readable(file), analyze(load(file, inputs, variables, **how), **terms))


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
