"""What `--count-as` means, whichever command has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convcalc.cli.output import reject

if TYPE_CHECKING:
    from convcalc.counters import ChosenFigure

FUSED = "--count-as counts layers as they are written, which are merged here into kernels"
UNFUSED = "--no-fused counts them by themselves"


def figure_named(text: str) -> ChosenFigure:
    """The figure of another tool; what is wrong with it ends the command."""
    from convcalc.counters import choose
    from convcalc.language.source import SpecError

    try:
        return choose(text)
    except SpecError as error:
        reject(error.diagnostics)
