"""The roofline of a device: what it can do at most, and where each layer stands below its roof."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import msgspec

from convcalc.analysis.bounds import PICOSECONDS
from convcalc.analysis.lines import layer_line
from convcalc.analysis.report import Bound, Report
from convcalc.devices import Device, multiplying
from convcalc.network import Node
from convcalc.views import words
from convcalc.views.formats.json import Record
from convcalc.views.pictures.charts.shared import called, listed, plural, point

PLACE = 4
MEASURES = [
    {"name": "intensity", "format": "intensity"},
    {"name": "at most", "format": "rate"},
    {"name": "takes at least", "format": "duration"},
]
_SMALLEST, _LARGEST = 5, 26
"""Pixels across the point of the quickest and of the slowest layer; areas are as their times."""
_BOUNDS = {"compute": "waits for arithmetic", "memory": "waits for memory"}


class _Stand(msgspec.Struct, frozen=True):
    """Where a layer stands: its operations to a byte, those a second that its bound allows, and the bound."""

    index: int
    intensity: float
    rate: float
    bound: Bound


def chart(report: Report) -> Record | None:
    """Of a report on a device whose peak and bandwidth are known; None where they are not, or nothing takes time."""
    device = report.terms.device
    stands = _stands(report)
    if device is None or not device.peak or device.bandwidth is None or not stands:
        return None
    formats = _formats(device, report)
    ridges = [device.peak[name] / device.bandwidth for name in formats]
    least, most = _decades([*(stand.intensity for stand in stands), *ridges])
    rates = [stand.rate for stand in stands]
    slowest = _decades([*rates, *(device.peak[name] for name in formats)])
    return {
        "id": "roofline",
        "title": f"Roofline of {called(device.name)}",
        "text": _text(report, device, stands, formats),
        "height": 300,
        "measures": MEASURES,
        "option": {
            "legend": {"data": list(_BOUNDS.values())},
            "xAxis": _axis("operations per byte", (least, most)),
            "yAxis": _axis("operations per second", slowest),
            "tooltip": {"trigger": "item"},
            "series": [
                *(_layers(by, name, stands) for by, name in _BOUNDS.items()),
                *(_roof(device, name, (least, most)) for name in formats),
            ],
        },
    }


def _stands(report: Report) -> list[_Stand]:
    """Of the layers that take time, and do operations on bytes."""
    stands = []
    for index in range(report.network.input_count, len(report.network.nodes)):
        line = layer_line(report, index)
        if line.bound is not None and line.bound.ps and line.ops_per_byte:
            rate = line.flops * PICOSECONDS / line.bound.ps
            stands.append(_Stand(index, line.ops_per_byte, rate, line.bound))
    return stands


def _formats(device: Device, report: Report) -> list[str]:
    """The formats in which layers multiply there, the fastest first."""

    def used(node: Node) -> Iterator[str]:
        formats = report.terms.formats(node)
        yield multiplying(device, formats.weights, formats.activations)
        if node.config.activation_macs(*report.network.shapes_into(node)):
            yield multiplying(device, formats.activations, formats.activations)

    pairs = zip(report.network.layers, report.layers, strict=True)
    names = {name for node, row in pairs if row.macs for name in used(node)}
    return sorted(names, key=lambda name: (-device.peak[name], name))


def _decades(numbers: Sequence[float]) -> tuple[float, float]:
    """Powers of ten around numbers."""
    return 10.0 ** math.floor(math.log10(min(numbers))), 10.0 ** math.ceil(math.log10(max(numbers)) + 0.05)


def _axis(name: str, ends: tuple[float, float]) -> Record:
    least, most = ends
    return {"type": "log", "min": least, "max": most, "name": name, "nameLocation": "middle"}


def _layers(by: str, name: str, stands: Sequence[_Stand]) -> Record:
    """The layers that wait for the same; those with the same numbers are one point."""
    places: dict[tuple[float, float, int], list[_Stand]] = {}
    for stand in stands:
        if stand.bound.by == by:
            places.setdefault((stand.intensity, stand.rate, stand.bound.ps), []).append(stand)
    slowest = max(stand.bound.ps for stand in stands)
    return {
        "id": by,
        "name": name,
        "type": "scatter",
        "data": [
            point(
                place,
                [stand.index for stand in alike],
                symbolSize=round(max(_SMALLEST, _LARGEST * math.sqrt(alike[0].bound.ps / slowest)), 1),
            )
            for place, alike in sorted(places.items(), key=lambda pair: -pair[1][0].bound.ps)  # the small ones on top
        ],
    }


def _roof(device: Device, name: str, ends: tuple[float, float]) -> Record:
    """What the device does at most in a format: the slope of its bandwidth up to the ridge, then its peak."""
    assert device.bandwidth is not None  # noqa: S101  # else there is no chart
    least, most = ends
    peak, ridge = device.peak[name], device.peak[name] / device.bandwidth
    is_late = ridge * ridge > least * most  # beyond the middle of the axis: then its name is written to the left
    return {
        "id": f"roof {name}",
        "name": name,
        "type": "line",
        "showSymbol": False,
        "silent": True,
        "tooltip": {"show": False},
        "data": [[least, least * device.bandwidth], [ridge, peak], [most, peak]],
        "markPoint": {
            "symbol": "circle",
            "symbolSize": 5,
            "data": [{"coord": [ridge, peak], "name": f"{name}: ridge at {ridge:.4g} op/B"}],
            "label": {"position": "top", "distance": 15, "align": "right" if is_late else "left"},
        },
    }


def _text(report: Report, device: Device, stands: Sequence[_Stand], formats: Sequence[str]) -> str:
    assert device.bandwidth is not None  # noqa: S101  # else there is no chart
    roofs = [f"{words.scaled(device.peak[name])} operations a second in {name}" for name in formats]
    slowest = max(stands, key=lambda stand: stand.bound.ps)
    name, longest = called(report.network.nodes[slowest.index].name), words.duration(slowest.bound.ps)
    texts = [
        "Each layer by its operations per byte and the operations a second that its bound allows;",
        "larger ones take longer.",
        f"{called(device.name)} does at most {listed(roofs)},",
        f"and moves {words.scaled(device.bandwidth)} bytes a second.",
        f"{_waiting([stand.bound.by for stand in stands])}; {name} takes longest, at least {longest}.",
    ]
    if any(stand.rate > stand.intensity * device.bandwidth * 1.001 for stand in stands):
        texts.append("Above the slope, bytes may stay in the cache, or need not be read.")
    return " ".join(texts)


def _waiting(by: Sequence[str]) -> str:
    compute, memory = by.count("compute"), by.count("memory")
    if compute and memory:
        return f"Of {plural(len(by), 'layer')} {compute:,} wait for arithmetic, {memory:,} for memory"
    what = "arithmetic" if compute else "memory"
    return f"All {plural(len(by), 'layer')} wait for {what}" if len(by) > 1 else f"Its layer waits for {what}"
