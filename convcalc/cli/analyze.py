"""`convcalc analyze`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from convcalc import steps
from convcalc.cli.completion import networks
from convcalc.cli.options import Batch, Dtype, Inputs, Strict, Variables, assignments, format_option, readable, shapes
from convcalc.cli.output import ExitCode, end, show_errors
from convcalc.views.output import Output

if TYPE_CHECKING:
    from convcalc.language import Diagnostic


def analyze(
    files: Annotated[list[str], typer.Argument(help="Specs; - reads standard input.", autocompletion=networks)],
    format: Annotated[str, format_option("analyze", "table")] = "table",  # noqa: A002  # the option's name
    by: Annotated[Literal["layer", "block", "kind"], typer.Option(help="What each line stands for.")] = "layer",
    top: Annotated[int | None, typer.Option(min=1, help="Only the lines with the most MACs.")] = None,
    expand: Annotated[
        bool, typer.Option("--expand", help="Every layer of a repeated block on a line of its own.")
    ] = False,
    batch: Batch = 1,
    dtype: Dtype = "float32",
    input: Inputs = None,  # noqa: A002  # the option's name
    set: Variables = None,  # noqa: A002  # the option's name
    strict: Strict = False,
) -> None:
    """Shapes, params, MACs, receptive field and memory, layer by layer.

    JSON always holds every layer; --by and --top add their lines to it.
    """
    from convcalc.analysis.analyze import analyze as cost
    from convcalc.analysis.lines import lines
    from convcalc.cli.loading import load
    from convcalc.language import SpecError
    from convcalc.language.source import unfinished
    from convcalc.views import view
    from convcalc.views.analyze.shared import Analyzed

    inputs, variables = shapes(input or []), assignments(set or [])
    writer, out = view("analyze", format), Output(sys.stdout)
    is_folded = by != "layer" or top is not None
    code = ExitCode.DONE

    def show(file: str) -> list[Diagnostic]:
        """Show what can be worked out of a file; its mistakes, which stand behind that."""
        errors: list[Diagnostic] = []
        try:
            network = load(file, inputs, variables, strict=strict)
        except SpecError as error:
            errors = error.diagnostics
            if error.network is None:
                return fail(file, errors)
            network = error.network
        report = cost(network, batch=batch, dtype=dtype)
        shown = lines(report, by=by, top=top, expand=expand)
        writer.write(Analyzed(readable(file), report, shown, errors, is_folded), out)
        return errors

    def fail(file: str, errors: list[Diagnostic]) -> list[Diagnostic]:
        if hasattr(writer, "write_failure"):
            writer.write_failure(readable(file), errors, out)
        return errors

    for file in files:
        try:
            with steps.afresh():
                errors = show(file)
        except steps.OutOfSteps:
            errors = fail(file, [unfinished(readable(file))])
        if errors:
            show_errors(errors)
            code = ExitCode.BAD_INPUT
    out.end()
    end(code)
