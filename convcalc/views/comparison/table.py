"""Comparisons for the terminal, as wide as it is and no wider."""

from __future__ import annotations

from rich.console import Console

from convcalc.analysis.compare import Change, Comparison
from convcalc.analysis.folding import folded
from convcalc.analysis.lines import By, Line
from convcalc.comparing.sides import Entry, Sides
from convcalc.views import words
from convcalc.views.columns import Column, Grid, end, first_words, fitted
from convcalc.views.comparison import records
from convcalc.views.formats import terminal

LONGEST_VARIANT = 17
"""Characters of a name that are kept before a column of numbers is."""
STYLES = {"added": "green", "removed": "red", "edited": "yellow", "affected": "dim", "same": ""}


def show(console: Console, sides: Sides, by: By = "layer", *, convention: bool = True) -> None:
    """Print one comparison in full, or several in a row each."""
    _title(console, sides)
    if len(sides.entries) > 1:
        _several(console, sides)
    elif sides.variants and by == "layer":
        _variant(console, sides.entries[0])
    else:
        _specs(console, sides.entries[0], by)
    if convention:
        console.print(terminal.line(words.convention(sides.base), style="dim"))


def _title(console: Console, sides: Sides) -> None:
    name, shapes, path = words.title(sides.base, sides.path)
    heads = {words.title(entry.comparison.head, "")[1]: None for entry in sides.entries if entry.comparison is not None}
    shapes = records.between(shapes, next(iter(heads))) if len(heads) == 1 else shapes
    labels = [entry.label for entry in sides.entries]
    if len(labels) > 1:
        console.print(terminal.line((name, "bold"), "   ", shapes, "   ", (path, "dim")))
    elif sides.variants:
        arrow = f"standard -> {labels[0]}"
        console.print(terminal.line((name, "bold"), "   ", shapes, "   ", (arrow, "cyan"), "   ", (path, "dim")))
    else:
        console.print(terminal.line((name, "bold"), "   ", shapes, "   ", (f"{path} -> {labels[0]}", "dim")))


def _print(console: Console, columns: list[Column], styles: list[str]) -> None:
    shown = [column for column in columns if (column.rank == 0 and column.header) or any(column.cells)]
    console.print(Grid(fitted(shown, console.width), styles), soft_wrap=True)


def _variant(console: Console, entry: Entry) -> None:
    assert entry.comparison is not None  # noqa: S101  # for the type checker: alone it is an error otherwise
    rows: list[tuple[Line, str, str]] = []
    for change in entry.replaced:
        rows += _replaced(change)
    lines = [line for line, _, _ in rows]
    columns = [
        Column("layer", [line.name for line in lines], "left", shorten=end),
        Column("kind", [words.kind(line) for line in lines], "left", "cyan", rank=2, shorten=first_words),
        Column("output", [words.shape(line.output_shape or ()) for line in lines], "left", rank=5),
        Column("params", [words.cost(line, line.params, words.exact) for line in lines], rank=1),
        Column("MACs", [words.cost(line, line.macs, words.scaled) for line in lines]),
        Column("field", [words.field(line.receptive_field) for line in lines], rank=3),
        Column("against standard", [text for _, text, _ in rows], "left", rank=4),
    ]
    _print(console, columns, [style for _, _, style in rows])
    if entry.theory is not None:
        console.print(terminal.line(records.theory_line(entry.theory)))
    console.print()
    _totals(console, entry.comparison, "standard", entry.label)
    _uncosted(console, entry.comparison)
    names = {change.name for change in entry.replaced}
    others = [change for change in entry.comparison.changes if change.name not in names]
    if others:
        console.print(
            terminal.line(f"{len(others)} layer{'s' if len(others) > 1 else ''} behind changed with what enters")
        )
    _notes(console, entry)


def _replaced(change: Change) -> list[tuple[Line, str, str]]:
    """The lines of a replaced layer: before, the parts, after."""
    base, head = change.base, change.head
    if base is None or head is None:
        return [(line, "", "") for line in (base, head) if line is not None]
    parts = [(line, "", "") for line in change.head_parts if len(change.head_parts) > 1]
    return [(base, "", "dim"), *parts, (head, records.factors(change), "bold")]


def _notes(console: Console, entry: Entry) -> None:
    for note in (*([records.skipped(entry)] if entry.skipped else []), *entry.notes):
        console.print(terminal.line(note))


def _totals(console: Console, comparison: Comparison, before: str, after: str) -> None:
    what, *numbers = zip(*records.totals(comparison), strict=True)
    headers = (before, after, "change", "")
    ranks = (1, 0, 2, 3)  # the head alone is better than half a number
    columns = [Column("total", list(what), "left", shorten=first_words)]
    columns += [
        Column(_short(header), list(cells), rank=rank)
        for header, cells, rank in zip(headers, numbers, ranks, strict=True)
    ]
    _print(console, columns, ["" for _ in what])


def _uncosted(console: Console, comparison: Comparison) -> None:
    if records.uncosted(comparison):
        console.print(terminal.line(records.uncosted(comparison)))


def _short(label: str) -> str:
    """A label that stands above numbers."""
    return end(label, 16)


def _specs(console: Console, entry: Entry, by: By) -> None:
    comparison = entry.comparison
    assert comparison is not None  # noqa: S101  # for the type checker: specs that cannot be read are errors
    _totals(console, comparison, "base", "head")
    _uncosted(console, comparison)
    changes = folded(comparison, by).changes
    if records.leaving(comparison):
        console.print(terminal.line(records.leaving(comparison)))
    if not changes:
        console.print(terminal.line("no layer changed"))
        return
    console.print()
    macs, params = [change.delta("macs") for change in changes], [change.delta("params") for change in changes]
    columns = [
        Column("", [records.MARKS[change.mark] for change in changes], "left"),
        Column(by, [records.name(change) for change in changes], "left", shorten=end),
        Column("kind", [records.kinds(change) for change in changes], "left", "cyan", rank=2, shorten=first_words),
        Column("output", [records.outputs(change) for change in changes], "left", rank=6),
        Column("params", [records.changed(change, "params", records.exactly) for change in changes], rank=1),
        Column("%", [records.percent(delta).removesuffix(" %") for delta in params], rank=5),
        Column("MACs", [records.changed(change, "macs", records.signed) for change in changes]),
        Column("%", [records.percent(delta).removesuffix(" %") for delta in macs], rank=4),
        Column("field", [records.fields(change) for change in changes], rank=3),
    ]
    columns = [column for column in columns if column.header != "kind" or by != "kind" or column.shorten is end]
    _print(console, columns, [STYLES[change.mark] for change in changes])
    console.print(terminal.line(records.KEY, style="dim"))
    _notes(console, entry)


def _several(console: Console, sides: Sides) -> None:
    ranked = records.ranked(sides)
    compared = [entry.comparison for entry, _ in ranked]
    headers = {"params": "params", "macs": "MACs", "peak_activation_bytes": "peak", "field": "field"}
    columns = [
        Column(
            "variant" if sides.variants else "spec",
            [entry.label for entry, _ in ranked],
            "left",
            shorten=end,
            narrowest=LONGEST_VARIANT,
        )
    ]
    ranks = {"params": 1, "macs": 0, "peak_activation_bytes": 5, "field": 2}
    columns += [
        Column(headers[cost], _starred([cells[cost] for _, cells in ranked]), rank=ranks[cost])
        for cost in records.COLUMNS
    ]
    if any(entry.skipped for entry, _ in ranked):
        columns.append(Column("replaced", [records.coverage(entry) for entry, _ in ranked], rank=6))
    against = f"against {sides.label}"
    columns.append(Column(against, [records.against(comparison) for comparison in compared], "left", rank=4))
    _print(console, columns, ["dim" if entry.comparison is None else "" for entry, _ in ranked])
    failed = [entry for entry in sides.entries if entry.comparison is None]
    for entry in failed:
        console.print(terminal.line(f"{entry.label}   cannot apply: {entry.reason}", style="dim"))
    for entry in sides.entries:
        if entry.skipped:
            console.print(terminal.line(f"{entry.label}: {records.skipped(entry)}"))
    if any(cell.endswith("*") for _, cells in ranked for cell in cells.values()):
        console.print(terminal.line("* the smallest of its column", style="dim"))
    theories = [(entry.label, entry.theory) for entry in sides.entries if entry.theory is not None]
    for label, found in theories:
        console.print(terminal.line(f"{label}: {records.theory_line(found)}"))
    for note in dict.fromkeys(note for entry in sides.entries for note in entry.notes):
        console.print(terminal.line(note))


def _starred(cells: list[str]) -> list[str]:
    """Cells of which some end in a star, so that their numbers stand below each other."""
    if not any(cell.endswith("*") for cell in cells):
        return cells
    return [cell if cell.endswith("*") or not cell else f"{cell}  " for cell in cells]
