"""Losses of classifiers: the logarithms of the shares that belong to the labels, weighed and taken together."""

from __future__ import annotations

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx.constants import Constant
from convcalc.imports.onnx.reading import FLOAT
from convcalc.imports.onnx.values import Call, Value, parameter, viewed


def _likelihood(call: Call) -> Value:
    batch = _batch(call)
    return _loss(call, viewed(call.builder, call.value(0), batch), batch)


def _cross_entropy(call: Call) -> list[Value]:
    value, batch = call.value(0), _batch(call)
    shares = call.layer("log_softmax", {"axis": 0 if batch == 0 else 1}, viewed(call.builder, value, batch))
    return [_loss(call, shares, batch), Value(value.shape, shares, batch, None, value.element_type)]


def _batch(call: Call) -> int | None:
    """The axis of one position that is left out of scores and labels."""
    scores, labels = call.value(0), call.value(1)
    if len(scores.shape) < 2 or labels.shape != (scores.shape[0], *scores.shape[2:]):
        raise Inexpressible(f"labels of shape {list(labels.shape)} for scores of shape {list(scores.shape)}")
    return 0 if scores.shape[0] == 1 else None


def _loss(call: Call, shares: Draft, batch: int | None) -> Value:
    """The negated logarithms at the labels; those to be ignored are 0, and weigh nothing in a mean."""
    axis, reduction = 0 if batch == 0 else 1, call.attributes.text("reduction", "mean")
    if reduction not in ("none", "sum", "mean"):
        raise Inexpressible(f"reduction {reduction}")
    wanted = (*shares.shape[:axis], 1, *shares.shape[axis + 1 :])
    labels = call.builder.reshaped(viewed(call.builder, call.value(1), None), wanted)
    picked = call.layer("gather", {"axes": (axis,), "indices": "elements"}, shares, labels)
    loss, weights = call.layer("affine", {"factor": -1.0}, picked), _weights(call, labels)
    if weights is not None:
        loss = call.layer("mul", {}, loss, weights)
    if reduction == "none":
        shape = call.value(1).shape
        return Value(shape, call.builder.reshaped(loss, shape), None, None, call.element_type)
    if weights is None or reduction == "sum":
        return Value((), _together(call, loss, reduction), None, None, call.element_type)
    shared_out = call.layer("div", {}, _together(call, loss, "sum"), _together(call, weights, "sum"))
    return Value((), shared_out, None, None, call.element_type)


def _weights(call: Call, labels: Draft) -> Draft | None:
    """What each label weighs: as its class does, and nothing where it is to be ignored; None where all weigh 1."""
    weights, ignored = None, call.attributes.get("ignore_index")
    if call.has(2):
        of_classes = viewed(call.builder, call.value(2), None)
        weights = call.layer("gather", {"axes": (0,), "indices": "slices"}, of_classes, labels)
    if not isinstance(ignored, int):
        return weights
    number = parameter(call.builder, Constant((1,), FLOAT, (float(ignored),)), (1,))
    is_ignored = call.layer("elementwise", {"operation": "equal"}, labels, number)
    if weights is None:
        return call.layer("elementwise", {"operation": "logical_not"}, is_ignored)
    nothing = parameter(call.builder, Constant((1,), FLOAT, (0.0,)), (1,))
    return call.layer("elementwise", {"operation": "where"}, is_ignored, nothing, weights)


def _together(call: Call, x: Draft, operation: str) -> Draft:
    """The sum or mean of all elements, on one axis of one position."""
    fields = {"axes": tuple(range(len(x.shape))), "operation": operation, "keepdim": True}
    return call.builder.reshaped(call.layer("reduce", fields, x), (1,))


OPERATORS = {"NegativeLogLikelihoodLoss": _likelihood, "SoftmaxCrossEntropyLoss": _cross_entropy}
