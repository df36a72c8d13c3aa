"""Norms."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from convcalc.imports.errors import Inexpressible
from convcalc.imports.openvino.document import Dimension

if TYPE_CHECKING:
    from convcalc.imports.openvino.translation import IrCall


def _batch_norm(call: IrCall) -> None:
    """Of opset 5 the tensor is in front; of opset 1 behind the scale and the shift."""
    x = 2 if call.layer.version == "opset1" else 0
    arrays = [place for place in range(5) if place != x]
    epsilon = call.real("epsilon", call.real("eps", 1e-5))
    call.leaves("BatchNormalization", call.tensor(x), *(call.learned(place) for place in arrays), epsilon=epsilon)


def _mvn(call: IrCall) -> None:
    """By the mean and the variance along axes, which are the last ones: of a constant their number is known alone.

    A scale and a shift behind it are its own where they have the sizes of these axes.
    """
    dims = call.dims()
    rank = len(dims)
    count = rank - (1 if call.flag("across_channels") else 2)
    if call.has(1):
        count = (call.shape(1) or (1,))[0]
    if not 0 < count < rank or not call.flag("normalize_variance", default=True):
        raise Inexpressible(f"the mean and the variance along {count} of {rank} axes")
    epsilon = call.real("eps", 1e-5)
    last = dims[rank - count :]
    if None in last:
        raise Inexpressible("axes of an open size")
    ones = call.filled([size or 0 for size in last], 1.0)
    call.leaves("LayerNormalization", call.tensor(), ones, axis=-count, epsilon=epsilon)


def _lrn(call: IrCall) -> None:
    """Over channels: the axes are a constant."""
    if call.has(1) and prod(call.shape(1)) > 1:
        raise Inexpressible("response norm over several axes")
    numbers: dict[str, Any] = {
        "alpha": call.real("alpha", 1e-4),
        "beta": call.real("beta", 0.75),
        "bias": call.real("bias", 1.0),
    }
    call.leaves("LRN", call.tensor(), size=call.integer("size", 1), **numbers)


def _normalize(call: IrCall) -> None:
    """By the length of the vector along one axis, of which the number is not read: that of channels."""
    if prod(call.shape(1)) > 1:
        raise Inexpressible("a length along several axes")
    dims: list[Dimension] = call.dims()
    call.leaves("LpNormalization", call.tensor(), axis=1 if len(dims) > 1 else 0, p=2)


def _group_norm(call: IrCall) -> None:
    inputs = call.tensor(), call.learned(1), call.learned(2)
    call.leaves("GroupNormalization", *inputs, num_groups=call.integer("num_groups", 1), epsilon=call.real("epsilon"))


def _rms(call: IrCall) -> None:
    weight = call.learned(2) if call.has(2) else ""
    if not weight:
        (size,) = call.dims()[-1:]
        weight = call.filled([size or 0], 1.0)
    call.leaves("RMSNormalization", call.tensor(), weight, axis=-1, epsilon=call.real("epsilon", 1e-5))


RULES = {
    "batchnorminference": _batch_norm,
    "mvn": _mvn,
    "lrn": _lrn,
    "normalizel2": _normalize,
    "groupnormalization": _group_norm,
    "rmsnorm": _rms,
    "rms": _rms,
}
