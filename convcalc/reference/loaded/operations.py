"""What exporters and optimisers do to weights before a layer uses them, as functions of NumPy arrays.

They have ONNX's names and attributes, but for those that only move elements. A file whose constants nobody folded has
the scale of a normalisation worked out of its variance, halves of a matrix laid end to end, or weights of 8 bits with
a scale for each output. What is not here is refused by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from convcalc.layers import Array
from convcalc.layers._elements import error_function

Settings = Mapping[str, Any]
Operation = Callable[..., Array]


def _expanded(shape: Sequence[int], _: Settings, x: Array) -> Array:
    return np.broadcast_to(x, shape)


def _sliced(shape: Sequence[int], settings: Settings, x: Array) -> Array:
    bounds = settings["bounds"]
    cuts = []
    for start, count, step in zip(bounds[::3], bounds[1::3], bounds[2::3], strict=True):
        end = start + count * step
        cuts.append(slice(start, end if end >= 0 else None, step) if count else slice(0, 0))
    return x[tuple(cuts)]


def _gathered(shape: Sequence[int], settings: Settings, x: Array, indices: Array) -> Array:
    return np.take(x, indices.astype(np.int64), axis=settings["axis"]).reshape(shape)


def _table(shape: Sequence[int], _: Settings, x: Array) -> Array:
    """The rows that a table was written out of, in the order in which they first are there."""
    pairs = x.reshape(shape[1], -1)
    first = np.unique(pairs, axis=1, return_index=True)[1]
    return pairs[:, np.sort(first)].T


def _counted(shape: Sequence[int], _: Settings, start: Array, step: Array) -> Array:
    return start.reshape(()) + step.reshape(()) * np.arange(shape[0])


_CAST: dict[int, str] = {
    1: "f4", 2: "u1", 3: "i1", 4: "u2", 5: "i2", 6: "i4", 7: "i8", 9: "?", 10: "f2", 11: "f8", 12: "u4", 13: "u8",
    16: "f4",
}  # fmt: skip


def _cast(_: Sequence[int], settings: Settings, x: Array) -> Array:
    return x.astype(_CAST[settings["to"]])


def _scaled_back(_: Sequence[int], settings: Settings, x: Array, scale: Array, zero: Array | None = None) -> Array:
    """DequantizeLinear: by one scale, or one for each place or block of places along an axis."""
    scale, zero = (_along(x, array, settings) for array in (scale, zero))
    assert scale is not None  # noqa: S101  # for the type checker
    real = scale.dtype
    numbers = x.astype(np.int64 if x.dtype.kind in "iu" else real)
    return (numbers if zero is None else numbers - zero.astype(numbers.dtype)).astype(real) * scale


def _along(x: Array, array: Array | None, settings: Settings) -> Array | None:
    """Scales or zero points laid along an axis of what they are for."""
    if array is None or array.size == 1:
        return None if array is None else array.reshape(())
    axis, block = settings.get("axis", 1) % x.ndim, settings.get("block_size", 0)
    if block:
        repeated = np.repeat(array, block, axis=axis)
        return repeated[tuple(map(slice, x.shape))]
    return array.reshape([array.size if place == axis else 1 for place in range(x.ndim)])


def _quantised(_: Sequence[int], settings: Settings, x: Array, scale: Array, zero: Array | None = None) -> Array:
    factor, shift = _along(x, scale, settings), _along(x, zero, settings)
    assert factor is not None  # noqa: S101  # for the type checker
    dtype = np.dtype(np.uint8) if zero is None else zero.dtype
    bounds = np.iinfo(dtype)
    rounded = np.rint(x / factor) + (0 if shift is None else shift.astype(np.float64))
    return np.clip(rounded, bounds.min, bounds.max).astype(dtype)


def _clipped(
    _: Sequence[int], settings: Settings, x: Array, low: Array | None = None, high: Array | None = None
) -> Any:
    bounds = [settings.get(name) if bound is None else bound for name, bound in (("min", low), ("max", high))]
    return x if bounds == [None, None] else np.clip(x, *bounds)


def _gather_elements(_: Sequence[int], settings: Settings, x: Array, indices: Array) -> Array:
    axis = settings.get("axis", 0)
    return np.take_along_axis(x, indices.astype(np.int64), axis)


def _gather_nd(_: Sequence[int], settings: Settings, x: Array, indices: Array) -> Array:
    beside = settings.get("batch_dims", 0)
    if not beside:
        return x[tuple(np.moveaxis(indices.astype(np.int64), -1, 0))]
    front = x.shape[:beside]
    flat, places = x.reshape(-1, *x.shape[beside:]), indices.reshape(-1, *indices.shape[beside:]).astype(np.int64)
    taken = np.stack([part[tuple(np.moveaxis(at, -1, 0))] for part, at in zip(flat, places, strict=True)])
    return taken.reshape(*front, *taken.shape[1:])


def _scatter_nd(_: Sequence[int], settings: Settings, x: Array, indices: Array, updates: Array) -> Array:
    y, places = x.copy(), tuple(np.moveaxis(indices.astype(np.int64), -1, 0))
    _combined(y, places, updates, settings)
    return y


def _scatter_elements(_: Sequence[int], settings: Settings, x: Array, indices: Array, updates: Array) -> Array:
    y, axis = x.copy(), settings.get("axis", 0) % x.ndim
    places = list(np.indices(indices.shape))
    places[axis] = indices.astype(np.int64)
    _combined(y, tuple(places), updates, settings)
    return y


def _combined(y: Array, places: tuple[Array, ...], updates: Array, settings: Settings) -> None:
    work: Any = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}.get(
        settings.get("reduction", "none")
    )
    if work is None:
        y[places] = updates
    else:
        work.at(y, places, updates)


def _padded(
    shape: Sequence[int], settings: Settings, x: Array, pads: Array | None = None, *more: Array | None
) -> Array:
    stated = settings.get("pads", settings.get("paddings", ())) if pads is None else pads.tolist()
    axes = more[1].astype(np.int64).tolist() if len(more) > 1 and more[1] is not None else range(x.ndim)
    widths = [(0, 0)] * x.ndim
    for place, axis in enumerate(axes):
        widths[axis] = (int(stated[place]), int(stated[place + len(stated) // 2]))
    cut = tuple(
        slice(-min(before, 0), size + min(after, 0)) for (before, after), size in zip(widths, x.shape, strict=True)
    )
    grown = [(max(before, 0), max(after, 0)) for before, after in widths]
    fill = settings.get("value", 0) if not more or more[0] is None else more[0].reshape(())[()]
    mode = settings.get("mode", "constant")
    return np.pad(x[cut], grown, constant_values=fill) if mode == "constant" else np.pad(x[cut], grown, mode=mode)


def _averaged(_: Sequence[int], settings: Settings, x: Array) -> Array:
    """AveragePool without padding, by which exporters count how many places of a window lie within a map."""
    kernel = settings["kernel_shape"]
    axes = tuple(range(x.ndim - len(kernel), x.ndim))
    if any(settings.get("pads", ())) or settings.get("ceil_mode") or any(d != 1 for d in settings.get("dilations", ())):
        raise ValueError("padded, dilated or rounded up")
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel, axes)
    strides = settings.get("strides", (1,) * len(kernel))
    cut: Any = (..., *(slice(None, None, stride) for stride in strides), *(slice(None) for _ in kernel))
    return np.asarray(windows[cut].mean(tuple(range(-len(kernel), 0)), dtype=np.float64)).astype(x.dtype)


def _triangle(_: Sequence[int], settings: Settings, x: Array, shift: Array | None = None) -> Array:
    diagonal = 0 if shift is None else int(shift.reshape(()))
    return np.triu(x, diagonal) if settings.get("upper", 1) else np.tril(x, diagonal)


def _cumulated(_: Sequence[int], settings: Settings, x: Array, axis: Array) -> Array:
    along = int(axis.reshape(()))
    turned = np.flip(x, along) if settings.get("reverse") else x
    sums = np.cumsum(turned, along, dtype=x.dtype)
    sums = sums - turned if settings.get("exclusive") else sums
    return np.flip(sums, along) if settings.get("reverse") else sums


def _gemm(shape: Sequence[int], settings: Settings, a: Array, b: Array, c: Array | None = None) -> Array:
    left, right = (x.T if settings.get(flag) else x for x, flag in ((a, "transA"), (b, "transB")))
    product = settings.get("alpha", 1.0) * (left @ right)
    return np.broadcast_to(product if c is None else product + settings.get("beta", 1.0) * c, shape).astype(a.dtype)


def _einsum(_: Sequence[int], settings: Settings, *operands: Array) -> Array:
    result: Array = np.einsum(settings["equation"].replace(" ", ""), *operands)
    return result


def _where(_: Sequence[int], __: Settings, condition: Array, a: Array, b: Array) -> Array:
    return np.where(condition.astype(bool), a, b)


def _modulo(_: Sequence[int], settings: Settings, a: Array, b: Array) -> Array:
    return np.fmod(a, b) if settings.get("fmod") else np.mod(a, b)


def _divided(_: Sequence[int], __: Settings, a: Array, b: Array) -> Array:
    if a.dtype.kind in "iu":
        quotients = np.abs(a) // np.abs(b) * np.where((a < 0) == (b < 0), 1, -1)
        return quotients.astype(a.dtype)
    return a / b


def _erf(x: Array) -> Array:
    return error_function(np, x)


def _gelu(_: Sequence[int], settings: Settings, x: Array) -> Array:
    if settings.get("approximate", "none") == "tanh":
        return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return x / 2 * (1 + _erf(x / math.sqrt(2)))


def _softmax(_: Sequence[int], settings: Settings, x: Array) -> Array:
    axis = settings.get("axis", -1)
    powers = np.exp(x - x.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


def _plain(function: Callable[..., Any]) -> Operation:
    """A function that needs neither shape nor settings; what it makes of floats stays in their type."""

    def operation(_: Sequence[int], __: Settings, *arrays: Array) -> Array:
        result = np.asarray(function(*arrays))
        is_real = result.dtype.kind == "f" and arrays[0].dtype.kind == "f"
        return result.astype(np.result_type(*arrays), copy=False) if is_real else result

    return operation


def _over(function: Callable[..., Any]) -> Operation:
    """Of what lies along axes, in double precision as sums of many numbers need it."""

    def operation(shape: Sequence[int], settings: Settings, x: Array, *_: Array | None) -> Array:
        numbers = x.astype(np.float64) if x.dtype.kind == "f" else x
        return np.asarray(function(numbers, tuple(settings["axes"]))).astype(x.dtype).reshape(shape)

    return operation


def _log_of_sum(x: Array, axes: tuple[int, ...]) -> Array:
    most = x.max(axes, keepdims=True)
    return np.log(np.exp(x - most).sum(axes)) + most.squeeze(axes)


def _folded(function: Callable[[Array, Array], Array]) -> Callable[..., Array]:
    """A function of two for any number of arrays."""

    def of_many(first: Array, *others: Array) -> Array:
        for other in others:
            first = function(first, other)
        return first

    return of_many


OPERATIONS: dict[str, Operation] = {
    "reshaped": lambda shape, _, x: x.reshape(shape),
    "transposed": lambda _, settings, x: x.transpose(settings["order"]),
    "expanded": _expanded,
    "tiled": lambda _, settings, x: np.tile(x, settings["times"]),
    "sliced": _sliced,
    "gathered": _gathered,
    "joined": lambda _, settings, *parts: np.concatenate(parts, settings["axis"]),
    "counted": _counted,
    "table": _table,
    "Cast": _cast,
    "DequantizeLinear": _scaled_back,
    "com.microsoft.DequantizeLinear": _scaled_back,
    "QuantizeLinear": _quantised,
    "com.microsoft.QuantizeLinear": _quantised,
    "Clip": _clipped,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "ScatterND": _scatter_nd,
    "ScatterElements": _scatter_elements,
    "Scatter": _scatter_elements,
    "Pad": _padded,
    "AveragePool": _averaged,
    "Trilu": _triangle,
    "CumSum": _cumulated,
    "MatMul": _plain(np.matmul),
    "Gemm": _gemm,
    "Einsum": _einsum,
    "Where": _where,
    "Mod": _modulo,
    "Div": _divided,
    "Gelu": _gelu,
    "Softmax": _softmax,
    "LeakyRelu": lambda _, settings, x: np.where(x >= 0, x, settings.get("alpha", 0.01) * x).astype(x.dtype),
    "Add": _plain(np.add),
    "Sub": _plain(np.subtract),
    "Mul": _plain(np.multiply),
    "Pow": _plain(np.power),
    "Min": _plain(_folded(np.minimum)),
    "Max": _plain(_folded(np.maximum)),
    "Sum": _plain(_folded(np.add)),
    "Mean": _plain(lambda *arrays: sum(arrays) / len(arrays)),
    "Equal": _plain(np.equal),
    "Greater": _plain(np.greater),
    "GreaterOrEqual": _plain(np.greater_equal),
    "Less": _plain(np.less),
    "LessOrEqual": _plain(np.less_equal),
    "And": _plain(np.logical_and),
    "Or": _plain(np.logical_or),
    "Xor": _plain(np.logical_xor),
    "Not": _plain(np.logical_not),
    "IsNaN": _plain(np.isnan),
    "Neg": _plain(np.negative),
    "Abs": _plain(np.abs),
    "Floor": _plain(np.floor),
    "Ceil": _plain(np.ceil),
    "Round": _plain(np.rint),
    "Sqrt": _plain(np.sqrt),
    "Exp": _plain(np.exp),
    "Log": _plain(np.log),
    "Reciprocal": _plain(np.reciprocal),
    "Sign": _plain(np.sign),
    "Sigmoid": _plain(lambda x: 1 / (1 + np.exp(-x))),
    "Tanh": _plain(np.tanh),
    "Erf": _plain(_erf),
    "Sin": _plain(np.sin),
    "Cos": _plain(np.cos),
    "Relu": _plain(lambda x: np.maximum(x, 0)),
    "Softplus": _plain(lambda x: np.logaddexp(x, 0)),
    "PRelu": _plain(lambda x, slope: np.where(x >= 0, x, slope * x)),
    "ReduceProd": _over(np.prod),
    "ReduceSum": _over(np.sum),
    "ReduceMax": _over(np.max),
    "ReduceMin": _over(np.min),
    "ReduceMean": _over(np.mean),
    "ReduceL1": _over(lambda x, axes: np.abs(x).sum(axes)),
    "ReduceL2": _over(lambda x, axes: np.sqrt((x * x).sum(axes))),
    "ReduceSumSquare": _over(lambda x, axes: (x * x).sum(axes)),
    "ReduceLogSum": _over(lambda x, axes: np.log(x.sum(axes))),
    "ReduceLogSumExp": _over(_log_of_sum),
}
"""What each operation makes of arrays: the shape that it leaves, its settings, and what enters it."""
