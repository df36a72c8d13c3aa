"""Comparisons as Markdown that is fit for a comment on a pull request.

The first line is a hidden marker by which a bot finds its own comment. What changed is in sight, the rest is folded.
"""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.analysis.compare import Change, Comparison
from convcalc.analysis.folding import folded
from convcalc.analysis.lines import By
from convcalc.analysis.sides import Candidate, Sides
from convcalc.views import conversion, words
from convcalc.views.comments import Section, fitted
from convcalc.views.compare import shared
from convcalc.views.compare.shared import Compared
from convcalc.views.formats import html
from convcalc.views.formats.markdown import cell, code, escaped, row, table
from convcalc.views.output import Output
from convcalc.visible import short, visible


def write(compared: Compared, out: Output) -> None:
    """A marker, a headline, what changed, and the rest folded."""
    sides, by = compared.sides, compared.by
    first = sides.candidates[0]
    path = short(visible(sides.path if sides.variants else first.label), 1000)
    marker = f"<!-- convcalc:compare:{path.replace('--', '-&#45;').replace('>', '&gt;')} -->"
    name = sides.base.network.name
    if len(sides.candidates) > 1 or first.comparison is None:
        headline = f"{len(sides.candidates)} {'variants' if sides.variants else 'specs'} compared"
        sections = _several(sides, by)
    else:
        name = shared.between(name, first.comparison.head.network.name)
        headline = f"standard -> {cell(first.label)}: " if sides.variants else ""
        headline += shared.headline(first.comparison)
        sections = _single(
            ("standard", cell(first.label)) if sides.variants else ("base", "head"), first.comparison, by
        )
    notes = [note for candidate in sides.candidates for note in _notes(candidate)]
    notes += map(escaped, shared.tools(sides))
    end = [*(f"{note}  " for note in dict.fromkeys(notes[:50])), *([""] if notes else [])]
    end.append(f"{shared.convention(sides)} · {code(path)}")
    out.text(fitted([marker, f"### {cell(name)}: {headline}", ""], sections, end))


def _notes(candidate: Candidate) -> list[str]:
    notes = [shared.theory_line(candidate.theory)] if candidate.theory is not None else []
    notes += [f"{candidate.label}: {shared.skipped(candidate)}"] if candidate.skipped else []
    notes += candidate.notes
    if candidate.comparison is not None:
        notes += [shared.leaving(candidate.comparison), shared.uncosted(candidate.comparison)]
    return [escaped(short(note, 500)) for note in notes if note]


def _single(labels: tuple[str, str], comparison: Comparison, by: By) -> list[Section]:
    totals = Section(table(("", *labels, "change", "%"), "lrrrr"), [row(*cells) for cells in shared.totals(comparison)])
    layers = folded(comparison, by).layers
    changed = changes(layers, by)
    affected = [change for change in layers if change.mark == "affected"]
    converted = [change for change in layers if change.mark == "converted"]
    same = [change for change in layers if change.mark == "same"]
    lines = [f"- {escaped(text)}" for text in conversion.lines(comparison)]
    return [
        totals,
        *([Section([], lines)] if lines else []),
        changed if changed.rows else Section([], ["No layer was edited, added or removed."]),
        _section(affected, by, f"{_lines(len(affected), by)} changed because something before them did (≈)"),
        *(
            [_section(converted, by, f"{_lines(len(converted), by)} changed by conversion alone (=)")]
            if converted
            else []
        ),
        _section(same, by, f"{_lines(len(same), by)} the same"),
    ]


def changes(layers: Sequence[Change], by: By, title: str = "") -> Section:
    """The table of what changed of itself."""
    return _section([layer for layer in layers if layer.mark in {"edited", "added", "removed"}], by, title)


def _section(layers: Sequence[Change], by: By, title: str) -> Section:
    header = ("", by, "kind", "output", "params", "change", "MACs", "change", "%", "field")
    return Section(table(header, "clllrrrrrr"), [line for layer in layers for line in _change(layer)], title)


def _change(change: Change) -> list[str]:
    line = row(
        shared.MARKS[change.mark],
        cell(shared.name(change)),
        cell(shared.kinds(change)),
        shared.outputs(change),
        shared.left(change, "params"),
        shared.changed(change, "params", shared.exactly),
        shared.left(change, "macs"),
        shared.changed(change, "macs", shared.exactly),
        shared.percent(change.delta("macs")),
        shared.fields(change),
    )
    parts = [
        row("", f"&nbsp;&nbsp;{cell(part.name)}", cell(words.kind(part)), words.shape(part.output_shape or ()),
             words.cost(part, part.params, words.exact), "", words.cost(part, part.macs, words.exact), "", "",
             words.field(part.receptive_field))
        for part in change.head_parts
    ]  # fmt: skip
    return [line, *parts]


def _lines(count: int, by: By) -> str:
    return f"{count} {by}{'' if count == 1 else 's'}"


def _several(sides: Sides, by: By) -> list[Section]:
    what = "variant" if sides.variants else "spec"
    is_partial = any(candidate.skipped for candidate in sides.candidates)
    totals = [column.header for column in shared.columns(sides)]
    header = [what, *totals, *["replaced"] * is_partial]
    rows = []
    for candidate, cells in shared.ranked(sides):
        starred = [f"**{text[:-2]}**" if text.endswith(" *") else text for text in cells.values()]
        coverage = [shared.coverage(candidate)] if is_partial else []
        rows.append(row(cell(candidate.label), *starred, *coverage, shared.against(candidate.comparison)))
    for candidate in sides.candidates:
        if candidate.comparison is None:
            reason = f"cannot apply: {escaped(short(candidate.reason, 500))}"
            rows.append(row(cell(candidate.label), *[""] * (len(totals) + is_partial), reason))
    numbers = "r" * (len(totals) + is_partial)
    sections = [Section(table([*header, f"against {cell(sides.label)}"], f"l{numbers}l"), rows)]
    for candidate in sides.candidates:
        if candidate.comparison is not None:
            title = f"{html.escaped(candidate.label)}: {shared.headline(candidate.comparison)}"
            sections.append(changes(folded(candidate.comparison, by).layers, by, title))
    return sections
