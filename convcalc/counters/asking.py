"""Which figures of which counters a list of words asks for, as ``thop,fvcore:mode=train``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from convcalc import counters
from convcalc.counters import ChosenFigure
from convcalc.language.source import Diagnostic, SpecError

_OPTION = re.compile(r"\s*[a-z_]+=", re.IGNORECASE)
"""How an option begins, which goes on with those of the counter before the comma."""


def words(texts: Sequence[str]) -> list[str]:
    """The counters that are named, each with its options: behind a comma is the next of either."""
    parted: list[str] = []
    for text in texts:
        for place, part in enumerate(text.split(",")):
            if place and _OPTION.match(part) and ":" in parted[-1]:
                parted[-1] += f",{part.strip()}"
            else:
                parted.append(part.strip())
    return parted


def figures(texts: Sequence[str] = ()) -> list[ChosenFigure]:
    """Every figure of the counters that are named, the one that is chosen where an option says so; all where none is.

    Raises:
        SpecError: there is no such counter, option, value or figure; all that is wrong is told.
    """
    asked: dict[str, ChosenFigure] = {}
    problems: list[Diagnostic] = []
    for word in words(texts) if texts else counters.names():
        try:
            choice = counters.choose(word)
        except SpecError as error:
            problems += error.diagnostics
            continue
        is_chosen = "figure=" in word.partition(":")[2]
        every = [choice.figure] if is_chosen else choice.counter.figures.values()
        chosen = (ChosenFigure(choice.counter, figure, choice.options) for figure in every)
        asked |= {str(figure): figure for figure in chosen}
    if problems:
        raise SpecError(problems)
    return list(asked.values())
