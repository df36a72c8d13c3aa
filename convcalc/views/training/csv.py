"""A step of training as CSV: a line a layer, raw integers, one header for all."""

from __future__ import annotations

from convcalc.analysis.learning.lines import ALIVE, SUMMED
from convcalc.frames import Form
from convcalc.views.formats import csv
from convcalc.views.output import Output
from convcalc.views.training.shared import Trained

COLUMNS = {
    **dict.fromkeys(("model", "spec", "name", "kind"), Form.TEXT),
    "layers": Form.WHOLE,
    "output_shape": Form.SIZES,
    **dict.fromkeys((*SUMMED, "frozen", "uncosted", *ALIVE), Form.WHOLE),
}
"""What the columns are called, and what is in them."""


def write(trained: Trained, out: Output) -> None:
    """The lines of one network; with the header for the first.

    What is alive while a layer runs is empty where it does not run in that part of the step. `uncosted` is how many of
    a line's layers cost what is not known: then its sums are those of the others, and empty where there are none.
    """
    out.text(csv.text(rows(trained) if out.shown else [COLUMNS, *rows(trained)]))
    out.shown += 1


def rows(trained: Trained) -> list[list[object]]:
    """The cells of every line, numbers and shapes as they are."""
    head = [trained.training.network.name, trained.path]
    return [
        [
            *head,
            line.name,
            line.kind,
            line.layers,
            csv.sizes(line.output_shape),
            *(getattr(line, amount) if line.is_known else None for amount in SUMMED),
            line.frozen,
            line.uncosted,
            *(getattr(line, amount) for amount in ALIVE),
        ]
        for line in trained.lines
    ]
