"""Gather: elements of a tensor chosen by another, whose numbers say which places of an axis are meant.

Example:
    inputs: {boxes: [100, 4], best: [10]}
    layers:
      - gather: {from: [boxes, best]}
    # output 10x4, params 0, macs 0, field 1

The second input holds the indices, whole numbers that count from 0, negative ones from the end; any other number is
cut to a whole one within the axis. What an index means is said by `indices`:
    slices    all that is at one place of the axis; the shape of the indices takes the place of the axis
    elements  one element, at that place of the axis and at the index' own place on the others (torch.gather)
    points    the last axis of the indices has a place on each of `axes`; axes before these are equal in both
No arithmetic. Which places are read depends on data, so each output sees all of the axes that are chosen from, and what
its index sees.

Source: ONNX Gather, GatherElements and GatherND (its batch_dims are the axes before); torch.index_select, torch.gather.
"""

import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated, ClassVar

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.number import product
from convcalc.fields import ANY_SIGN, Choice, Listed
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kept, Kind, OnnxGraph, Shape, StandIn, Wanted
from convcalc.layers._cases import draw_shape
from convcalc.layers._indices import (
    CHOOSES,
    FORMS,
    chosen,
    coordinates,
    fits,
    flat,
    of_data,
    of_indices,
    of_own_place,
    on_axes,
    onto_axes,
)
from convcalc.layers._kept import PLACE
from convcalc.layers._merges import repeated
from convcalc.layers._onnx import shaped


class Gather(Kind, frozen=True, kw_only=True):
    without_gradient: ClassVar[dict[int, str]] = {1: CHOOSES}
    inputs: ClassVar[tuple[int, int | None]] = (2, 2)

    axes: Annotated[tuple[int, ...], Listed("the axis that is chosen from; 0 is channels", minimum=ANY_SIGN)] = (0,)
    indices: Annotated[str, Choice("what an index means", options=FORMS)] = "slices"

    def checks(self, x: Shape, indices: Shape) -> Iterator[Check]:
        yield from fits(self.axes, self.indices, x, indices)

    def shape(self, x: Shape, indices: Shape) -> Shape:
        return chosen(self.axes, self.indices, x, indices)

    def kept(self, wanted: Wanted, x: Shape, indices: Shape) -> Kept:
        """The place of each element that is chosen, eight bytes each."""
        return Kept(bytes=PLACE * product(self.shape(x, indices))).if_(wanted.inputs[0])

    def paths(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> tuple[Field, ...]:
        (x, indices), form = inputs, self.indices
        data = on_axes(fields[0], x, of_data(self.axes, form, len(x), len(indices)))
        index = on_axes(fields[1], indices, of_indices(self.axes, form, len(x), len(indices)))
        return repeated((data[0], index[0]), (data[1], index[1]))

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return StandIn(of=self, run=_seeing_all, own=partial(_of_own_place, axis))

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        data, indices, _ = flat(graph, self, inputs, shapes)
        return shaped(graph, graph.node("GatherElements", data, indices, axis=2), self.shape(*shapes))

    def summary(self) -> str:
        return f"{self.indices}, {'axis' if len(self.axes) == 1 else 'axes'} {', '.join(map(str, self.axes))}"

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x, form = draw_shape(draw), draw.choice(FORMS)
        start = draw.randrange(len(x))
        end = draw.randint(start + 1, len(x)) if form == "points" else start + 1
        # Positions of both that are those of one input, on different axes of what leaves, are followed by nobody.
        most = 2 if len(x) == 1 or (form == "points" and end == len(x)) else int(form != "points")
        inner = tuple(draw.randint(1, 5) for _ in range(draw.randint(int(form != "points"), most)))
        indices = {
            "slices": inner,
            "elements": (*x[:start], *inner[:1], *x[end:]),
            "points": (*x[:start], *inner, end - start),
        }[form]
        from_end = draw.choice([0, len(x)])
        return cls(axes=tuple(axis - from_end for axis in range(start, end)), indices=form), (x, indices)

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array, indices: Array) -> Array:
        items = [
            item[tuple(engine.aside(partial(coordinates, engine, fields, item.shape), index))]
            for item, index in zip(x, indices, strict=True)
        ]
        y = engine.numpy.stack(items)
        return y if y.ndim > 1 else y.reshape(-1, 1)


def _seeing_all(
    engine: Engine,
    fields: Fields,
    weights: Arrays,
    x: Array,
    indices: Array,
    together: Callable[..., Array] | None = None,
) -> Array:
    """Every element as the sum of all that it may be, and of its index."""
    of = fields.axes, fields.indices, x.ndim - 1, indices.ndim - 1
    data = onto_axes(x, of_data(*of), together)
    return data + onto_axes(indices, of_indices(*of), together)


def _of_own_place(
    positions: int | None, engine: Engine, fields: Fields, weights: Arrays, x: Array, indices: Array
) -> Array:
    """Every element as what of this is at its own place."""
    return _seeing_all(engine, fields, weights, x, indices, of_own_place(engine, positions))
