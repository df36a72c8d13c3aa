"""What came of the battery as a table for the terminal, and below it every counter-example, ready to be pasted."""

from __future__ import annotations

from itertools import groupby

from rich.console import Console

from convcalc.battery.run import Battery
from convcalc.views import words
from convcalc.views.battery import shared
from convcalc.views.battery.shared import BatteryRun
from convcalc.views.columns import Column, end, show
from convcalc.views.formats import terminal
from convcalc.views.marks import Marks, marks
from convcalc.views.output import Output


def write(run: BatteryRun, out: Output) -> None:
    """The table, the counter-examples and the verdict."""
    battery, console = run.battery, out.console
    mark = marks(console.encoding)
    _print_table(console, battery, mark)
    for result in battery.results:
        if result.counterexample is not None:
            comment, _, spec = result.counterexample.spec.rstrip("\n").partition("\n")
            console.print()
            console.print(terminal.line(comment, style="red"), soft_wrap=True)
            for text in spec.split("\n"):
                console.print(terminal.line(text), soft_wrap=True)
    if not battery.agrees:
        console.print()
    for line in shared.key(battery):
        console.print(terminal.line(line, style="dim"))
    style = "bold green" if battery.agrees else "bold red"
    console.print(terminal.line(shared.verdict(battery, run.seconds), style=style))


def _print_table(console: Console, battery: Battery, mark: Marks) -> None:
    """A row a result, and one with the name of each group but the first, which the header names."""
    first, rows, styles = battery.results[0].group, [], []
    for group, results in groupby(battery.results, lambda result: result.group):
        if group != first:
            rows.append([f"{group}s", *[""] * (1 + len(battery.columns))])
            styles.append("dim")
        for result in results:
            cells = [shared.cell(result, column, mark) for column in battery.columns]
            rows.append([result.name, words.exact(result.cases), *cells])
            styles.append("" if result.agrees else "bold red")
    names, cases, *others = map(list, zip(*rows, strict=True))
    columns = [Column(first, names, "left", shorten=end), Column("cases", cases)]
    for rank, (column, cells) in enumerate(zip(battery.columns, others, strict=True)):
        columns.append(Column(shared.header(battery, column), cells, "left", rank=rank))
    show(console, columns, styles)
