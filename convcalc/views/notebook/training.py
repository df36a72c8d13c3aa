"""A step of training: a line a block, what it takes at most, and when."""

from __future__ import annotations

from typing import Any

from convcalc.analysis.learning.lines import training_lines
from convcalc.analysis.learning.records import Training
from convcalc.frames import dataframe, typed
from convcalc.views import words
from convcalc.views.notebook import shared
from convcalc.views.notebook.markup import page, table
from convcalc.views.training import csv
from convcalc.views.training import shared as learning
from convcalc.views.training.shared import Trained


def line(training: Training) -> str:
    """MACs of the step, and the most memory with its moment."""
    totals, terms = training.totals, training.convention
    least = "at least " if training.uncosted else ""
    macs = words.at_least(words.exact(totals.step_macs), len(training.uncosted))
    parts = [
        shared.entering(training.network),
        shared.counted(len(training.layers), "layer"),
        f"MACs of a step {macs}",
        f"peak {least}{words.binary(totals.peak_bytes)} at {learning.when(training.peak)}",
        f"batch {terms.batch}, {terms.dtype}, {terms.optimizer}",
    ]
    return f"{shared.brief(training.network.name)}: {', '.join(parts)}"


def html(training: Training) -> str:
    """A line a block, and what is in memory at the peak."""
    trained = Trained(shared.path_of(training.network), training, training_lines(training, by="block"))
    figures = learning.figures(trained)
    rows = [
        (
            f"{line.name} x{line.times}" if line.times else line.name,
            line.kind,
            words.shape(line.output_shape or ()),
            learning.marks(line),
            *(figure.write(line, words.exact, words.binary) for figure in figures),
        )
        for line in trained.lines
    ]
    header = ("layer", "kind", "output", "", *(figure.header for figure in figures))
    title = " · ".join(filter(None, learning.title(trained)))
    peak = [
        (text, words.exact(amount), words.share(amount, training.totals.peak_bytes))
        for text, amount in learning.parts(training.peak.alive)
    ]
    facts = learning.facts(training)
    return page(
        table(title, header, "llll" + "r" * len(figures), rows),
        table(f"at {learning.when(training.peak)}", ("memory", "bytes", "share"), "lrr", peak, nothing="nothing"),
        totals=facts[-1:],
        notes=[*facts[:-1], *learning.notes(training)],
        end=learning.convention(training),
    )


def document(training: Training) -> bytes:
    """As `convcalc analyze --training` prints it."""
    return shared.document("training", Trained(shared.path_of(training.network), training, []))


def frame(training: Training) -> Any:
    """A row a layer, those of repeated blocks too."""
    lines = training_lines(training, expand=True)
    return dataframe(typed(csv.COLUMNS, csv.rows(Trained(shared.path_of(training.network), training, lines))))
