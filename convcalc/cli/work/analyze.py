"""What `convcalc analyze` does."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from convcalc import steps
from convcalc.cli.output import ExitCode, end, reject, show_errors
from convcalc.cli.work.tools import FUSED, UNFUSED, figure_named
from convcalc.language.named import readable
from convcalc.views.output import Output

if TYPE_CHECKING:
    from convcalc.analysis.latency import Latency
    from convcalc.analysis.lines import By
    from convcalc.analysis.report import Report
    from convcalc.counters import ChosenFigure
    from convcalc.language.source import Diagnostic


def analyze(
    files: Sequence[str],
    *,
    format: str = "table",  # noqa: A002  # the option's name
    by: By = "layer",
    top: int | None = None,
    expand: bool = False,
    batch: int | None = None,
    dtype: str | None = None,
    fused: bool | None = None,
    device: str | None = None,
    latency: str = "",
    inputs: Mapping[str, tuple[int, ...]],
    variables: Mapping[str, str],
    strict: bool = False,
    scale: str = "",
    blocks: str = "",
    show: Sequence[str] = (),
    hide: Sequence[str] = (),
    count_as: str = "",
) -> None:
    """Print the costs of each file; `show` and `hide` name columns of a table (see `convcalc.views.figures`).

    `count_as` is another tool, whose count stands beside ours: of layers as they are written.
    """
    from convcalc.analysis.analyze import analyze as cost
    from convcalc.analysis.lines import lines
    from convcalc.cli.loading import load
    from convcalc.devices import NoPeak
    from convcalc.language import SpecError
    from convcalc.language.source import Diagnostic, unfinished
    from convcalc.views import view
    from convcalc.views.analyze.shared import Analyzed
    from convcalc.views.figures import columns

    times = _times(latency) if latency else None
    tool = figure_named(count_as) if count_as else None
    writer, out = view("analyze", format), Output(sys.stdout)
    is_folded = by != "layer" or top is not None
    code, chosen = ExitCode.DONE, columns(show, hide)

    def shown_of(file: str) -> list[Diagnostic]:
        """Show what can be worked out of a file; its mistakes, which stand behind that."""
        errors: list[Diagnostic] = []
        try:
            network = load(file, inputs, variables, strict=strict, scale=scale, blocks=blocks)
        except SpecError as error:
            errors = error.diagnostics
            if error.network is None:
                return fail(file, errors)
            network = error.network
        try:
            report = cost(network, batch=batch, dtype=dtype, fused=fused, device=device)
        except NoPeak as error:
            problem = Diagnostic(readable(file), 0, 0, 0, "CC013", str(error), "another --dtype, or another --device")
            return fail(file, [*errors, problem])
        if tool is not None and report.terms.fused:
            return fail(file, [*errors, Diagnostic(readable(file), 0, 0, 0, "CC013", FUSED, UNFUSED)])
        report = _counted(report, tool) if tool is not None else report
        shown = lines(report, by=by, top=top, expand=expand)
        measured = _measured(report, times) if times is not None else None
        writer.write(Analyzed(readable(file), report, shown, errors, is_folded, measured, chosen), out)
        return errors

    def fail(file: str, errors: list[Diagnostic]) -> list[Diagnostic]:
        if hasattr(writer, "write_failure"):
            writer.write_failure(readable(file), errors, out)
        return errors

    for file in files:
        try:
            with steps.afresh():
                errors = shown_of(file)
        except steps.OutOfSteps:
            errors = fail(file, [unfinished(readable(file))])
        if errors:
            show_errors(errors)
            code = ExitCode.BAD_INPUT
    out.end()
    end(code)


def _counted(report: Report, tool: ChosenFigure) -> Report:
    from convcalc.analysis.tools import counted_as

    return counted_as(report, tool)


def _times(path: str) -> dict[str, int]:
    """The times of a table; what is wrong with it ends the command."""
    from convcalc.analysis.latency import read_table
    from convcalc.language import SpecError

    try:
        return read_table(path)
    except SpecError as error:
        reject(error.diagnostics)


def _measured(report: Report, times: dict[str, int]) -> Latency:
    from convcalc.analysis.latency import latency

    return latency(report, times)
