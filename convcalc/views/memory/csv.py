"""Memory over time as CSV: a line for each tensor, in the order in which layers run; one header for all."""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.planning.records import ArenaRegion
from convcalc.views import words
from convcalc.views.formats import csv
from convcalc.views.memory.shared import Planned
from convcalc.views.output import Output

_HEADER = (
    *("model", "spec", "place", "name", "kind", "output_shape", "output_bytes", "alive_bytes"),
    *("offset", "region", "first", "last", "until", "at_peak"),
)


def write(planned: Planned, out: Output) -> None:
    """The tensors of one network; with the header for the first.

    Inputs have no `place` and nothing alive, as no layer runs. Tensors of the same `region` lie in the same memory,
    which is in use from the place `first` to `last`, while the layer `until` runs. What takes no memory has none.
    """
    rows = list(_rows(planned))
    out.text(csv.text(rows if out.shown else [_HEADER, *rows]))
    out.shown += 1


def _rows(planned: Planned) -> Iterator[list[object]]:
    memory = planned.memory
    regions = {name: (number, region) for number, region in enumerate(memory.arena.regions) for name in region.tensors}
    alive_at_peak = set(memory.peak.tensors) if memory.peak is not None else set()

    def lies(name: str) -> list[object]:
        number, region = regions.get(name, (-1, None))
        return [*_cells(number, region), "true" if name in alive_at_peak else "false"]

    for node in memory.network.inputs:
        size = next((region.bytes for number, region in regions.values() if node.name in region.tensors), 0)
        yield [
            memory.network.name,
            planned.path,
            "",
            node.name,
            node.kind,
            words.shape(node.shape),
            size,
            "",
            *lies(node.name),
        ]
    for place, moment in enumerate(memory.moments):
        shape = words.shape(moment.output_shape)
        head = [memory.network.name, planned.path, place, moment.layer, moment.kind, shape]
        yield [*head, moment.output_bytes, moment.alive_bytes, *lies(moment.layer)]


def _cells(number: int, region: ArenaRegion | None) -> list[object]:
    return [region.offset, number, region.first, region.last, region.until] if region is not None else [""] * 5
