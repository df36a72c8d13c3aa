"""Memory over time: the bytes that are alive while each layer runs, the peak, and what the device has."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.analysis.report import Peak, Report
from convcalc.analysis.traffic import output_bytes
from convcalc.layers import UNSIZED
from convcalc.planning.plan import timeline
from convcalc.planning.records import Moment, Timeline
from convcalc.views import words
from convcalc.views.formats.json import Record
from convcalc.views.pictures.charts.shared import (
    binary_step,
    block_ticks,
    called,
    drawable,
    listed,
    place_axis,
    plural,
    point,
    thinned,
)

PLACE = 1
MEASURES = [{"name": "", "format": "place"}, {"name": "alive", "format": "bytes"}]
_WITHIN = 4
"""How many times the peak the device's memory may be, to be drawn as a line above it and not only named."""


def chart(report: Report) -> Record | None:
    """Of a network's report, in the order in which its layers are written."""
    return drawn(timeline(report.network, report.terms))


def drawn(lived: Timeline) -> Record | None:
    """Of a timeline, in its order; None where nothing is alive."""
    if lived.peak is None:
        return None
    places = {node.name: index for index, node in enumerate(lived.network.nodes)}
    moments = list(enumerate(lived.moments))
    runs = thinned(moments, lambda moment: moment[1].alive_bytes)

    def layers(place: int, run: Sequence[tuple[int, Moment]]) -> list[int]:
        others = (moment.layer for other, moment in run if other != place)
        return [places[name] for name in (lived.moments[place].layer, *others)]

    points = [point((place, moment.alive_bytes), layers(place, run)) for (place, moment), run in runs]
    _peak(points)["notes"] = _tensors(lived, lived.peak)
    room = _room(lived)
    line = lived.peak.bytes if room is None or room > _WITHIN * lived.peak.bytes else max(room, lived.peak.bytes)
    step = binary_step(line)
    ticks = block_ticks(lived.network) if lived.running == "written" else {}
    return {
        "id": "memory",
        "title": "Memory over time",
        "text": _text(lived, most=len(runs[0][1])),
        "height": 280,
        "measures": MEASURES,
        "ticks": ticks,
        "option": {
            "xAxis": place_axis(len(moments), ticks),
            "yAxis": {
                "type": "value",
                "min": 0,
                "max": drawable(-(-line // step) * step),
                "interval": drawable(step),
            },
            "tooltip": {"trigger": "axis"},
            "series": [_alive(lived, points), *([_device(lived, room)] if room is not None and room <= line else [])],
        },
    }


def _peak(points: list[Record]) -> Record:
    """The first of the points with the most alive."""
    return max(points, key=lambda drawn_point: drawn_point["value"][1])


def _tensors(lived: Timeline, peak: Peak) -> list[str]:
    """What is alive at the peak, the largest first, each with its bytes."""
    nodes = {node.name: node for node in lived.network.nodes}
    sizes = {name: output_bytes(nodes[name], lived.terms) for name in peak.tensors}
    return [
        f"{called(name)} {words.binary(sizes[name])}" for name in sorted(peak.tensors, key=lambda name: -sizes[name])
    ]


def _alive(lived: Timeline, points: list[Record]) -> Record:
    assert lived.peak is not None  # noqa: S101  # else there is no chart
    peak = _peak(points)
    name = f"peak {words.binary(lived.peak.bytes)} at {called(lived.peak.layer)}"
    is_late = peak["value"][0] > len(lived.moments) / 2  # then its name is written to the left
    return {
        "id": "alive",
        "name": "alive",
        "type": "line",
        "step": "middle",
        "showSymbol": False,
        "areaStyle": {"opacity": 0.14},
        "data": points,
        "markPoint": {
            "symbol": "circle",
            "symbolSize": 7,
            "data": [{"coord": [peak["value"][0], drawable(peak["value"][1])], "name": name}],
            "label": {"position": "top", "distance": 5, "align": "right" if is_late else "left"},
        },
    }


def _device(lived: Timeline, room: int) -> Record:
    """A line at what the device has, which belongs to no layer."""
    name = called(lived.terms.device.name) if lived.terms.device is not None else ""
    return {
        "id": "device",
        "name": "device",
        "type": "line",
        "data": [],
        "markLine": {
            "symbol": "none",
            "data": [{"yAxis": drawable(room), "name": f"{name} has {words.binary(room)}"}],
            "label": {"position": "insideEndTop"},
        },
    }


def _room(lived: Timeline) -> int | None:
    """Bytes that the device has for activations, where it is known."""
    return lived.terms.device.sram if lived.terms.device is not None else None


def _text(lived: Timeline, most: int) -> str:
    """The peak with its tensors, largest first, what the device has, and what stands for several layers."""
    peak = lived.peak
    assert peak is not None  # noqa: S101  # where nothing is alive there is no chart
    least = "at least " if any(moment.output_shape == UNSIZED for moment in lived.moments) else ""
    alive = listed(_tensors(lived, peak))
    texts = [
        f"Bytes alive while each layer runs, in the {lived.running} order.",
        f"The peak is {least}{_bytes(peak.bytes)} at {called(peak.layer)}: {alive}.",
    ]
    room = _room(lived)
    if room is not None and lived.terms.device is not None:
        fits = "fit" if peak.bytes <= room else "do not fit"
        texts.append(f"The tensors {fits} into the {_bytes(room)} of {called(lived.terms.device.name)}.")
    if most > 1:
        texts.append(f"Of every {plural(most, 'layer')} the one with the most alive is drawn.")
    return " ".join(texts)


def _bytes(size: int) -> str:
    return words.binary(size) if size < 2**10 else f"{words.binary(size)} ({words.exact(size)} bytes)"
