"""A step of training in Markdown: a table of the layers, one of what is in memory at the peak, and the figures."""

from __future__ import annotations

from convcalc.views import words
from convcalc.views.formats.markdown import cell, code, escaped, table
from convcalc.views.output import Output
from convcalc.views.training import shared
from convcalc.views.training.shared import Trained


def write(trained: Trained, out: Output) -> None:
    """As the table for the terminal, with all digits."""
    training, figures = trained.training, shared.figures(trained)
    name, shapes, path = shared.title(trained)
    rows = [
        (
            cell(line.name) + (f" x{line.times}" if line.times else ""),
            cell(line.kind),
            words.shape(line.output_shape or ()),
            shared.marks(line),
            *(figure.write(line, words.exact, words.exact) for figure in figures),
        )
        for line in trained.lines
    ]
    header = ("layer", "kind", "output", "", *(figure.header for figure in figures))
    lines = [f"### {escaped(name)} ({escaped(shapes)})", ""]
    lines += table(header, "llll" + "r" * len(figures), rows)
    peak = [
        (text, words.exact(amount), words.share(amount, training.totals.peak_bytes))
        for text, amount in shared.parts(training.peak.alive)
    ]
    lines += ["", *table((f"at {escaped(shared.when(training.peak))}", "bytes", "share"), "lrr", peak), ""]
    facts = [f"**{escaped(fact)}**  " for fact in shared.facts(training)]
    notes = [f"{escaped(note)}  " for note in shared.notes(training)]
    out.text("\n".join([*lines, *facts, *notes, f"{shared.convention(training)} · {code(path)}", "\n"]))
