"""The network's shapes at another input size, to find the nearest one at which a rule has nothing to say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from convcalc.layers import Shape
from convcalc.layers._configured import fault
from convcalc.rules._subject import Subject

_FARTHEST = 64
"""How far from its own an input size is tried."""
MOST_LAYERS_TRIED = 8_000
"""Layers worked out, all sizes together."""

Finds = Callable[[Any, Shape], bool]
"""Whether a rule has something to say about a layer, and the shape of its first input."""


def nearest_clean_input(subject: Subject, axis: int, finds: Finds) -> str | None:
    """The nearest input size at which nothing is found in the whole network, as ``225`` or ``225x224``.

    All axes move together if they are alike, else the one given. None where no size near does, or it cannot be told.
    """
    network = subject.network
    if not subject.complete or network.input_count != 1 or len(network.nodes[0].shape) <= axis + 1:
        return None
    channels, *sizes = network.nodes[0].shape
    alike = len(set(sizes)) == 1
    trial = _Resized(subject, finds)
    for distance in range(1, _FARTHEST + 1):
        for moved in (distance, -distance):
            tried = [size + moved if alike or place == axis else size for place, size in enumerate(sizes)]
            if min(tried) < 1:
                continue
            if trial.is_clean((channels, *tried)):
                return str(tried[0]) if alike else "x".join(map(str, tried))
            if trial.left < 0:
                return None
    return None


class _Resized:
    """Shapes worked out again for other inputs; equal layers on equal shapes once."""

    def __init__(self, subject: Subject, finds: Finds) -> None:
        self.network = subject.network
        self.finds = finds
        self.left = MOST_LAYERS_TRIED
        self._known: dict[Any, Shape | None] = {}

    def is_clean(self, entering: Shape) -> bool:
        """Whether every layer can be built on that input, and nothing is found."""
        shapes = [entering]
        for node in self.network.layers:
            shape = self._shape(node.config, tuple(shapes[source] for source in node.inputs))
            if shape is None:
                return False
            shapes.append(shape)
        return True

    def _shape(self, config: Any, inputs: tuple[Shape, ...]) -> Shape | None:
        key = config, inputs
        if key not in self._known:
            self.left -= 1
            legal = self.left >= 0 and fault(config, inputs) is None
            self._known[key] = None if not legal or self.finds(config, inputs[0]) else config.shape(*inputs)
        return self._known[key]
