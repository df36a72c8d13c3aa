"""Comparisons as Markdown that is fit for a comment on a pull request.

The first line is a hidden marker by which a bot finds its own comment. What changed is in sight, the rest is folded.
GitHub takes 65,536 characters: tables are cut to whole rows, and that is said.
"""

from __future__ import annotations

import msgspec

from convcalc.analysis.compare import Change, Comparison
from convcalc.analysis.folding import folded
from convcalc.analysis.lines import By
from convcalc.analysis.sides import Candidate, Sides
from convcalc.views import words
from convcalc.views.compare import shared
from convcalc.views.compare.shared import Compared
from convcalc.views.formats import html
from convcalc.views.formats.markdown import cell, code, escaped, row
from convcalc.views.output import Output
from convcalc.visible import short, visible

LONGEST = 64_500
"""Bytes of a comment; what is counted in characters is then below 65,000 in any case."""


class Section(msgspec.Struct):
    """A table with what stands before and behind it. Rows are left out from the end where there is no room."""

    header: list[str]
    rows: list[str]
    title: str = ""
    folded: bool = False
    left_out: int = 0

    def lines(self) -> list[str]:
        """As Markdown; nothing where there is no row."""
        if not self.rows and not self.left_out:
            return []
        note = ["", f"{self.left_out:,} more rows are left out: a comment may not be longer."] if self.left_out else []
        table = [*self.header, *self.rows, *note, ""]
        if self.folded:
            return ["<details>", f"<summary>{self.title}</summary>", "", *table, "</details>", ""]
        return table


def write(compared: Compared, out: Output) -> None:
    """A marker, a headline, what changed, and the rest folded."""
    sides, by = compared.sides, compared.by
    first = sides.candidates[0]
    path = short(visible(sides.path if sides.variants else first.label), 1000)
    marker = f"<!-- convcalc:compare:{path.replace('--', '-&#45;').replace('>', '&gt;')} -->"
    several = len(sides.candidates) > 1 or first.comparison is None
    names = [
        sides.base.network.name,
        *(candidate.report.network.name for candidate in sides.candidates if candidate.report),
    ]
    title = f"### {cell(shared.between(names[0], names[0 if several else -1]))}: "
    title += f"{len(sides.candidates)} {'variants' if sides.variants else 'specs'} compared" if several else ""
    title += "" if several or first.comparison is None else _headline(sides, first)
    sections = _several(sides, by) if several else _single(sides, first, by)
    notes = [note for candidate in sides.candidates for note in _notes(candidate)]
    end = [*(f"{note}  " for note in dict.fromkeys(notes[:50])), *([""] if notes else [])]
    end.append(f"{words.convention(sides.base.convention)} · {code(path)}")
    out.text(fitted([marker, title, ""], sections, end))


def _headline(sides: Sides, candidate: Candidate) -> str:
    assert candidate.comparison is not None  # noqa: S101  # for the type checker
    variant = f"standard -> {cell(candidate.label)}: " if sides.variants else ""
    return variant + shared.headline(candidate.comparison)


def _notes(candidate: Candidate) -> list[str]:
    theory = [shared.theory_line(candidate.theory)] if candidate.theory is not None else []
    leaving = [shared.leaving(candidate.comparison)] if candidate.comparison is not None else []
    uncosted = [shared.uncosted(candidate.comparison)] if candidate.comparison is not None else []
    skipped = [f"{candidate.label}: {shared.skipped(candidate)}"] if candidate.skipped else []
    return [escaped(short(note, 500)) for note in (*theory, *skipped, *candidate.notes, *leaving, *uncosted) if note]


def fitted(start: list[str], sections: list[Section], end: list[str]) -> str:
    """The comment, rows left out from the end where it would be too long."""

    def comment() -> str:
        return "\n".join([*start, *(line for section in sections for line in section.lines()), *end]) + "\n"

    for section in reversed(sections):  # the last is the least
        excess = len(comment().encode()) - LONGEST
        if excess <= 0:
            break
        excess += 100  # for the line that says so
        while section.rows and excess > 0:
            excess -= len(section.rows.pop().encode()) + 1
            section.left_out += 1
    return comment()


def _single(sides: Sides, candidate: Candidate, by: By) -> list[Section]:
    comparison = candidate.comparison
    assert comparison is not None  # noqa: S101  # for the type checker
    labels = ("standard", cell(candidate.label)) if sides.variants else ("base", "head")
    header = [row("", *labels, "change", "%"), "|:--|--:|--:|--:|--:|"]
    totals = Section(header, [row(*cells) for cells in shared.totals(comparison)])
    comparison = folded(comparison, by)
    changed = [change for change in comparison.layers if change.mark in {"edited", "added", "removed"}]
    affected = [change for change in comparison.layers if change.mark == "affected"]
    same = [change for change in comparison.layers if change.mark == "same"]
    rows = [line for change in changed for line in _change(change)]
    sections = [totals, Section(_header(by), rows) if rows else Section([], ["No layer was edited, added or removed."])]
    sections.append(
        Section(_header(by), [line for change in affected for line in _change(change)],
                f"{_lines(len(affected), by)} changed because something before them did (≈)", folded=True)
    )  # fmt: skip
    sections.append(
        Section(_header(by), [line for change in same for line in _change(change)],
                f"{_lines(len(same), by)} the same", folded=True)
    )  # fmt: skip
    return sections


def _header(by: By) -> list[str]:
    return [
        row("", by, "kind", "output", "params", "change", "MACs", "change", "%", "field"),
        "|:-:|:--|:--|:--|--:|--:|--:|--:|--:|--:|",
    ]


def _change(change: Change) -> list[str]:
    last = change.head or change.base
    assert last is not None  # noqa: S101  # for the type checker: a change is of one of the two
    line = row(
        shared.MARKS[change.mark],
        cell(shared.name(change)),
        cell(shared.kinds(change)),
        shared.outputs(change),
        words.cost(last, change.delta("params").head, words.exact),
        shared.changed(change, "params", shared.exactly),
        words.cost(last, change.delta("macs").head, words.exact),
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


def change_rows(comparison: Comparison, by: By) -> tuple[list[str], list[str], int]:
    """The table of what changed of itself, its header and its rows, and how many lines changed because of that."""
    changes = folded(comparison, by).changes
    rows = [line for change in changes if change.mark != "affected" for line in _change(change)]
    return _header(by), rows, sum(change.mark == "affected" for change in changes)


def _lines(count: int, by: By) -> str:
    return f"{count} {by}{'' if count == 1 else 's'}"


def _several(sides: Sides, by: By) -> list[Section]:
    what = "variant" if sides.variants else "spec"
    is_partial = any(candidate.skipped for candidate in sides.candidates)
    replaced = ["replaced"] if is_partial else []
    header = [
        row(what, "params", "MACs", "peak activations", "field", *replaced, f"against {cell(sides.label)}"),
        f"|:--|--:|--:|--:|--:|{'--:|' * is_partial}:--|",
    ]
    rows = []
    for candidate, cells in shared.ranked(sides):
        starred = [f"**{text[:-2]}**" if text.endswith(" *") else text for text in cells.values()]
        coverage = [shared.coverage(candidate)] if is_partial else []
        rows.append(row(cell(candidate.label), *starred, *coverage, shared.against(candidate.comparison)))
    for candidate in sides.candidates:
        if candidate.comparison is None:
            reason = f"cannot apply: {escaped(short(candidate.reason, 500))}"
            rows.append(row(cell(candidate.label), *[""] * (4 + is_partial), reason))
    sections = [Section(header, rows)]
    for candidate in sides.candidates:
        if candidate.comparison is not None and candidate.comparison.changes:
            layers = folded(candidate.comparison, by).layers
            changed = [change for change in layers if change.mark in {"edited", "added", "removed"}]
            lines = [line for change in changed for line in _change(change)]
            title = f"{html.escaped(candidate.label)}: {shared.headline(candidate.comparison)}"
            sections.append(Section(_header(by), lines, title, folded=True))
    return sections
