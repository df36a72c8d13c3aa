"""Comparisons for the terminal, as wide as it is and no wider."""

from __future__ import annotations

from rich.console import Console

from convcalc.analysis.compare import Change, Comparison
from convcalc.analysis.folding import folded
from convcalc.analysis.lines import By, Line
from convcalc.analysis.sides import Candidate, Sides
from convcalc.views import words
from convcalc.views.columns import Column, Grid, end, first_words, fitted
from convcalc.views.compare import shared
from convcalc.views.compare.shared import Compared
from convcalc.views.formats import terminal
from convcalc.views.output import Output

_LONGEST_VARIANT = 17
"""Characters of a name that are kept before a column of numbers is."""
STYLES = {"added": "green", "removed": "red", "edited": "yellow", "affected": "dim", "same": ""}


def write(compared: Compared, out: Output) -> None:
    """One comparison in full, or several in a row each, and what is counted."""
    show(out.console, compared.sides, compared.by)
    out.console.print(terminal.line(words.convention(compared.sides.base.convention), style="dim"))


def show(console: Console, sides: Sides, by: By) -> None:
    """Print the comparison alone."""
    _print_title(console, sides)
    if len(sides.candidates) > 1:
        _print_several(console, sides)
    elif sides.variants and by == "layer":
        _print_variant(console, sides.candidates[0])
    else:
        _print_specs(console, sides.candidates[0], by)


def _print_title(console: Console, sides: Sides) -> None:
    name, shapes, path = words.title(sides.base, sides.path)
    heads = {
        words.title(candidate.comparison.head, "")[1]: None
        for candidate in sides.candidates
        if candidate.comparison is not None
    }
    shapes = shared.between(shapes, next(iter(heads))) if len(heads) == 1 else shapes
    labels = [candidate.label for candidate in sides.candidates]
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


def _print_variant(console: Console, candidate: Candidate) -> None:
    assert candidate.comparison is not None  # noqa: S101  # for the type checker: alone it is an error otherwise
    rows: list[tuple[Line, str, str]] = []
    for change in candidate.replaced:
        rows += _before_and_after(change)
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
    if candidate.theory is not None:
        console.print(terminal.line(shared.theory_line(candidate.theory)))
    console.print()
    _print_totals(console, candidate.comparison, "standard", candidate.label)
    _print_uncosted(console, candidate.comparison)
    names = {change.name for change in candidate.replaced}
    others = [change for change in candidate.comparison.changes if change.name not in names]
    if others:
        console.print(
            terminal.line(f"{len(others)} layer{'s' if len(others) > 1 else ''} further on changed with their input")
        )
    _print_notes(console, candidate)


def _before_and_after(change: Change) -> list[tuple[Line, str, str]]:
    """The lines of a replaced layer: before, the parts, after."""
    base, head = change.base, change.head
    if base is None or head is None:
        return [(line, "", "") for line in (base, head) if line is not None]
    parts = [(line, "", "") for line in change.head_parts if len(change.head_parts) > 1]
    return [(base, "", "dim"), *parts, (head, shared.factors(change), "bold")]


def _print_notes(console: Console, candidate: Candidate) -> None:
    for note in (*([shared.skipped(candidate)] if candidate.skipped else []), *candidate.notes):
        console.print(terminal.line(note))


def _print_totals(console: Console, comparison: Comparison, before: str, after: str) -> None:
    what, *numbers = zip(*shared.totals(comparison), strict=True)
    headers = (before, after, "change", "")
    ranks = (1, 0, 2, 3)  # the head alone is better than half a number
    columns = [Column("total", list(what), "left", shorten=first_words)]
    columns += [
        Column(_short(header), list(cells), rank=rank)
        for header, cells, rank in zip(headers, numbers, ranks, strict=True)
    ]
    _print(console, columns, ["" for _ in what])


def _print_uncosted(console: Console, comparison: Comparison) -> None:
    if shared.uncosted(comparison):
        console.print(terminal.line(shared.uncosted(comparison)))


def _short(label: str) -> str:
    """A label that stands above numbers."""
    return end(label, 16)


def _print_specs(console: Console, candidate: Candidate, by: By) -> None:
    comparison = candidate.comparison
    assert comparison is not None  # noqa: S101  # for the type checker: specs that cannot be read are errors
    _print_totals(console, comparison, "base", "head")
    _print_uncosted(console, comparison)
    changes = folded(comparison, by).changes
    if shared.leaving(comparison):
        console.print(terminal.line(shared.leaving(comparison)))
    if not changes:
        console.print(terminal.line("no layer changed"))
        return
    console.print()
    macs, params = [change.delta("macs") for change in changes], [change.delta("params") for change in changes]
    columns = [
        Column("", [shared.MARKS[change.mark] for change in changes], "left"),
        Column(by, [shared.name(change) for change in changes], "left", shorten=end),
        Column("kind", [shared.kinds(change) for change in changes], "left", "cyan", rank=2, shorten=first_words),
        Column("output", [shared.outputs(change) for change in changes], "left", rank=6),
        Column("params", [shared.changed(change, "params", shared.exactly) for change in changes], rank=1),
        Column("%", [shared.percent(delta).removesuffix(" %") for delta in params], rank=5),
        Column("MACs", [shared.changed(change, "macs", shared.signed) for change in changes]),
        Column("%", [shared.percent(delta).removesuffix(" %") for delta in macs], rank=4),
        Column("field", [shared.fields(change) for change in changes], rank=3),
    ]
    columns = [column for column in columns if column.header != "kind" or by != "kind" or column.shorten is end]
    _print(console, columns, [STYLES[change.mark] for change in changes])
    console.print(terminal.line(shared.KEY, style="dim"))
    _print_notes(console, candidate)


def _print_several(console: Console, sides: Sides) -> None:
    ranked = shared.ranked(sides)
    compared = [candidate.comparison for candidate, _ in ranked]
    headers = {"params": "params", "macs": "MACs", "peak_activation_bytes": "peak", "field": "field"}
    columns = [
        Column(
            "variant" if sides.variants else "spec",
            [candidate.label for candidate, _ in ranked],
            "left",
            shorten=end,
            narrowest=_LONGEST_VARIANT,
        )
    ]
    ranks = {"params": 1, "macs": 0, "peak_activation_bytes": 5, "field": 2}
    columns += [
        Column(headers[cost], _starred([cells[cost] for _, cells in ranked]), rank=ranks[cost])
        for cost in shared.COLUMNS
    ]
    if any(candidate.skipped for candidate, _ in ranked):
        columns.append(Column("replaced", [shared.coverage(candidate) for candidate, _ in ranked], rank=6))
    against = f"against {sides.label}"
    columns.append(Column(against, [shared.against(comparison) for comparison in compared], "left", rank=4))
    _print(console, columns, ["dim" if candidate.comparison is None else "" for candidate, _ in ranked])
    failed = [candidate for candidate in sides.candidates if candidate.comparison is None]
    for candidate in failed:
        console.print(terminal.line(f"{candidate.label}   cannot apply: {candidate.reason}", style="dim"))
    for candidate in sides.candidates:
        if candidate.skipped:
            console.print(terminal.line(f"{candidate.label}: {shared.skipped(candidate)}"))
    if any(cell.endswith("*") for _, cells in ranked for cell in cells.values()):
        console.print(terminal.line("* the smallest of its column", style="dim"))
    theories = [(candidate.label, candidate.theory) for candidate in sides.candidates if candidate.theory is not None]
    for label, theory in theories:
        console.print(terminal.line(f"{label}: {shared.theory_line(theory)}"))
    for note in dict.fromkeys(note for candidate in sides.candidates for note in candidate.notes):
        console.print(terminal.line(note))


def _starred(cells: list[str]) -> list[str]:
    """Cells of which some end in a star, so that their numbers stand below each other."""
    if not any(cell.endswith("*") for cell in cells):
        return cells
    return [cell if cell.endswith("*") or not cell else f"{cell}  " for cell in cells]
