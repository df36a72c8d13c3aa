"""What `convcalc memory` does."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from convcalc import steps
from convcalc.cli.output import STDOUT, ExitCode, end, fail, refuse, reject_one, save
from convcalc.cli.work.progress import working
from convcalc.cli.work.targets import check_plot
from convcalc.language.named import file_of, readable
from convcalc.views.output import Output

if TYPE_CHECKING:
    from convcalc.analysis.terms import HowRun
    from convcalc.language import Diagnostic
    from convcalc.opening import How
    from convcalc.planning.records import Running, Timeline


def memory(
    files: Sequence[str],
    *,
    format: str,  # noqa: A002  # the option's name
    order: Running,
    top: int | None,
    expand: bool,
    plot: str | None,
    force: bool,
    inputs: Mapping[str, tuple[int, ...]],
    variables: Mapping[str, str],
    terms: HowRun,
    how: How,
) -> None:
    """Print the memory of each file over time; of a single file, draw it too where `plot` names a file for that."""
    from convcalc.cli.loading import load
    from convcalc.language import SpecError
    from convcalc.language.source import unfinished
    from convcalc.planning.plan import memory as plan
    from convcalc.views import view
    from convcalc.views.memory.shared import Planned

    if plot is not None:
        _check_plot(plot, files, force=force)
    writer, out = view("memory", format), Output(sys.stdout)
    code = ExitCode.DONE

    def reject(file: str, errors: list[Diagnostic]) -> None:
        nonlocal code
        code = reject_one(writer, readable(file), errors, out)

    for file in files:
        try:
            with steps.afresh():
                with working(f"planning {readable(file)}"):
                    planned = plan(load(file, inputs, variables, **how), order=order, **terms)
                if plot is not None:
                    save(plot, [_picture(planned.timeline)], force=force)
                if plot != STDOUT:
                    writer.write(Planned(readable(file), planned, top, expand), out)
        except SpecError as error:
            reject(file, error.diagnostics)
        except steps.OutOfSteps:
            reject(file, [unfinished(readable(file))])
    out.end()
    end(code)


def _check_plot(plot: str, files: Sequence[str], *, force: bool) -> None:
    """End the command where it is certain beforehand that no picture would be written."""
    if len(files) > 1:
        fail(f"--plot draws one network, found {len(files)}: draw each by a command of its own")
    check_plot(plot)
    refuse(plot, force=force, sources=map(file_of, files))


@working("drawing the memory")
def _picture(lived: Timeline) -> bytes:
    """The chart of a timeline as SVG, or the end of the command with why there is none."""
    from convcalc.views.pictures.charts.memory import drawn
    from convcalc.views.pictures.engine import ScriptFailed
    from convcalc.views.pictures.plot import svg

    chart = drawn(lived)
    if chart is None:
        fail("--plot has nothing to draw: no tensor is alive, as there is no layer, or none has an output of its own")
    try:
        return svg(chart, heading=_heading(lived)).encode(errors="replace")
    except (ImportError, ScriptFailed) as error:  # of a package of an extra
        fail(str(error))


def _heading(lived: Timeline) -> str:
    """What the picture is of: the network, and the terms where they are not the plainest."""
    from convcalc.visible import short

    terms = lived.terms
    parts = [
        short(lived.network.name, 60),
        f"memory over time{', in the best order' if lived.running == 'best' else ''}",
        *([f"batch {terms.batch:,}"] if terms.batch != 1 else []),
        str(terms.precision),
        *(["fused"] if terms.fused else []),
    ]
    return " · ".join(parts)
