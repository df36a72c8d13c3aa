"""Memory over time as CSV: a line for each tensor, in the order in which layers run; one header for all."""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.frames import Form
from convcalc.planning.records import ArenaRegion
from convcalc.views.formats import csv
from convcalc.views.memory.shared import Planned
from convcalc.views.output import Output

COLUMNS = {
    "model": Form.TEXT,
    "spec": Form.TEXT,
    "place": Form.WHOLE,
    "name": Form.TEXT,
    "kind": Form.TEXT,
    "output_shape": Form.SIZES,
    "output_bytes": Form.WHOLE,
    "alive_bytes": Form.WHOLE,
    **dict.fromkeys(("offset", "region", "first", "last"), Form.WHOLE),
    "until": Form.TEXT,
    "at_peak": Form.TRUTH,
}
"""What the columns are called, and what is in them."""


def write(planned: Planned, out: Output) -> None:
    """The tensors of one network; with the header for the first.

    Inputs have no `place` and nothing alive, as no layer runs. Tensors of the same `region` lie in the same memory,
    which is in use from the place `first` to `last`, while the layer `until` runs. What takes no memory has none.
    """
    out.text(csv.text(rows(planned) if out.shown else [COLUMNS, *rows(planned)]))
    out.shown += 1


def rows(planned: Planned) -> Iterator[list[object]]:
    """The cells of every tensor, numbers and shapes as they are."""
    memory = planned.memory
    head = [memory.network.name, planned.path]
    regions = {name: (number, region) for number, region in enumerate(memory.arena.regions) for name in region.tensors}
    alive_at_peak = set(memory.peak.tensors) if memory.peak is not None else set()

    def lies(name: str) -> list[object]:
        number, region = regions.get(name, (-1, None))
        return [*_cells(number, region), name in alive_at_peak]

    for node in memory.network.inputs:
        size = next((region.bytes for number, region in regions.values() if node.name in region.tensors), 0)
        yield [*head, None, node.name, node.kind, csv.sizes(node.shape), size, None, *lies(node.name)]
    for place, moment in enumerate(memory.moments):
        layer = [moment.layer, moment.kind, csv.sizes(moment.output_shape), moment.output_bytes, moment.alive_bytes]
        yield [*head, place, *layer, *lies(moment.layer)]


def _cells(number: int, region: ArenaRegion | None) -> list[object]:
    return [region.offset, number, region.first, region.last, region.until] if region is not None else [None] * 5
