"""Layers that take several tensors together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from convcalc.imports.errors import Inexpressible
from convcalc.imports.keras.calls import LayerCall
from convcalc.imports.layouts import OrderedTensor, as_it_lies


def merged(call: LayerCall, kind: str, tensors: Sequence[OrderedTensor]) -> OrderedTensor:
    """Tensors taken together element by element."""
    if len(tensors) == 1:
        return tensors[0]
    drafts, order = call.met(tensors)
    return OrderedTensor(call.layer(kind, {}, *drafts), order)


def _several(call: LayerCall, kind: str) -> OrderedTensor:
    return merged(call, kind, call.tensors)


def _average(call: LayerCall) -> OrderedTensor:
    total = merged(call, "add", call.tensors)
    return OrderedTensor(call.layer("affine", {"factor": 1 / len(call.tensors)}, total.draft), total.order)


def joined(call: LayerCall, tensors: Sequence[OrderedTensor], axis: int) -> OrderedTensor:
    """Tensors laid end to end along an axis of the file's."""
    first = max(tensors, key=lambda tensor: (tensor.order[-1] == 0, len(tensor.order)))
    if any(len(tensor.order) != len(first.order) for tensor in tensors):
        raise Inexpressible("tensors of different numbers of axes")
    drafts, order = call.met([first, *(tensor for tensor in tensors if tensor is not first)])
    by_tensor = dict(zip((id(first), *(id(t) for t in tensors if t is not first)), drafts, strict=True))
    inputs = [by_tensor[id(tensor)] for tensor in tensors]
    return OrderedTensor(call.layer("concat", {"axis": order[axis]}, *inputs), order)


def _concatenate(call: LayerCall) -> OrderedTensor:
    stated = call.config.get("axis", "concat_axis")
    return joined(call, call.tensors, call.axis(-1 if stated is None else stated, len(call.x.order)))


def _dot(call: LayerCall) -> OrderedTensor:
    """Products along an axis of each of two tensors, of at most one other axis each."""
    if len(call.tensors) != 2 or call.lead:
        raise Inexpressible("more than two tensors")
    stated, normalised = call.config.get("axes"), call.config.flag("normalize", False)
    names = stated if isinstance(stated, list) else [stated, stated]
    drafts = []
    for place, (tensor, name) in enumerate(zip(call.tensors, names, strict=True)):
        axis, rank = call.axis(name, len(tensor.order), "axes"), len(tensor.order)
        if rank > 2:
            raise Inexpressible(f"a tensor of shape {list(tensor.shape)}")
        along_last = tensor if axis == rank - 1 else tensor.turned([1, 0])
        draft = call.in_order(along_last)
        if normalised:
            draft = call.layer("normalize", {"axis": -1}, draft)
        draft = call.builder.reshaped(draft, (draft.shape[0] if rank == 2 else 1, draft.shape[-1]), call.origins)
        drafts.append(draft if place == 0 else call.builder.layer("permute", {"axes": (1, 0)}, [draft], call.origins))
    y = call.layer("matmul", {}, *drafts)
    kept = [size for size, tensor in zip(y.shape, call.tensors, strict=True) if len(tensor.order) == 2]
    return as_it_lies(call.builder.reshaped(y, tuple(kept), call.origins))


def _scaled_residual(call: LayerCall) -> OrderedTensor:
    """A tensor plus a part of another, as Keras' own InceptionResNetV2 has it."""
    if len(call.tensors) != 2:
        raise Inexpressible(f"{len(call.tensors)} tensors enter")
    x, residual = call.tensors
    factor = call.config.number("scale", default=1.0)
    scaled = OrderedTensor(call.layer("affine", {"factor": factor}, residual.draft), residual.order)
    return merged(call, "add", [x, scaled])


_KINDS = {"Add": "add", "Subtract": "sub", "Multiply": "mul", "Maximum": "max", "Minimum": "min"}

_MODES = {"sum": "add", "mul": "mul", "max": "max"}


def _merge(call: LayerCall) -> OrderedTensor:
    """The one layer that Keras 1 had for all of them."""
    mode = call.config.text("mode", default="sum")
    if mode == "concat":
        return _concatenate(call)
    if mode == "ave":
        return _average(call)
    if mode in _MODES:
        return _several(call, _MODES[mode])
    raise Inexpressible(f"mode {mode}")


RULES = {
    **{name: partial(_several, kind=kind) for name, kind in _KINDS.items()},
    "Average": _average,
    "Concatenate": _concatenate,
    "Dot": _dot,
    "CustomScaleLayer": _scaled_residual,
    "Merge": _merge,
}
