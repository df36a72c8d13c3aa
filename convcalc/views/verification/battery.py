"""What came of the battery as a table for the terminal, and below it every counter-example, ready to be pasted."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from convcalc.battery.findings import Column
from convcalc.battery.run import LABELS, Battery, KindResult
from convcalc.reference.rounding import STATED
from convcalc.views import words
from convcalc.views.columns import Column as Cells
from convcalc.views.columns import Grid, end, fitted
from convcalc.views.formats import terminal
from convcalc.views.verification.marks import Marks, marks

HEADERS: dict[Column, str] = {**LABELS, "receptive_field": "field"}


def show(console: Console, found: Battery, seconds: float | None = None) -> None:
    """Print the table, the counter-examples and the verdict."""
    mark = marks(console.encoding)
    console.print(_table(found, mark, console.width), soft_wrap=True)
    for result in found.results:
        if result.counterexample is not None:
            comment, _, spec = result.counterexample.spec.rstrip("\n").partition("\n")
            console.print()
            console.print(terminal.line(comment, style="red"), soft_wrap=True)
            for text in spec.split("\n"):
                console.print(terminal.line(text), soft_wrap=True)
    if not found.agrees:
        console.print()
    for line in key(found):
        console.print(terminal.line(line, style="dim"))
    console.print(terminal.line(verdict(found, seconds), style="bold green" if found.agrees else "bold red"))


def header(found: Battery, column: Column) -> str:
    """What a column is called."""
    return found.runtime if column == "values" else HEADERS[column]


def key(found: Battery) -> list[str]:
    """What the marks mean."""
    first = "0: nothing claimed and nothing found; behind an identity's mark: how many were tried"
    return [first, f"{found.runtime}: {STATED}"] if found.runtime else [first]


def _table(found: Battery, mark: Marks, width: int) -> object:
    rows: list[KindResult | str] = []
    for result in found.results:
        title = f"{result.group}s"
        if title not in rows and result.group != found.results[0].group:
            rows.append(title)
        rows.append(result)
    columns = [
        Cells(
            f"{found.results[0].group if found.results else 'kind'}", [_name(row) for row in rows], "left", shorten=end
        ),
        Cells("cases", ["" if isinstance(row, str) else words.exact(row.cases) for row in rows]),
    ]
    for rank, column in enumerate(found.columns):
        cells = ["" if isinstance(row, str) else cell(row, column, mark) for row in rows]
        columns.append(Cells(header(found, column), cells, "left", rank=rank))
    styles = ["dim" if isinstance(row, str) else "" if row.agrees else "bold red" for row in rows]
    return Grid(fitted(columns, width), styles)


def _name(row: KindResult | str) -> str:
    return row if isinstance(row, str) else row.name


def cell(result: KindResult, column: Column, mark: Marks) -> str:
    """A mark; with how many cases disagree, or how many identities were tried; 0 where nothing is claimed."""
    tally = result.columns[column]
    if tally.disagreements:
        return f"{mark.of(False)} {words.exact(tally.disagreements)}"
    if not tally.checked:
        return "0" if column in ("params", "macs") else mark.of(None)
    return f"{mark.of(True)} {len(result.identities)}" if column == "identities" else mark.of(True)


def verdict(found: Battery, seconds: float | None = None) -> str:
    """The last line: what was tried, and whether all is as claimed."""
    took = "" if seconds is None else f", {seconds:.1f} s"
    cases = sum(result.cases for result in found.results)
    tried = f"{', '.join(_counts(found))}, {words.exact(cases)} cases, seed {found.seed}{took}"
    wrong = [result.name for result in found.results if not result.agrees]
    if not wrong:
        values = f", every value compared equals {found.runtime}'s" if found.runtime else ""
        return f"{tried}: every number measured is as claimed, every identity holds{values}"
    return f"{tried}: {len(wrong)} disagree{'s' if len(wrong) == 1 else ''}: {', '.join(wrong)}"


def _counts(found: Battery) -> Iterator[str]:
    groups = [result.group for result in found.results]
    for group in dict.fromkeys(groups):
        count = groups.count(group)
        yield f"{count} {group}{'s' if count > 1 else ''}"
