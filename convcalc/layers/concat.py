"""Tensors laid end to end on one axis, the channels unless another is named: a dense block, the skip of a U-Net.

Example:
    input: [64, 56, 56]
    layers:
      - concat: {branches: [[], [{conv: {out_channels: 32, kernel_size: 3, padding: 1, bias: false}}]]}
    # output 96x56x56, params 18432, macs 57802752, field 3

Sizes add up on that axis and are equal on all others. No arithmetic. On channels each output sees what any of its
inputs sees; on a spatial axis each position sees what it saw in its own tensor.

Source: PyTorch torch.cat; ONNX Concat.
"""

import random
from collections.abc import Iterator
from typing import Annotated, ClassVar

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.meeting import concatenated
from convcalc.fields import ANY_SIGN, Whole
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kind, OnnxGraph, Shape, Unprobed
from convcalc.layers._axes import behind_batch
from convcalc.layers._cases import draw_axis, draw_shape
from convcalc.layers._checks import axes_exist, projection
from convcalc.layers._onnx import onnx_axis
from convcalc.layers.add import Add


class Concat(Kind, frozen=True, kw_only=True):
    inputs: ClassVar[tuple[int, int | None]] = (2, None)
    merges = "end to end"
    keeps_axes = True

    axis: Annotated[int, Whole("axis they are laid along; 0 is channels", minimum=ANY_SIGN)] = 0

    def checks(self, *inputs: Shape) -> Iterator[Check]:
        first = inputs[0]
        yield from axes_exist((self.axis,), first, "axis")
        for number, x in enumerate(inputs[1:], start=2):
            yield Check(len(x) == len(first), "CC103", "", _unlike, (first, number, x))
            for axis, (size, wanted) in enumerate(zip(x, first, strict=False)):
                if axis != self.axis % len(first):
                    advice = _projection if axis == 0 else None
                    yield Check(size == wanted, "CC103", "", _mismatch, (first, number, x, axis), advice)

    def shape(self, *inputs: Shape) -> Shape:
        axis = self.axis % len(inputs[0])
        return (*inputs[0][:axis], sum(x[axis] for x in inputs), *inputs[0][axis + 1 :])

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        axis = self.axis % len(inputs[0])
        return concatenated(fields, axis, [x[axis] for x in inputs], self.shape(*inputs))

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        return graph.node("Concat", *inputs, axis=onnx_axis(self.axis, shapes[0]))

    def summary(self) -> str:
        return "" if self.axis == 0 else f"axis {self.axis}"

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        if axis == self.axis % len(inputs[0]):
            raise Unprobed("tensors laid end to end have their places at the sizes they have")
        return self

    def thin(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return self if axis == self.axis % len(inputs[0]) else Add()  # what is laid end to end is one place

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        first = draw_shape(draw)
        axis = draw_axis(draw, first)
        place = axis % len(first)
        others = [(*first[:place], draw.randint(1, 5), *first[place + 1 :]) for _ in range(draw.randint(1, 3))]
        return cls(axis=axis), (first, *others)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, *inputs: Array) -> Array:
        return engine.numpy.concatenate(inputs, behind_batch(fields.axis))


def _unlike(first: Shape, number: int, x: Shape) -> str:
    return (
        f"input {number} of shape {list(x)} has {len(x)} axes and input 1 of shape {list(first)} has {len(first)}; "
        f"legal here: {len(first)} axes"
    )


def _mismatch(first: Shape, number: int, x: Shape, axis: int) -> str:
    return (
        f"input {number} of shape {list(x)} does not match input 1 of shape {list(first)} on axis {axis}: {x[axis]} "
        f"against {first[axis]}; legal here: {first[axis]}"
    )


def _projection(first: Shape, number: int, x: Shape, axis: int) -> str:
    return projection(x, first[0])
