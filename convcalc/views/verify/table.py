"""A verified network as a table for the terminal: every number with a mark, and every disagreement in full."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from convcalc.analysis.lines import Line
from convcalc.reference.verified import LayerResult, Verification
from convcalc.views import words
from convcalc.views.columns import Column, end, first_words, show
from convcalc.views.formats import terminal
from convcalc.views.marks import Marks, marks
from convcalc.views.output import Output
from convcalc.views.verify import shared
from convcalc.views.verify.shared import Verified, marked


def write(verified: Verified, out: Output) -> None:
    """Title, table, totals, what the spec expects, and what disagrees."""
    verification, console = verified.verification, out.console
    if out.shown:
        console.print()
    out.shown += 1
    mark = marks(console.encoding)
    name, shapes, path = words.title(verification.report, verified.spec)
    run = shared.run(verification)
    console.print(terminal.line((name, "bold"), "   ", shapes, "   ", (path, "dim"), "   ", (run, "dim")))
    if verification.layers:
        _print_table(console, verification, mark)
    for text in _filled(shared.totals(verification, mark), console.width):
        console.print(terminal.line(text, style="bold"))
    if verification.expectations:
        console.print(terminal.line(shared.expectations(verification.expectations, mark)))
    for text in shared.disagreements(verification):
        console.print(terminal.line(text, style="red"), soft_wrap=True)
    for note in shared.notes(verification):
        console.print(terminal.line(note), soft_wrap=True)
    style = "bold green" if verification.agrees else "bold red"
    console.print(terminal.line(shared.verdict(verification, verified.seconds), style=style))


def _filled(parts: Sequence[str], width: int) -> list[str]:
    """Parts in as few lines as they fit, none cut in two."""
    texts = [parts[0]]
    for part in parts[1:]:
        longer = f"{texts[-1]}   {part}"
        if len(longer) <= width:
            texts[-1] = longer
        else:
            texts.append(part)
    return texts


def _print_table(console: Console, verification: Verification, mark: Marks) -> None:
    folded = list(shared.folded(verification))
    columns = [
        Column("layer", [line.name for line, _ in folded], "left", shorten=end),
        Column("", [f"x{line.times}" if line.times else "" for line, _ in folded], "left"),
        Column("kind", [words.kind(line) for line, _ in folded], "left", "cyan", rank=5, shorten=first_words),
        Column(
            "output", [marked(words.shape(line.output_shape or ()), shared.shapes_agree(r), mark) for line, r in folded]
        ),
        Column(
            "params",
            [
                marked(words.cost(line, line.params, words.exact), shared.all_agree(r, "params"), mark)
                for line, r in folded
            ],
            rank=1,
        ),
        Column("buffers", _buffers(folded, verification, mark), rank=6),
        Column(
            "MACs",
            [
                marked(words.cost(line, line.macs, words.scaled), shared.all_agree(r, "macs"), mark)
                for line, r in folded
            ],
            rank=2,
        ),
        Column(
            "ops",
            [
                marked(
                    words.cost(line, line.elementwise_ops, words.scaled), shared.all_agree(r, "elementwise_ops"), mark
                )
                for line, r in folded
            ],
            rank=4,
        ),
        Column(
            "field",
            [marked(words.field(line.receptive_field), shared.fields_agree(r), mark) for line, r in folded],
            rank=3,
        ),
    ]
    if verification.has_gradients:
        marks_of = [mark.of(shared.gradients_agree(layers)) for _, layers in folded]
        columns.append(Column("gradients", marks_of, rank=8))
        columns.append(Column("their MACs", [shared.way_back(layers, mark) for _, layers in folded], rank=9))
    for header, checks in shared.comparisons(verification):
        cells = [shared.difference(checks(layers), mark) for _, layers in folded]
        columns.append(Column(header, cells, rank=7))
    show(console, columns, ["" if all(layer.agrees for layer in layers) else "red" for _, layers in folded])


def _buffers(
    folded: Sequence[tuple[Line, Sequence[LayerResult]]], verification: Verification, mark: Marks
) -> list[str]:
    """The cells of a column that is there where the network has any."""
    figure = verification.totals["buffers"]
    if not (figure.claimed or figure.measured):
        return [""] * len(folded)
    return [
        marked(words.cost(line, line.buffers, words.exact), shared.all_agree(layers, "buffers"), mark)
        for line, layers in folded
    ]
