"""What max_pool and avg_pool share, and the two adaptive ones, and the two global ones."""

import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, pairwise
from itertools import product as combinations
from typing import Annotated, Any, ClassVar

from msgspec.structs import replace

from convcalc import steps
from convcalc.arithmetic.field import Field
from convcalc.arithmetic.moving import resampled, windowed
from convcalc.arithmetic.number import ceil_div, greatest_common_divisor, product
from convcalc.arithmetic.resampling import cells
from convcalc.arithmetic.window import ROUNDING_WORDS, Padding, Pair, Rounding, Window, rounded_outputs, windows
from convcalc.fields import FieldType, Flag, FlagOrWord, PaddingType, PerAxis, Sizes, Whole, optional
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kind, NoOnnxForm, OnnxGraph, Shape, StandIn
from convcalc.layers._cases import FLAG, draw_axes, draw_flag, draw_padding, draw_rounding, draw_shape
from convcalc.layers._checks import fits, has_positions
from convcalc.layers._onnx import cut, ends, padded, positions
from convcalc.layers._windows import shown_sizes, shown_window

_Axis = tuple[Window, int, int]
"""A window, the size of the axis it moves on, and its outputs."""


class Pool(Kind, frozen=True, kw_only=True):
    """A pooling window on each axis, moved as a convolution's is."""

    is_windowed = is_pool = is_map = True

    kernel_size: Annotated[Sizes, PerAxis("positions pooled on each axis")]
    stride: Annotated[Sizes | None, optional(PerAxis("positions the window moves; null: kernel_size"))] = None
    padding: Annotated[Padding, PaddingType("positions added around the input")] = ((0, 0),)
    ceil_mode: Annotated[
        Rounding,
        FlagOrWord("keep a last window that reaches beyond the end; a word: by whose rule", options=ROUNDING_WORDS),
    ] = False

    def steps(self) -> Sizes:
        return self.kernel_size if self.stride is None else self.stride

    @property
    def dilation(self) -> Sizes:
        """The distance between taps, which only some pools have as a field."""
        return (1,) * len(self.kernel_size)

    def windows(self, x: Shape) -> tuple[Window, ...]:
        return windows(x[1:], self.kernel_size, self.steps(), self.dilation, self.padding)

    def checks(self, x: Shape) -> Iterator[Check]:
        yield has_positions(x)
        if len(x) == 1:
            return
        per_axis = self.windows(x)
        if self.ceil_mode:
            for window, size, count in zip(per_axis, x[1:], self.shape(x)[1:], strict=True):
                yield Check(count >= 1, "CC101", "kernel_size", _no_window, (window, size))
        else:
            yield from fits(per_axis, x)
        for window, size in zip(per_axis, x[1:], strict=True):
            yield Check(window.before < window.extent, "CC104", "padding", _first_beside, (window,))
            if not self.ceil_mode:  # which says what becomes of a window that starts behind the input
                last = window.stride * (window.outputs(size) - 1) - window.before
                yield Check(last < size, "CC104", "padding", _last_beside, (window, size))

    def shape(self, x: Shape) -> Shape:
        return (x[0], *rounded_outputs(self.windows(x), x[1:], self.ceil_mode))

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        return windowed(fields[0], self.windows(inputs[0]), self.shape(*inputs))

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        """With the rule of last windows that the padding of all axes makes it, which one axis alone does not show."""
        is_padded = any(window.before or window.after for window in self.windows(inputs[0]))
        return replace(self, ceil_mode=True if is_padded else "full") if self.ceil_mode == "caffe" else self

    def no_op(self, x: Shape) -> str:
        is_read = all(size == 1 or step == 1 for size, step in zip(x[1:], self.steps(), strict=True))
        return "pools single positions" if set(self.kernel_size) == {1} and is_read and self.shape(x) == x else ""

    def pooled(self, graph: OnnxGraph, op: str, x: str, shape: Shape, beside: float = 0.0, **attributes: Any) -> str:
        """The pool as an ONNX operator.

        Runtimes refuse a padding of a kernel or more, a window on padding alone has no value there, and none starts
        behind the input: then the padding is an operator of its own, as far as the windows reach. `beside` is the
        number that stands on it and changes no result.
        """
        axes, rounds_up = self.as_read(shape)
        kept = [size for _, size, _ in axes]
        if kept != list(shape[1:]):
            x = cut(graph, x, [0] * len(kept), kept, positions(shape))
        pads = [(window.before, window.after) for window, _, _ in axes]
        if self.starts_behind(shape):
            pads, rounds_up = [_as_far_as_read(*axis) for axis in axes], False
        if self.pads_apart(shape):
            x, pads = padded(graph, x, pads, value=beside), [(0, 0)] * len(pads)
        attributes |= {"kernel_shape": self.kernel_size, "strides": self.steps(), "pads": ends(pads)}
        return graph.node(op, x, **attributes, ceil_mode=int(rounds_up))

    def _axes(self, shape: Shape) -> tuple[list[_Axis], bool]:
        """The axes, and whether a last window reaches beyond the end of any."""
        axes = list(zip(self.windows(shape), shape[1:], self.shape(shape)[1:], strict=True))
        rounds_up = bool(self.ceil_mode) and any(window.outputs(size) != outputs for window, size, outputs in axes)
        return axes, rounds_up

    def as_read(self, shape: Shape) -> tuple[list[_Axis], bool]:
        """As `_axes`, without what no window reads where one reaches beyond the end."""
        axes, rounds_up = self._axes(shape)
        return (_without_the_unread(axes) if rounds_up else axes), rounds_up

    def pads_apart(self, shape: Shape) -> bool:
        """Whether `pooled` writes the padding as an operator of its own."""
        return self.starts_behind(shape) or _looks_beside(self.as_read(shape)[0])

    def starts_behind(self, shape: Shape) -> bool:
        """Whether a last window starts behind the input, which ONNX leaves out."""
        return self.ceil_mode in ROUNDING_WORDS and any(
            outputs > window.outputs_ceil(size) for window, size, outputs in self._axes(shape)[0]
        )

    def cuts_unread(self, shape: Shape) -> bool:
        """Whether `pooled` cuts off ends of the input that no window reads."""
        return any(size != kept for (_, kept, _), size in zip(self.as_read(shape)[0], shape[1:], strict=True))

    def summary(self) -> str:
        return shown_window(self.kernel_size, self.steps(), self.dilation)

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x = draw_shape(draw, least_rank=1)
        kernel = tuple(draw.randint(1, min(size, 4)) for size in x[1:])
        padding = draw_padding(draw, kernel)
        if not isinstance(padding, str):
            padding = tuple((draw.randint(0, k - 1), draw.randint(0, k - 1)) for k in kernel)
        fields: dict[str, Any] = {"kernel_size": kernel, "padding": padding, "ceil_mode": draw_rounding(draw)}
        fields["stride"] = None if draw_flag(draw) else draw_axes(draw, len(kernel), 3)
        if "dilation" in cls.__struct_fields__:
            widest = (max(1, (size - 1) // max(k - 1, 1)) for k, size in zip(kernel, x[1:], strict=True))
            fields["dilation"] = tuple(draw.randint(1, most) for most in widest)
        return cls(**fields, **cls.sampled(draw)), (x,)


def _without_the_unread(axes: list[_Axis]) -> list[_Axis]:
    """The axes without the ends that no window reads, of which ONNX's shape inference would make one more."""
    read: list[_Axis] = []
    for window, size, outputs in axes:
        unread = max(window.before + size + window.after - window.span(outputs), 0)
        shorter = replace(window, after=max(window.after - unread, 0))
        read.append((shorter, size - max(unread - window.after, 0), outputs))
    return read


def _as_far_as_read(window: Window, size: int, outputs: int) -> Pair:
    """The padding, that after the axis as long as the last window reaches."""
    return window.before, window.span(outputs) - window.before - size


def _looks_beside(axes: list[_Axis]) -> bool:
    """Whether a window can hold padding alone, or padding as long as its kernel."""
    return any(
        max(window.before, window.after) >= window.kernel or (window.dilation > 1 and _sees_nothing(*axis))
        for axis in axes
        for window in axis[:1]
    )


def _sees_nothing(window: Window, size: int, outputs: int) -> bool:
    """Whether all taps of any window fall on padding: one that begins before the axis, or ends behind it."""
    first_within = min(ceil_div(window.before, window.stride), outputs)
    first_behind = min(max((size + window.before - window.extent) // window.stride + 1, first_within), outputs)
    _afford(first_within + outputs - first_behind, "windows on padding")
    outer = chain(range(first_within), range(first_behind, outputs))
    return not all(_has_tap_within(window, size, position) for position in outer)


def _has_tap_within(window: Window, size: int, position: int) -> bool:
    start = position * window.stride - window.before
    taps_before = max(ceil_div(-start, window.dilation), 0)
    return taps_before < window.kernel and start + taps_before * window.dilation < size


def _afford(count: int, what: str) -> None:
    if not steps.afford(2 * count):
        raise NoOnnxForm(f"its {count:,} {what} take {steps.limit()}")


def _no_window(window: Window, size: int) -> str:
    return (
        f"no window of kernel_size {window.kernel}, stride {window.stride} and dilation {window.dilation} starts in an "
        f"axis of {size} padded by {window.before} and {window.after}; legal here: a smaller kernel_size"
    )


def _first_beside(window: Window) -> str:
    return (
        f"the first window spans {window.extent} positions, and {window.before} of padding stand before the input: it "
        f"would hold padding alone; legal here: 0 to {window.extent - 1} before"
    )


def _last_beside(window: Window, size: int) -> str:
    windows_within = (window.before + size - 1) // window.stride + 1  # that start in the input, or before it
    most = window.span(windows_within + 1) - 1 - window.before - size
    return (
        f"the last window starts behind the input, an axis of {size}, where {window.after} of padding stand: it would "
        f"hold padding alone; legal here: 0 to {most} after"
    )


def placed(engine: Engine, fields: Fields, x: Array, dilation: Sizes) -> tuple[Sizes, list[Pair], list[Pair]]:
    """How far the window moves, the padding, and that with what ceil_mode's last windows reach beyond it."""
    rounding = fields.ceil_mode
    stride = fields.kernel_size if fields.stride is None else fields.stride
    pads = engine.pads(fields.padding, x.shape[2:], fields.kernel_size, stride, dilation)
    if not rounding:
        return stride, pads, pads
    reached = engine.pads_for_last_windows(pads, x.shape[2:], fields.kernel_size, stride, dilation, rounding)
    read = [(before, min(after, end)) for (before, after), (_, end) in zip(pads, reached, strict=True)]
    return stride, read, reached


class Cells(PerAxis, frozen=True, kw_only=True):
    """As `PerAxis`, with null for an axis that keeps its size."""

    @property
    def expected(self) -> str:
        return f"{super().expected}, null where the axis keeps its size"

    @property
    def item(self) -> FieldType:
        return optional(Whole(self.about, minimum=self.minimum))

    def accept(self, value: Any, rank: int) -> Any:
        items = value if isinstance(value, tuple) else (value,) * rank
        numbers = super().accept(tuple(self.minimum if item is None else item for item in items), rank)
        return tuple(None if item is None else number for item, number in zip(items, numbers, strict=True))

    def thin(self, value: Any, axis: int | None) -> Any:
        return tuple(item if index == axis else None for index, item in enumerate(value))

    def schema(self) -> dict[str, Any]:
        number, listed, expression = super().schema()["anyOf"]
        items = {"anyOf": [*listed["items"]["anyOf"], {"type": "null"}]}
        return {"anyOf": [number, {"type": "null"}, {**listed, "items": items}, expression]}


CELL = 50
"""Times that a cell with an operator of its own takes what one in a window does."""


class AdaptivePool(Kind, frozen=True, kw_only=True):
    """Pooling of cells that divide each axis as evenly as can be, to a size that is given."""

    is_pool = is_map = True

    output_size: Annotated[tuple[int | None, ...], Cells("cells on each axis; null: the axis keeps its size")]

    def checks(self, x: Shape) -> Iterator[Check]:
        yield has_positions(x)

    def shape(self, x: Shape) -> Shape:
        return (x[0], *(i if o is None else o for i, o in zip(x[1:], self.output_size, strict=True)))

    def combined(self, x: Shape) -> int:
        """Elements that the cells hold together, overlaps counted once a cell."""
        held = (i + o - greatest_common_divisor(i, o) for i, o in zip(x[1:], self.shape(x)[1:], strict=True))
        return product((x[0], *held))

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        wanted = list(enumerate(zip(inputs[0][1:], self.output_size, strict=True), start=1))
        collapsed = fields[0].collapsed(axis for axis, (_, outputs) in wanted if outputs == 1)
        moved = [None if outputs in (None, size) else cells(size, outputs) for _, (size, outputs) in wanted]
        return resampled(collapsed, moved)

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        if not axis or self.output_size[axis - 1] in (None, 1):
            return self
        size, cells = inputs[0][axis], self.output_size[axis - 1]
        if size == cells:
            kept = (*self.output_size[: axis - 1], None, *self.output_size[axis:])
            return replace(self, output_size=kept)
        return StandIn(of=self, run=partial(_in_proportion, axis, size))

    def no_op(self, x: Shape) -> str:
        return "pools no axis" if set(self.output_size) == {None} else ""

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        """A pool of equal windows on the axes where the cells are that, their parts one by one on the others."""
        (x,), (shape,) = inputs, shapes
        along = {"AveragePool": "ReduceMean", "MaxPool": "ReduceMax"}[self.onnx_form]
        pairs = list(zip(shape[1:], self.shape(shape)[1:], strict=True))
        for size, outputs in pairs:
            _afford(outputs * (1 if size % outputs == 0 else CELL), "cells")
        axes = [_ranges(size, outputs) for size, outputs in pairs]
        if all(len(ranges) == 1 for ranges in axes):
            return graph.node(f"Global{self.onnx_form}", x)
        windows = [_equal(ranges) or (1, 1) for ranges in axes]
        kernel, stride = zip(*windows, strict=True)
        pooled = graph.node(self.onnx_form, x, kernel_shape=kernel, strides=stride) if set(kernel) != {1} else x
        for axis, ranges in enumerate(axes, start=2):
            if _equal(ranges) is None:
                place = graph.constant([axis])
                parts = [cut(graph, pooled, [start], [end], [axis]) for start, end in ranges]
                pooled = graph.node(
                    "Concat", *(graph.node(along, part, place, keepdims=1) for part in parts), axis=axis
                )
        return pooled

    def summary(self) -> str:
        return shown_sizes(tuple("-" if size is None else size for size in self.output_size))

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        x = draw_shape(draw, least_rank=1)
        return cls(output_size=tuple(draw.choice([None, 1, draw.randint(1, 9)]) for _ in x[1:])), (x,)


def _ranges(size: int, outputs: int) -> list[tuple[int, int]]:
    """First position of every cell, and first behind it."""
    reads = map(cells(size, outputs).sources, range(outputs))
    return [(read.start, read.stop) for read in reads]


def _equal(ranges: list[tuple[int, int]]) -> tuple[int, int] | None:
    """Length and distance of cells that are windows of one length at one distance."""
    lengths = {end - start for start, end in ranges}
    apart = {later - start for (start, _), (later, _) in pairwise(ranges)} or {1}
    return (min(lengths), min(apart)) if len(lengths) == len(apart) == 1 and apart != {0} else None


def over_cells(together: Callable[[Engine, Array, Sequence[int]], Array]) -> Callable[..., Array]:
    """The reference of a pool that takes the elements of each cell together, those along axes, which stay.

    An axis that is left as it is has cells of one position.
    """

    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
        divided = [axis for axis, outputs in enumerate(fields.output_size, start=2) if outputs is not None]
        sizes = [x.shape[axis] if axis not in divided else fields.output_size[axis - 2] for axis in range(2, x.ndim)]
        cells = [_cells_of(x.shape[axis], fields.output_size[axis - 2]) for axis in range(2, x.ndim)]
        places, parts = [], []
        for cell in combinations(*cells):
            places.append((..., *(leaving for _, leaving in cell)))
            parts.append(together(engine, x[(..., *(entering for entering, _ in cell))], divided))
        return engine.assembled((*x.shape[:2], *sizes), places, *parts)

    return staticmethod(reference)


def _cells_of(size: int, outputs: int | None) -> list[tuple[slice, slice]]:
    """The cells of an axis, each with its place among those that leave; all at once where it is not divided."""
    if outputs is None:
        return [(slice(None), slice(None))]
    return [(slice(t * size // outputs, -(-(t + 1) * size // outputs)), slice(t, t + 1)) for t in range(outputs)]


def _in_proportion(axis: int, size: int, engine: Engine, fields: Fields, weights: Arrays, x: Array) -> Array:
    """As many cells on a longer axis as keep the ratio to its `size`."""
    cells = list(fields.output_size)
    cells[axis - 1] = x.shape[axis + 1] * cells[axis - 1] // size
    longer = replace(fields, output_size=tuple(cells))
    return type(fields).reference(engine, longer, weights, x)


class GlobalPool(Kind, frozen=True, kw_only=True):
    """Pooling of all positions of a channel into one."""

    is_pool = True
    samples: ClassVar = {"keepdim": FLAG}
    least_rank = 1

    keepdim: Annotated[bool, Flag("keep each axis, with one position")] = False

    def checks(self, x: Shape) -> Iterator[Check]:
        yield has_positions(x)

    def shape(self, x: Shape) -> Shape:
        return (x[0], *((1,) * (len(x) - 1) if self.keepdim else ()))

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        field = fields[0].collapsed(range(1, len(inputs[0])))
        return field if self.keepdim else field.carrying(field.carries[:1])

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        return graph.node(self.onnx_form, *inputs, graph.constant(positions(*shapes)), keepdims=int(self.keepdim))
