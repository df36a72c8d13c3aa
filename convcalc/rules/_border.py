"""Convolutions by how much of the input their shortest path sees: what unproductive-layer and critical-layer share."""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.rules._graph import classifies, is_fixed_convolution
from convcalc.rules._paths import Path, shortest
from convcalc.rules._subject import Subject
from convcalc.rules._windows import Windowed, windowed


def convolutions(subject: Subject) -> Iterator[tuple[Windowed, tuple[Path, ...], tuple[Path, ...]]]:
    """Those of more than one tap with a shortest path on every axis; none in a net whose outputs have positions."""
    if not subject.complete or not classifies(subject):
        return
    paths = shortest(subject)
    for layer in windowed(subject):
        if not is_fixed_convolution(layer.node.config) or all(window.kernel == 1 for window in layer.windows):
            continue
        entering, leaving = paths[layer.node.inputs[0]][1:], paths[layer.index][1:]
        if all(entering) and all(leaving):
            yield layer, tuple(path for path in entering if path), tuple(path for path in leaving if path)
