"""What takes axes together: means, sums, the largest and where it is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from convcalc.imports.errors import Inexpressible

if TYPE_CHECKING:
    from convcalc.imports.torch_export.translation import TorchCall


def _axes(given: TorchCall) -> list[int]:
    rank = given.rank(given.x)
    stated = given.integers("dim")
    return sorted({axis % max(rank, 1) for axis in stated}) if stated else list(range(rank))


def _reduce(given: TorchCall, op: str) -> None:
    axes = given.constant(_axes(given))
    given.leaves(op, given.x, axes, keepdims=int(given.flag("keepdim")))


def _norm(given: TorchCall) -> None:
    order = given.argument("ord", given.argument("p", 2))
    op = {1.0: "ReduceL1", 2.0: "ReduceL2"}.get(float(order)) if isinstance(order, int | float) else None
    if op is None:
        raise Inexpressible(f"a norm of order {order}")
    _reduce(given, op)


def _variance(given: TorchCall, *, rooted: bool = False, beside: str = "") -> None:
    """The mean of squared distances from the mean, or of as many less one; with the mean itself beside it."""
    x, axes = given.x, _axes(given)
    correction = given.argument("correction", 1)
    if given.argument("unbiased") is not None:
        correction = int(given.flag("unbiased"))
    count = 1
    for axis in axes:
        count *= given.shape(x)[axis]
    mean = given.node("ReduceMean", x, given.constant(axes), keepdims=1)
    difference = given.node("Sub", x, mean)
    squares = given.node("Mul", difference, difference)
    keepdims = int(given.flag("keepdim"))
    y = given.node("ReduceMean", squares, given.constant(axes), keepdims=keepdims)
    if correction:
        y = given.node("Mul", y, given.scalar(count / max(count - float(correction), 1.0)))
    given.leaves("Sqrt" if rooted else "Identity", y)
    if beside and len(given.operation.outputs) > 1 and given.operation.outputs[1]:
        flat = mean if keepdims else given.node("Squeeze", mean, given.constant(axes))
        given.node("Identity", flat, out=given.operation.outputs[1])


def _place(given: TorchCall, op: str) -> None:
    x, keep = given.x, int(given.flag("keepdim"))
    if given.argument("dim") is None:
        flat = given.node("Reshape", x, given.constant([-1]))
        given.leaves(op, flat, axis=0, keepdims=keep)
        return
    given.leaves(op, x, axis=given.axis("dim", x), keepdims=keep)


def _largest(given: TorchCall, op: str, place: str) -> None:
    """The largest of all, or along an axis, with where it is."""
    if given.argument("dim") is None:
        _reduce(given, op)
        return
    axis, keep = given.axis("dim", given.x), int(given.flag("keepdim"))
    given.leaves(op, given.x, given.constant([axis]), keepdims=keep)
    places = given.operation.outputs[1:2]
    if places and places[0] and given.translation.is_read(places[0]):
        given.node(place, given.x, out=places[0], axis=axis, keepdims=keep)


def _cumulated(given: TorchCall, op: str) -> None:
    axis = given.axis("dim", given.x)
    given.leaves(op, given.x, given.constant([axis], ()))


def _top_k(given: TorchCall) -> None:
    x = given.x
    outputs = [name or "" for name in given.operation.outputs]
    k = given.constant([given.integer("k", 1)])
    axis = given.axis("dim", x, -1)
    given.nodes("TopK", [x, k], outputs, axis=axis, largest=int(given.flag("largest", True)))


def _sorted(given: TorchCall) -> None:
    x, axis = given.x, given.axis("dim", given.x, -1)
    outputs = [name or "" for name in given.operation.outputs]
    k = given.constant([given.shape(x)[axis]])
    given.nodes("TopK", [x, k], outputs, axis=axis, largest=int(given.flag("descending")))


RULES = {
    "mean": partial(_reduce, op="ReduceMean"),
    "sum": partial(_reduce, op="ReduceSum"),
    "prod": partial(_reduce, op="ReduceProd"),
    "amax": partial(_reduce, op="ReduceMax"),
    "amin": partial(_reduce, op="ReduceMin"),
    "any": partial(_reduce, op="ReduceMax"),
    "all": partial(_reduce, op="ReduceMin"),
    "logsumexp": partial(_reduce, op="ReduceLogSumExp"),
    **dict.fromkeys(("linalg_vector_norm", "norm", "frobenius_norm"), _norm),
    "var": _variance,
    "var_mean": partial(_variance, beside="mean"),
    "std": partial(_variance, rooted=True),
    "std_mean": partial(_variance, rooted=True, beside="mean"),
    "argmax": partial(_place, op="ArgMax"),
    "argmin": partial(_place, op="ArgMin"),
    "max": partial(_largest, op="ReduceMax", place="ArgMax"),
    "min": partial(_largest, op="ReduceMin", place="ArgMin"),
    "cumsum": partial(_cumulated, op="CumSum"),
    "cumprod": partial(_cumulated, op="CumProd"),
    "topk": _top_k,
    "sort": _sorted,
}
