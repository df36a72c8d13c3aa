"""Receptive fields at true size: what the middle output position of each layer sees, over the frame of the input."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from convcalc.analysis.report import ReceptiveField, Report
from convcalc.layers import Shape
from convcalc.views import words
from convcalc.views.formats.json import Record
from convcalc.views.pictures.charts.shared import called

PLACE = 3
MOST_NAMED = 7
"""Fields that are named beside the drawing."""
FARTHEST = 3
"""How far the picture goes, in sizes of the input: what reaches out further is cut off."""
MOST_DRAWN = 36
"""Fields that are drawn whatever is selected."""


class _Aperture(msgspec.Struct, frozen=True):
    """The first position that is seen on each axis, and how many there are from there on."""

    start: tuple[float, ...]
    size: tuple[int, ...]

    @property
    def area(self) -> int:
        """To order them by."""
        product = 1
        for size in self.size:
            product *= size
        return product


def chart(report: Report) -> Record | None:
    """Of the layers that see a part of the input, for inputs with one to three axes beside their channels."""
    frame = _frame(report)
    if frame is None:
        return None
    windows: dict[_Aperture, int] = {}
    layers: list[list[int]] = []
    of = [-1] * len(report.network.nodes)
    for index, row in enumerate(report.layers, report.network.input_count):
        window = _window(row.receptive_field, row.output_shape, frame)
        if window is None:
            continue
        of[index] = number = windows.setdefault(window, len(windows))
        if number == len(layers):
            layers.append([])
        layers[number].append(index)
    if max((max(window.size) for window in windows), default=0) < 2:
        return None
    ordered = list(windows)
    named = [
        {"window": number, "id": f"n{layers[number][0]}", "name": called(report.network.nodes[layers[number][0]].name)}
        for number in _chosen(ordered, MOST_NAMED)
    ]
    return {
        "id": "drawing",
        "title": "Receptive fields at true size",
        "text": _text(report, frame, ordered),
        "drawing": {
            "frame": frame,
            "farthest": FARTHEST,
            "windows": [[*window.start, *window.size] for window in ordered],
            "of": of,
            "drawn": sorted({*_chosen(ordered, MOST_DRAWN), *(entry["window"] for entry in named)}),
            "named": named,
        },
    }


def _frame(report: Report) -> tuple[int, ...] | None:
    """The sizes of the largest input that has axes beside its channels, as many as fields have."""
    ranks = {len(row.receptive_field.size) for row in report.layers if row.receptive_field.size}
    frames = [node.shape[1:] for node in report.network.inputs if len(node.shape) - 1 in ranks]
    known = [frame for frame in frames if 1 <= len(frame) <= 3 and all(size > 0 for size in frame)]
    return max(known, key=max, default=None)


def _window(field: ReceptiveField, output: Shape, frame: tuple[int, ...]) -> _Aperture | None:
    """What the middle position sees, None where that is nothing, all, or not known.

    Where it is not known on which positions it lies, it lies in the middle of the input.
    """
    if field.size is None or len(field.size) != len(frame) or not all(field.size):
        return None
    sizes = [size for size in field.size if size is not None]
    if len(sizes) < len(frame):
        return None
    middle = [(extent - size) / 2 for extent, size in zip(frame, sizes, strict=True)]
    starts, strides, places = field.start, field.stride, output[1:]
    if starts is not None and strides is not None and len(places) == len(frame):
        for axis, (start, stride, count) in enumerate(zip(starts, strides, places, strict=True)):
            if start is not None and stride is not None:
                middle[axis] = float(start + stride * ((count - 1) // 2))
    return _Aperture(tuple(middle), tuple(sizes))


def _chosen(windows: Sequence[_Aperture], most: int) -> list[int]:
    """The smallest, the largest, and between them some whose sizes grow by about the same factor."""
    order = sorted(range(len(windows)), key=lambda number: (windows[number].area, number))
    seen: list[int] = []
    for number in order:  # of equal sizes the first is enough
        if not seen or windows[number].size != windows[seen[-1]].size:
            seen.append(number)
    if len(seen) <= most:
        return seen
    first, last = max(windows[seen[0]].size), max(windows[seen[-1]].size)
    aims = [first * (last / first) ** (step / (most - 1)) for step in range(most)]
    return list(dict.fromkeys(min(seen, key=lambda number: abs(max(windows[number].size) - aim)) for aim in aims))


def _text(report: Report, frame: tuple[int, ...], windows: Sequence[_Aperture]) -> str:
    largest = max(windows, key=lambda window: window.area)
    within = all(size <= extent for size, extent in zip(largest.size, frame, strict=True))
    reach = "no larger than the input" if within else "larger than the input, and reaches out of it over padding"
    texts = [
        f"What the middle output position of a layer can depend on, over the input of {words.shape(frame)}.",
        f"The largest is {words.shape(largest.size)}, {reach}.",
    ]
    if any(size > FARTHEST * extent for size, extent in zip(largest.size, frame, strict=True)):
        texts.append(f"The picture ends at {FARTHEST} times the input.")
    if len(frame) == 3:
        texts.append("The first picture is of the last two axes, the second of the first and the last.")
    return " ".join(texts)
