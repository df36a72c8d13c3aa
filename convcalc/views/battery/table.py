"""What came of the battery as a table for the terminal, and below it every counter-example, ready to be pasted."""

from __future__ import annotations

from convcalc.battery.run import Battery, KindResult
from convcalc.views import words
from convcalc.views.battery import shared
from convcalc.views.battery.shared import BatteryRun
from convcalc.views.columns import Column, Grid, end, fitted
from convcalc.views.formats import terminal
from convcalc.views.marks import Marks, marks
from convcalc.views.output import Output


def write(run: BatteryRun, out: Output) -> None:
    """The table, the counter-examples and the verdict."""
    battery, console = run.battery, out.console
    mark = marks(console.encoding)
    console.print(_table(battery, mark, console.width), soft_wrap=True)
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
    console.print(
        terminal.line(shared.verdict(battery, run.seconds), style="bold green" if battery.agrees else "bold red")
    )


def _table(battery: Battery, mark: Marks, width: int) -> Grid:
    rows: list[KindResult | str] = []
    for result in battery.results:
        title = f"{result.group}s"
        if title not in rows and result.group != battery.results[0].group:
            rows.append(title)
        rows.append(result)
    columns = [
        Column(
            f"{battery.results[0].group if battery.results else 'kind'}",
            [_name(row) for row in rows],
            "left",
            shorten=end,
        ),
        Column("cases", ["" if isinstance(row, str) else words.exact(row.cases) for row in rows]),
    ]
    for rank, column in enumerate(battery.columns):
        cells = ["" if isinstance(row, str) else shared.cell(row, column, mark) for row in rows]
        columns.append(Column(shared.header(battery, column), cells, "left", rank=rank))
    styles = ["dim" if isinstance(row, str) else "" if row.agrees else "bold red" for row in rows]
    return Grid(fitted(columns, width), styles)


def _name(row: KindResult | str) -> str:
    return row if isinstance(row, str) else row.name
