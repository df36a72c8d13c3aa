"""The figures at the head of a page: the totals of a network, short and large, with every digit below."""

from __future__ import annotations

import msgspec

from convcalc.analysis.report import Report
from convcalc.views import words
from convcalc.visible import short


class HeadFigure(msgspec.Struct, frozen=True):
    """A total in a few characters, and in lines below it what these leave out."""

    label: str
    value: str
    exact: tuple[str, ...] = ()


def headline(report: Report) -> list[HeadFigure]:
    """Parameters, MACs, receptive field, bytes of weights and of activations, and a bound where there is a device."""
    return [*_costs(report), *_field(report), *_bytes(report), *_bound(report)]


def _costs(report: Report) -> list[HeadFigure]:
    sums, lacking = report.totals, _lacking(len(report.uncosted), "costed")
    buffers = (f"buffers {words.exact(sums.buffers)}",) if sums.buffers else ()
    counts = (("params", sums.params, buffers), ("MACs", sums.macs, ()))
    return [
        HeadFigure(label, _least(words.scaled(count), lacking), (*_digits(count), *beside, *lacking))
        for label, count, beside in counts
    ]


def _digits(count: int) -> tuple[str, ...]:
    """All digits, where the figure itself does not show them."""
    return (words.exact(count),) if words.scaled(count) != words.exact(count) else ()


def _field(report: Report) -> list[HeadFigure]:
    seen = report.receptive_field
    if seen is None or not words.field(seen):
        return []
    has_stride = seen.stride and set(seen.stride) - {None}
    lines = (f"stride {words.per_axis(seen.stride)}",) if seen.stride and has_stride else ()
    return [HeadFigure("receptive field", words.field(seen), lines)]


def _bytes(report: Report) -> list[HeadFigure]:
    lacking, weights, peak = _lacking(len(report.uncosted), "costed"), report.totals.weight_bytes, report.peak
    figures = [HeadFigure("weights", _least(words.binary(weights), lacking), (_in_bytes(weights), *lacking))]
    if peak is not None:
        unsized = _lacking(len(report.unsized), "sized")
        label = "fused peak activations" if report.terms.fused else "peak activations"
        lines = (_in_bytes(peak.bytes), f"at {short(peak.layer)}", *unsized)
        figures.append(HeadFigure(label, _least(words.binary(peak.bytes), unsized), lines))
    return figures


def _bound(report: Report) -> list[HeadFigure]:
    device, picoseconds = report.terms.device, report.totals.bound_ps
    if device is None or picoseconds is None or not (device.peak or device.bandwidth):
        return []
    return [HeadFigure("at least", words.duration(picoseconds), (f"on {short(device.name)}",))]


def _in_bytes(size: int) -> str:
    return f"{words.exact(size)} bytes"


def _lacking(count: int, what: str) -> tuple[str, ...]:
    """What a figure leaves out, if anything."""
    return (f"{count} layer{'s' * (count != 1)} not {what}",) if count else ()


def _least(text: str, lacking: tuple[str, ...]) -> str:
    return f"≥ {text}" if lacking else text
