"""How the receptive field grows: its size at each layer, the largest so far, and the size of the input."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from convcalc.analysis.report import Report
from convcalc.views import words
from convcalc.views.formats.json import Record
from convcalc.views.pictures.charts.shared import block_ticks, called, place_axis, plural, point, thinned

PLACE = 2
MEASURES = [{"name": "", "format": "place"}, {"name": "sees", "format": "positions"}]
_MANY_TIMES = 20
"""From how many times the smallest size on the sizes are drawn by their logarithms."""


class _Sight(msgspec.Struct, frozen=True):
    """What a layer sees at most on any axis, by its place among the layers."""

    place: int
    size: int
    is_global: bool


def chart(report: Report) -> Record | None:
    """Of the layers that see the input at all; None where no layer sees more than one position of it."""
    extent = max((max(node.shape[1:], default=1) for node in report.network.inputs), default=1)
    sights = [sight for place in range(len(report.layers)) if (sight := _sight(report, place, extent)) is not None]
    if max((sight.size for sight in sights), default=0) < 2:
        return None
    local, everywhere = ([sight for sight in sights if sight.is_global == is_global] for is_global in (False, True))
    largest = max(extent, *(sight.size for sight in sights))
    scale = "log" if largest > _MANY_TIMES * min(sight.size for sight in sights) else "value"
    ticks = block_ticks(report.network)
    return {
        "id": "field",
        "title": "Growth of the receptive field",
        "text": _text(report, extent, scale, everywhere),
        "height": 280,
        "measures": MEASURES,
        "ticks": ticks,
        "option": {
            "legend": {"data": ["layer", *(["sees all of the input"] if everywhere else []), "largest so far"]},
            "xAxis": place_axis(len(report.layers), ticks),
            "yAxis": _axis(scale, largest),
            "tooltip": {"trigger": "item"},
            "series": [
                _seen(report, "layer", "circle", local),
                _seen(report, "sees all of the input", "emptyDiamond", everywhere),
                _growth(local or everywhere, len(report.layers)),
                _input(extent),
            ],
        },
    }


def _axis(scale: str, largest: int) -> Record:
    """In equal steps, or by powers of two, of four or of more, so that there are a dozen at the most."""
    if scale == "value":
        return {"type": scale, "min": 0}
    exponent = max(1, math.ceil(math.log2(largest) / 10))
    base = 2**exponent
    return {"type": scale, "logBase": base, "min": 1, "max": base ** math.ceil(math.log(largest, base) - 1e-9)}


def _sight(report: Report, place: int, extent: int) -> _Sight | None:
    """None where nothing of the input is seen, or nobody knows how much."""
    field = report.layers[place].receptive_field
    sizes = [size for size in field.size or () if size is not None]
    size = max(sizes, default=0)
    if field.is_global:
        return _Sight(place, max(size, extent), is_global=True)
    return _Sight(place, size, is_global=False) if size else None


def _seen(report: Report, name: str, symbol: str, sights: Sequence[_Sight]) -> Record:
    start = report.network.input_count

    def layers(sight: _Sight, run: Sequence[_Sight]) -> list[int]:
        return [start + sight.place, *(start + other.place for other in run if other != sight)]

    return {
        "id": name,
        "name": name,
        "type": "scatter",
        "symbol": symbol,
        "symbolSize": 5,
        "data": [
            point((sight.place, sight.size), layers(sight, run))
            for sight, run in thinned(sights, lambda sight: sight.size)
        ],
    }


def _growth(sights: Sequence[_Sight], count: int) -> Record:
    """The largest so far, which changes at a few layers."""
    steps: list[list[int]] = []
    for sight in sights:
        if not steps or sight.size > steps[-1][1]:
            steps.append([sight.place, sight.size])
    steps.append([count - 1, steps[-1][1]])
    return {
        "id": "largest",
        "name": "largest so far",
        "type": "line",
        "step": "end",
        "showSymbol": False,
        "silent": True,
        "data": steps,
        "tooltip": {"show": False},
    }


def _input(extent: int) -> Record:
    return {
        "id": "input",
        "name": "input",
        "type": "line",
        "data": [],
        "markLine": {
            "symbol": "none",
            "data": [{"yAxis": extent, "name": f"input {extent:,}"}],
            "label": {"position": "insideStartTop"},
        },
    }


def _text(report: Report, extent: int, scale: str, everywhere: Sequence[_Sight]) -> str:
    field, logarithm = report.receptive_field, ", on a logarithmic scale" if scale == "log" else ""
    texts = [
        f"Input positions that an output position of each layer can depend on, on the axis with the most{logarithm}.",
        f"The network ends with {words.field(field) or 'none'}; its input has {extent:,}.",
    ]
    if everywhere:
        first, count = called(report.layers[everywhere[0].place].name), len(everywhere)
        several = f"{plural(count, 'layer')}, of which {first} is the first, see"
        texts.append(f"{several if count > 1 else f'{first} sees'} all of the input.")
    return " ".join(texts)
