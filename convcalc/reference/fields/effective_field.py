"""The record of how much each input position moves one output position of a layer."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from convcalc.analysis.report import ReceptiveField
from convcalc.arithmetic.spans import Span
from convcalc.layers import Shape
from convcalc.network import Network
from convcalc.presenting import Presented

Signs = Literal["random", "ones"]
"""What the channels of the output position are weighed by: 1 or -1 by chance, or all by 1."""


class EffectiveField(Presented, msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """What one position of a layer's output looks at: the mean of absolute gradients over several runs.

    `mass` is an array of the positions of `input`, one axis each for those of the network's input: the absolute
    gradient of the sum of the channels at `position`, weighed by `signs`, summed over the channels of the input. It is
    a mean over `runs` with weights and inputs of their own; `weights` says where the weights come from.

    `receptive_field` is the theoretical one as `analyze` has it, `spans` are the first and the last input position of
    it on each axis for this position, as if the input had no ends; None where every position of the axis is seen, or
    where it is not worked out. `reads` of the `span_positions` that lie on the input have a gradient that is not 0, and
    `outside` is the share of the mass that paths over all positions bring from elsewhere.

    `side` is that of the smallest box of equal sides around the middle of the spans that holds 95.45 % of the mass,
    `sides` say the same of each axis for itself, `deviations` are standard deviations along it. `counted_side` is the
    size as Luo et al. (2016) count it: the root of how many positions have more than 4.55 % of the largest gradient.
    """

    network: Network
    layer: str
    kind: str
    output_shape: Shape
    position: tuple[int, ...]
    position_sizes: tuple[int, ...]
    input: str
    other_inputs: tuple[str, ...]
    receptive_field: ReceptiveField
    spans: tuple[Span, ...]
    mass: Any
    side: int
    sides: tuple[int, ...]
    deviations: tuple[float, ...]
    counted_side: float
    reads: int
    span_positions: int
    outside: float
    runs: int
    seed: int
    weights: str
    dtype: str
    signs: Signs

    @property
    def sizes(self) -> tuple[int, ...]:
        """The positions of the input on each axis."""
        return tuple(self.mass.shape)

    @property
    def on_input(self) -> tuple[tuple[int, int], ...]:
        """The spans as far as they lie on the input, whole axes where every position is seen."""
        return tuple(
            (0, size - 1) if span is None else (max(span[0], 0), min(span[1], size - 1))
            for span, size in zip(self.spans, self.sizes, strict=True)
        )

    @property
    def middles(self) -> tuple[float, ...]:
        """What the boxes of `side` and `sides` are centred on: the middle of each span, or of the input's axis."""
        return tuple(
            (size - 1) / 2 if span is None else (span[0] + span[1]) / 2
            for span, size in zip(self.spans, self.sizes, strict=True)
        )

    @property
    def is_cut(self) -> bool:
        """Whether the theoretical field reaches beyond the input."""
        return any(
            span is not None and (span[0] < 0 or span[1] >= size)
            for span, size in zip(self.spans, self.sizes, strict=True)
        )

    @property
    def is_placed(self) -> bool:
        """Whether it is worked out where on the input the theoretical field of this position lies."""
        if self.receptive_field.is_global:
            return True
        sizes = self.receptive_field.size or self.sizes
        return not any(span is None and size is not None for span, size in zip(self.spans, sizes, strict=True))

    def profile(self, axis: int) -> list[float]:
        """The share of the mass at each position of an axis, whatever the position on the others."""
        along = self.mass.sum(tuple(other for other in range(self.mass.ndim) if other != axis))
        return [float(number) for number in along / along.sum()]
