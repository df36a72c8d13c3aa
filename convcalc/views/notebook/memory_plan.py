"""Memory over time: the layers with the most alive, and what the arena takes."""

from __future__ import annotations

from typing import Any

from convcalc.frames import dataframe, typed
from convcalc.planning.records import MemoryPlan
from convcalc.views import words
from convcalc.views.memory import csv
from convcalc.views.memory import shared as memory
from convcalc.views.memory.shared import Planned
from convcalc.views.notebook import shared
from convcalc.views.notebook.markup import page, table


def line(plan: MemoryPlan) -> str:
    """The peak and the arena."""
    peak = (
        f"peak {words.binary(plan.peak.bytes)} at {shared.brief(plan.peak.layer)}" if plan.peak else "nothing is alive"
    )
    running = "the best order" if plan.running == "best" else "written order"
    order = f"{shared.counted(len(plan.moments), 'layer')} in {running}"
    return f"{shared.brief(plan.network.name)}: {peak}, arena {words.binary(plan.arena.bytes)}, {order}"


def html(plan: MemoryPlan) -> str:
    """A line a layer, repeats folded, and the figures."""
    planned = _planned(plan)
    rows = [
        (
            f"{line.name} x{line.times}"
            if line.times
            else f"{line.name} of {line.layers}"
            if line.layers > 1
            else line.name,
            line.kind,
            line.output,
            words.exact(line.output_bytes),
            words.exact(line.alive_bytes),
            words.share(line.alive_bytes, plan.peak_activation_bytes),
        )
        for line in memory.instants(planned)
    ]
    title = " · ".join(filter(None, memory.title(planned)))
    content = table(title, ("layer", "kind", "output", "bytes", "alive", "of the peak"), "lllrrr", rows)
    return page(content, totals=memory.facts(plan)[:1], notes=memory.facts(plan)[1:], end=memory.convention(plan))


def document(plan: MemoryPlan) -> bytes:
    """As `convcalc memory` prints it."""
    return shared.document("memory", _planned(plan))


def frame(plan: MemoryPlan) -> Any:
    """A row a tensor, inputs first."""
    return dataframe(typed(csv.COLUMNS, csv.rows(_planned(plan))))


def _planned(plan: MemoryPlan) -> Planned:
    return Planned(shared.path_of(plan.network), plan)
