"""`convcalc analyze`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from convcalc import steps
from convcalc.cli.completion import networks
from convcalc.cli.options import Batch, Dtype, Inputs, Variables, assignments, console, readable, shapes
from convcalc.cli.output import BAD_INPUT, print_json, show_errors

if TYPE_CHECKING:
    from convcalc.analysis.lines import Line
    from convcalc.analysis.report import Report
    from convcalc.language import Diagnostic

Format = Literal["table", "json", "csv", "markdown"]


def analyze(
    files: Annotated[
        list[str], typer.Argument(help="Specs; - reads standard input.", show_default=False, autocompletion=networks)
    ],
    format: Annotated[Format, typer.Option(help="How to print.")] = "table",  # noqa: A002  # the option's name
    by: Annotated[Literal["layer", "block", "kind"], typer.Option(help="What a line is.")] = "layer",
    top: Annotated[int | None, typer.Option(min=1, help="Only the lines with the most MACs.")] = None,
    expand: Annotated[bool, typer.Option("--expand", help="Every layer of a repeated block on a line.")] = False,
    batch: Batch = 1,
    dtype: Dtype = "float32",
    input: Inputs = None,  # noqa: A002  # the option's name
    set: Variables = None,  # noqa: A002  # the option's name
) -> None:
    """Shapes, params, MACs, receptive field and memory, layer by layer.

    JSON always holds every layer; --by and --top add their lines to it.
    """
    from convcalc.analysis.analyze import analyze as cost
    from convcalc.analysis.lines import lines
    from convcalc.cli.loading import load
    from convcalc.language import SpecError
    from convcalc.language.source import unfinished

    inputs, variables = shapes(input or []), assignments(set or [])
    output = _OUTPUTS[format]()
    failed = False

    def show(file: str) -> None:
        nonlocal failed
        path = readable(file)
        errors: list[Diagnostic] = []
        try:
            network = load(file, inputs, variables)
        except SpecError as error:
            failed = True
            errors = error.diagnostics
            if error.network is None:
                output.failed(path, errors)
                return
            network = error.network
        report = cost(network, batch=batch, dtype=dtype)
        chosen = lines(report, by=by, top=top, expand=expand)
        output.show(path, report, chosen, errors, folded=by != "layer" or top is not None)

    for file in files:
        try:
            with steps.afresh():
                show(file)
        except steps.OutOfSteps:
            failed = True
            output.failed(readable(file), [unfinished(readable(file))])
    output.end()
    if failed:
        raise typer.Exit(BAD_INPUT)


class _Output:
    """What all formats do: errors go to standard error, after what could be worked out."""

    def failed(self, path: str, errors: list[Diagnostic]) -> None:
        show_errors(errors)

    def show(self, path: str, report: Report, lines: list[Line], errors: list[Diagnostic], *, folded: bool) -> None:
        raise NotImplementedError

    def end(self) -> None:
        pass


class _Table(_Output):
    def __init__(self) -> None:
        self.console = console()
        self.shown = 0

    def show(self, path: str, report: Report, lines: list[Line], errors: list[Diagnostic], *, folded: bool) -> None:
        from convcalc.views import table
        from convcalc.views.formats import terminal

        if lines or not errors:
            if self.shown:
                self.console.print()
            self.shown += 1
            table.show(self.console, report, lines, path, complete=not errors)
        if errors and lines:
            self.console.print(terminal.line(f"without totals: {len(errors)} error{'s' if len(errors) > 1 else ''}"))
        if errors:
            show_errors(errors)


class _Json(_Output):
    def __init__(self) -> None:
        from convcalc.views import json

        self.view = json
        self.documents: list[json.Document] = []

    def failed(self, path: str, errors: list[Diagnostic]) -> None:
        super().failed(path, errors)
        self.documents.append(self.view.failure(path, errors))

    def show(self, path: str, report: Report, lines: list[Line], errors: list[Diagnostic], *, folded: bool) -> None:
        if errors:
            show_errors(errors)
        self.documents.append(self.view.document(report, path, lines if folded else None, errors or None))

    def end(self) -> None:
        print_json(self.view.encode(self.documents))


class _Csv(_Output):
    def __init__(self) -> None:
        self.header = True

    def show(self, path: str, report: Report, lines: list[Line], errors: list[Diagnostic], *, folded: bool) -> None:
        from convcalc.views import csv

        sys.stdout.write(csv.rows(report.network.name, path, lines, header=self.header))
        self.header = False
        if errors:
            show_errors(errors)


class _Markdown(_Output):
    def show(self, path: str, report: Report, lines: list[Line], errors: list[Diagnostic], *, folded: bool) -> None:
        from convcalc.views import markdown

        sys.stdout.write(markdown.text(report, lines, path, complete=not errors) + "\n")
        if errors:
            show_errors(errors)


_OUTPUTS: dict[str, Callable[[], _Output]] = {"table": _Table, "json": _Json, "csv": _Csv, "markdown": _Markdown}
