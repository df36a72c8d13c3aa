"""Channel shuffle: the channels of all groups dealt in turn, so that the next grouped convolution sees each of them.

Example:
    input: [240, 28, 28]
    layers:
      - channel_shuffle: 3
    # output 240x28x28, params 0, macs 0, field 1

No arithmetic.

Source: Zhang et al. 2018, "ShuffleNet"; PyTorch nn.ChannelShuffle.
"""

import random
from collections.abc import Iterator
from functools import partial
from typing import Annotated

from convcalc.arithmetic.axes import NOT_WORKED_OUT, Axis
from convcalc.arithmetic.field import Field
from convcalc.fields import Channels
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kind, OnnxGraph, Shape
from convcalc.layers._cases import draw_shape
from convcalc.layers._checks import divides
from convcalc.layers._onnx import shaped


class ChannelShuffle(Kind, frozen=True, kw_only=True):
    keeps_axes = True

    groups: Annotated[int, Channels("parts the channels are split into and dealt from", minimum=1)]

    def checks(self, x: Shape) -> Iterator[Check]:
        yield divides(self.groups, x[0], "groups", "channels")

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        # Positions that stand in the channels are dealt anew, and no interval describes them.
        channels = inputs[0][0]
        dealt = partial(_dealt_from, self.groups, channels // self.groups)
        return fields[0].along({0: (_not_worked_out, self, channels, dealt)})

    def no_op(self, x: Shape) -> str:
        return "deals all channels to one group" if self.groups in {1, x[0]} else ""

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        channels, *sizes = shapes[0]
        split = shaped(graph, inputs[0], [self.groups, channels // self.groups, *sizes])
        dealt = graph.node("Transpose", split, perm=[0, 2, 1, *range(3, len(sizes) + 3)])
        return shaped(graph, dealt, shapes[0])

    def summary(self) -> str:
        return f"{self.groups} groups"

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        groups = draw.randint(1, 4)
        return cls(groups=groups), (draw_shape(draw, channels=groups * draw.randint(1, 3)),)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        dealt = x.reshape(x.shape[0], fields.groups, -1, *x.shape[2:]).swapaxes(1, 2)
        return dealt.reshape(x.shape)


def _dealt_from(groups: int, apart: int, channel: int) -> tuple[int]:
    return (channel % groups * apart + channel // groups,)


def _not_worked_out(*moved: object) -> Axis:
    return NOT_WORKED_OUT
