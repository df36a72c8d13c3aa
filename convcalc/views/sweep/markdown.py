"""Sweeps as a Markdown table."""

from __future__ import annotations

from convcalc.views import words
from convcalc.views.formats.markdown import cell, code, escaped, table
from convcalc.views.output import Output
from convcalc.views.sweep import shared
from convcalc.views.sweep.shared import Swept


def write(swept: Swept, out: Output) -> None:
    """Title, rows, counts, why points are refused, and how to see the first row again."""
    sweep = swept.sweep
    name, points, path = shared.title(swept)
    asked = [f"{escaped(shared.asked(sweep).replace('   ', ' · '))}", ""] if shared.asked(sweep) else []
    partial = [f"**{escaped(shared.interrupted(sweep))}**", ""] if sweep.is_partial else []
    notes = [f"{escaped(text)}  " for text in shared.notes(swept)]
    if swept.again:
        notes.append(f"row 1: {code(swept.again)}  ")
    counts = f"**{escaped(shared.counts(sweep).replace('   ', ' · '))}**"
    end = f"{words.convention(sweep.convention)} · {code(path)}"
    parts = [f"### {escaped(name)} ({escaped(points)})", "", *asked, *partial, *_rows(swept), "", counts, "", *notes]
    out.text("\n".join([*parts, *_refused(swept), end, "\n"]))


def _rows(swept: Swept) -> list[str]:
    sweep, names = swept.sweep, [*swept.swept, *swept.shown]
    if not shared.row_count(sweep):
        return [escaped(shared.nothing(sweep))]
    columns = []
    for name in names:
        writer = shared.writer(name)
        cells = shared.column(sweep, name, shared.MOST_ROWS)
        is_swept = name in swept.swept
        columns.append([cell(swept.value(name, value) if is_swept else writer(value)) for value in cells])
    header = [cell(name if name in swept.swept else shared.TITLES.get(name, name)) for name in names]
    equals = shared.alike(sweep, shared.MOST_ROWS)
    if any(equals):
        header.append("alike")
        columns.append([f"+{words.exact(number)}" if number else "" for number in equals])
    more = [text for text in [shared.left_out(sweep)] if text]
    return [*table(header, "r" * len(header), zip(*columns, strict=True)), *(["", *map(escaped, more)] if more else [])]


def _refused(swept: Swept) -> list[str]:
    """The points that were asked for by `--refused`, each with why."""
    points = swept.sweep.refused_points
    if not points:
        return []
    lines = [
        [*(cell(swept.value(name, point[name])) for name in swept.swept), cell(reason)] for point, reason in points
    ]
    return ["", *table([*map(cell, swept.swept), "refused because"], "r" * len(swept.swept) + "l", lines), ""]
