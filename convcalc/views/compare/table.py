"""Comparisons for the terminal, as wide as it is and no wider."""

from __future__ import annotations

from rich.console import Console

from convcalc.analysis.compare import Change, Comparison
from convcalc.analysis.folding import folded
from convcalc.analysis.lines import By, Line
from convcalc.analysis.sides import Candidate, Sides
from convcalc.views import conversion, words
from convcalc.views.columns import Column, end, first_words, narrowest_window, window
from convcalc.views.columns import show as show_table
from convcalc.views.compare import shared
from convcalc.views.compare.shared import Compared
from convcalc.views.formats import terminal
from convcalc.views.output import Output

_LONGEST_VARIANT = 17
"""Characters of a name that are kept before a column of numbers is."""
_LONGEST_LABEL = 16
"""Characters of a name that stands above numbers."""
STYLES = {"added": "green", "removed": "red", "edited": "yellow", "affected": "dim", "converted": "dim", "same": ""}


def write(compared: Compared, out: Output) -> None:
    """One comparison in full, or several in a row each, and what is counted."""
    show(out.console, compared.sides, compared.by)
    for text in shared.tools(compared.sides):
        out.console.print(terminal.line(text))
    out.console.print(terminal.line(shared.convention(compared.sides), style="dim"))


def show(console: Console, sides: Sides, by: By) -> None:
    """Print the comparison alone."""
    _print_title(console, sides)
    first = sides.candidates[0]
    if len(sides.candidates) > 1 or first.comparison is None:
        _print_several(console, sides)
    elif sides.variants and by == "layer":
        _print_variant(console, first, first.comparison)
    else:
        _print_specs(console, first, first.comparison, by)


def _print_title(console: Console, sides: Sides) -> None:
    name, shapes, path = words.title(sides.base, sides.path)
    heads = {words.title(candidate.report, "")[1] for candidate in sides.candidates if candidate.report is not None}
    shapes = shared.between(shapes, *heads) if len(heads) == 1 else shapes
    arrow: list[str | tuple[str, str]] = []
    if len(sides.candidates) == 1:
        label = sides.candidates[0].label
        arrow = ["   ", (f"standard -> {label}", "cyan")] if sides.variants else []
        path = path if sides.variants else f"{path} -> {label}"
    console.print(terminal.line((name, "bold"), "   ", shapes, *arrow, "   ", (path, "dim")))


def _print_variant(console: Console, candidate: Candidate, comparison: Comparison) -> None:
    rows = [row for change in candidate.replaced for row in _before_and_after(change)]
    lines = [line for line, _, _ in rows]
    columns = [
        Column("layer", [line.name for line in lines], "left", shorten=end),
        _kinds([words.kind(line) for line in lines]),
        Column("output", [words.shape(line.output_shape or ()) for line in lines], "left", rank=5),
        Column("params", [words.cost(line, line.params, words.exact) for line in lines], rank=1),
        Column("MACs", [words.cost(line, line.macs, words.scaled) for line in lines]),
        Column("field", [words.field(line.receptive_field) for line in lines], rank=3),
        Column("against standard", [text for _, text, _ in rows], "left", rank=4),
    ]
    show_table(console, columns, [style for _, _, style in rows])
    if candidate.theory is not None:
        console.print(terminal.line(shared.theory_line(candidate.theory)))
    console.print()
    _print_totals(console, comparison, "standard", candidate.label)
    names = {change.name for change in candidate.replaced}
    count = sum(change.name not in names for change in comparison.changes)
    if count:
        console.print(terminal.line(f"{count} layer{'s' if count > 1 else ''} further on changed with their input"))
    _print_notes(console, candidate)


def _kinds(kinds: list[str]) -> Column:
    return Column("kind", kinds, "left", "cyan", rank=2, shorten=window, narrowest=narrowest_window(kinds))


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
    what, *numbers = map(list, zip(*shared.totals(comparison), strict=True))
    headers = ((before, 1), (after, 0), ("change", 2), ("", 3))  # the head alone is better than half a number
    columns = [Column("total", what, "left", shorten=first_words)]
    columns += [
        Column(end(header, _LONGEST_LABEL), cells, rank=rank)
        for (header, rank), cells in zip(headers, numbers, strict=True)
    ]
    show_table(console, columns)
    if shared.uncosted(comparison):
        console.print(terminal.line(shared.uncosted(comparison)))


def _print_specs(console: Console, candidate: Candidate, comparison: Comparison, by: By) -> None:
    _print_totals(console, comparison, "base", "head")
    seen = folded(comparison, by)
    changes = seen.differences if by == "layer" else seen.changes
    if shared.leaving(comparison):
        console.print(terminal.line(shared.leaving(comparison)))
    converted = conversion.lines(comparison)
    for text in converted:
        console.print(terminal.line(text))
    if not changes:
        console.print(terminal.line("no layer changed" if not converted else "nothing else changed"))
        return
    console.print()
    macs, params = [change.delta("macs") for change in changes], [change.delta("params") for change in changes]
    kinds = [shared.kinds(change) if by != "kind" else "" for change in changes]
    columns = [
        Column("", [shared.MARKS[change.mark] for change in changes], "left"),
        Column(by, [shared.name(change) for change in changes], "left", shorten=end),
        _kinds(kinds),
        Column("output", [shared.outputs(change) for change in changes], "left", rank=6),
        Column("params", [shared.changed(change, "params", shared.exactly) for change in changes], rank=1),
        Column("%", [shared.percent(delta).removesuffix(" %") for delta in params], rank=5),
        Column("MACs", [shared.changed(change, "macs", shared.signed) for change in changes]),
        Column("%", [shared.percent(delta).removesuffix(" %") for delta in macs], rank=4),
        Column("field", [shared.fields(change) for change in changes], rank=3),
    ]
    show_table(console, columns, [STYLES[change.mark] for change in changes])
    console.print(terminal.line(shared.key(changes), style="dim"))
    _print_notes(console, candidate)


def _print_several(console: Console, sides: Sides) -> None:
    ranked = shared.ranked(sides)
    networks = [candidate for candidate, _ in ranked]
    labels, what = [network.label for network in networks], "variant" if sides.variants else "spec"
    columns = [Column(what, labels, "left", shorten=end, narrowest=_LONGEST_VARIANT)]
    columns += [
        Column(column.short, _starred([cells[column.total] for _, cells in ranked]), rank=column.rank)
        for column in shared.columns(sides)
    ]
    if any(network.skipped for network in networks):
        columns.append(Column("replaced", [shared.coverage(network) for network in networks], rank=6))
    against = [shared.against(network.comparison) for network in networks]
    columns.append(Column(f"against {sides.label}", against, "left", rank=4))
    show_table(console, columns, ["dim" if network.comparison is None else "" for network in networks])
    for candidate in sides.candidates:
        if candidate.comparison is None:
            console.print(terminal.line(f"{candidate.label}   cannot apply: {candidate.reason}", style="dim"))
    for candidate in sides.candidates:
        if candidate.skipped:
            console.print(terminal.line(f"{candidate.label}: {shared.skipped(candidate)}"))
    if any(cell.endswith("*") for _, cells in ranked for cell in cells.values()):
        console.print(terminal.line("* the smallest of its column", style="dim"))
    for candidate in sides.candidates:
        if candidate.theory is not None:
            console.print(terminal.line(f"{candidate.label}: {shared.theory_line(candidate.theory)}"))
    for note in dict.fromkeys(note for candidate in sides.candidates for note in candidate.notes):
        console.print(terminal.line(note))


def _starred(cells: list[str]) -> list[str]:
    """Cells of which some end in a star, so that their numbers stand below each other."""
    if not any(cell.endswith("*") for cell in cells):
        return cells
    return [cell if cell.endswith("*") or not cell else f"{cell}  " for cell in cells]
