"""The network's shapes at another input size, to find the nearest one at which a rule has nothing to say."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from convcalc.arithmetic.window import Window
from convcalc.layers import Kind, Shape
from convcalc.layers._configured import fault
from convcalc.network import Network
from convcalc.rules._subject import Subject
from convcalc.rules._windows import rounds_up, windows_of

_FARTHEST = 64
"""How far from its own an input size is tried."""
MOST_LAYERS_TRIED = 8_000
"""Layers worked out, all sizes together."""

Flaw = Callable[[Window, int], object]
"""Whether a rule has something to say about a window on an axis of some size."""


@lru_cache(maxsize=4)
def nearest_clean_input(subject: Subject, axis: int, flaw: Flaw) -> str | None:
    """The nearest input size at which nothing is found in the whole network, as ``225`` or ``225x224``.

    All axes move together if they are alike, else the one given. None where no size near does, or it cannot be told.
    """
    network = subject.network
    if not subject.complete or network.input_count != 1 or len(network.nodes[0].shape) <= axis + 1:
        return None
    channels, *sizes = network.nodes[0].shape
    alike = len(set(sizes)) == 1
    known: dict[Any, Shape | None] = {}
    for distance in range(1, _FARTHEST + 1):
        for moved in (distance, -distance):
            tried = [size + moved if alike or place == axis else size for place, size in enumerate(sizes)]
            if min(tried) < 1:
                continue
            if _is_clean(network, (channels, *tried), flaw, known):
                return str(tried[0]) if alike else "x".join(map(str, tried))
            if len(known) > MOST_LAYERS_TRIED:
                return None
    return None


def _is_clean(network: Network, entering: Shape, flaw: Flaw, known: dict[Any, Shape | None]) -> bool:
    """Whether every layer can be built on that input, and none has a flaw; equal layers on equal shapes once."""
    shapes = [entering]
    for node in network.layers:
        inputs = tuple(shapes[source] for source in node.inputs)
        key = node.config, inputs
        if key not in known:
            legal = len(known) < MOST_LAYERS_TRIED and fault(node.config, inputs) is None
            known[key] = node.config.shape(*inputs) if legal and not _has(flaw, node.config, inputs[0]) else None
        shape = known[key]
        if shape is None:
            return False
        shapes.append(shape)
    return True


def _has(flaw: Flaw, config: Kind, x: Shape) -> bool:
    windows = () if rounds_up(config) else windows_of(config, x)
    return any(flaw(window, size) for window, size in zip(windows, x[1:], strict=False))
