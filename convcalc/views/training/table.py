"""A step of training as a table for the terminal, as wide as it is and no wider."""

from __future__ import annotations

from convcalc.analysis.learning.lines import TrainingLine
from convcalc.analysis.learning.records import Training
from convcalc.views import words
from convcalc.views.columns import GAP, Column, Grid, end, first_words, fitted, narrowest_names, needed
from convcalc.views.formats import terminal
from convcalc.views.output import Output
from convcalc.views.training import shared
from convcalc.views.training.shared import Trained

_BAR = " ▏▎▍▌▋▊▉█"
_NARROWEST_NAME = 12
_WIDEST_BAR, _NARROWEST_BAR = 24, 4


def write(trained: Trained, out: Output) -> None:
    """Title, table, totals, what is in memory at the peak, and the convention."""
    training, console = trained.training, out.pen
    if out.shown:
        console.print()
    out.shown += 1
    name, shapes, path = shared.title(trained)
    console.print(terminal.line((name, "bold"), "   ", shapes, "   ", (path, "dim")))
    if trained.lines:
        console.print(_table(console.width, trained), soft_wrap=True)
        console.print()
    if training.totals.peak_bytes:
        console.print(_at_peak(console.width, training), soft_wrap=True)
        console.print()
    for fact in shared.facts(training):
        console.print(terminal.line(fact, style="bold"))
    for note in shared.notes(training):
        console.print(terminal.line(note))
    console.print(terminal.line(shared.convention(training), style="dim"))


def _table(width: int, trained: Trained) -> Grid:
    lines = trained.lines
    names = [line.name for line in lines]
    placed = any(line.output_shape for line in lines)
    columns = [
        Column(
            "layer" if placed else "kind",
            names,
            "left",
            shorten=end,
            narrowest=narrowest_names(names, _NARROWEST_NAME),
        ),
        Column("", [f"x{line.times}" if line.times else "" for line in lines], "left"),
        Column("layers", [] if placed else [words.exact(line.layers) for line in lines], rank=8),
        Column("kind", [line.kind for line in lines] if placed else [], "left", "cyan", rank=8, shorten=end),
        Column("output", [words.shape(line.output_shape or ()) for line in lines] if placed else [], "left", rank=7),
        Column("", [shared.marks(line) for line in lines], "left"),
    ]
    for figure in shared.figures(trained):
        cells = [figure.write(line, words.scaled, words.binary) for line in lines]
        columns.append(Column(figure.header, cells, rank=figure.rank))
    columns = fitted([column for column in columns if any(column.cells)], width)
    room = min(_WIDEST_BAR, width - needed(columns) - GAP)
    most = max(line.kept_bytes for line in lines)
    headers = [column.header for column in columns]
    if most and room >= _NARROWEST_BAR and "kept" in headers:
        bars = [_bar(line.kept_bytes, most, room) for line in lines]
        columns.insert(headers.index("kept") + 1, Column("", bars, "left", "green"))
    return Grid(columns, ["" if _does_anything(line) else "dim" for line in lines])


def _does_anything(line: TrainingLine) -> bool:
    return bool(line.macs or line.kept_bytes or line.gradient_bytes or line.uncosted)


def _bar(size: int, most: int, width: int) -> str:
    full, rest = divmod(round(8 * width * size / most), 8)
    return "█" * full + (_BAR[rest] if rest else "")


def _at_peak(width: int, training: Training) -> Grid:
    """What the memory is there for when the most is in use."""
    parts, total = shared.parts(training.peak.alive), training.totals.peak_bytes
    columns = [
        Column("at the peak", [text for text, _ in parts], "left", shorten=first_words),
        Column("bytes", [words.binary(amount) for _, amount in parts]),
        Column("share", [words.share(amount, total) for _, amount in parts]),
    ]
    columns = fitted(columns, width)
    most = max((amount for _, amount in parts), default=0)
    room = min(_WIDEST_BAR, width - needed(columns) - GAP)
    if room >= _NARROWEST_BAR and most:
        columns.append(Column("", [_bar(amount, most, room) for _, amount in parts], "left", "green"))
    return Grid(columns, [""] * len(parts))
