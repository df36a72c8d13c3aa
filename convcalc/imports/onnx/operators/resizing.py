"""Maps made larger or smaller: Resize and Upsample."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import floor, prod
from typing import Any

import msgspec

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx.cropped_resizing import cropped, is_cropped
from convcalc.imports.onnx.values import Call, Value, from_front, viewed
from convcalc.imports.written_numbers import tidy
from convcalc.layers.upsample import COORDINATES, float32, runtime_size

_LARGEST_FACTOR = 2.0**31
_MODES = {("linear", 1): "linear", ("linear", 2): "bilinear", ("linear", 3): "trilinear", ("cubic", 2): "bicubic"}
"""What upsample calls a mode of Resize on so many axes."""

_LARGEST_DENOMINATOR = 64
"""Up to which a factor is taken for the fraction that it is nearest to: float32 has no thirds."""


class _Resizing(msgspec.Struct, frozen=True):
    """What becomes of every axis: its size, and the factor that places are worked out with.

    `by_factor`: the file gives factors, not sizes. `axes` are those it names.
    """

    sizes: tuple[int, ...]
    factors: tuple[Fraction, ...]
    axes: tuple[int, ...]
    by_factor: bool


def _resize(call: Call) -> Value:
    """X, roi, scales, sizes; before opset 11 X and scales alone, before 9 an attribute."""
    value = call.value(0)
    resizing = _resizing(call, value)
    if is_cropped(call):
        return cropped(call, value, resizing.sizes, resizing.axes)
    return value if resizing.sizes == value.shape else _resized(call, value, resizing)


def _resizing(call: Call, value: Value) -> _Resizing:
    rank = len(value.shape)
    axes = tuple(from_front(axis, rank) for axis in call.attributes.integers("axes") or range(rank))
    if _is_computed(call):
        declared = call.declared_beside(value, "sizes or scales")
        if len(declared) != rank:
            raise Inexpressible(f"a shape {list(declared)} in the file, of what has {rank} axes")
        factors = tuple(Fraction(size, own) for size, own in zip(declared, value.shape, strict=True))
        return _Resizing(declared, factors, axes, by_factor=False)
    sizes, scales = _stated(call, axes)
    exact = [Fraction(1)] * rank
    wanted = list(value.shape)
    for axis, size in zip(axes, sizes or (), strict=scales is None):
        exact[axis], wanted[axis] = Fraction(size, value.shape[axis]), size
    _keep_aspect(call, value, exact, wanted, axes)
    for axis, factor in zip(axes, scales or (), strict=sizes is None):
        wanted[axis] = runtime_size(value.shape[axis], factor)
        exact[axis] = _fraction(factor, value.shape[axis], wanted[axis])
    return _Resizing(tuple(wanted), tuple(exact), axes, by_factor=sizes is None)


def _is_computed(call: Call) -> bool:
    """Whether sizes or scales come from another layer, or are fed from outside."""
    places = (2, 3) if _is_newer(call) else (1,)
    return any(call.has(place) and call.value(place).constant is None for place in places)


def _stated(call: Call, axes: Sequence[int]) -> tuple[list[int] | None, list[float] | None]:
    """The sizes, or else the scales, that the file gives for these axes."""
    place = 2 if _is_newer(call) else 1
    has_sizes = place == 2 and call.has(3) and call.constant(3, "sizes").shape not in ((), (0,))
    sizes = call.numbers(3) if has_sizes else None
    scales = None if sizes is not None else _scales(call, place)
    stated = sizes if sizes is not None else scales
    if stated is None:
        raise Inexpressible("neither scales nor sizes are given")
    if len(stated) != len(axes):
        raise Inexpressible(f"{len(stated)} sizes or scales for {len(axes)} axes")
    if sizes is not None and min(sizes) < 1:
        raise Inexpressible(f"sizes of {sizes}")
    if scales is not None and not all(0 < factor < _LARGEST_FACTOR for factor in scales):
        raise Inexpressible(f"scales of {scales}")
    return sizes, scales


def _is_newer(call: Call) -> bool:
    """Whether it is the operator of opset 11 and later, with coordinates and roundings of its own choice."""
    return call.opset >= 11 and call.node.op == "Resize"


def _fraction(factor: float, size: int, outputs: int) -> Fraction:
    """The factor that was meant: a small fraction or short decimal that is it in float32, and gives the outputs."""
    decimals = (Fraction(f"{factor:.{digits}g}") for digits in range(1, 10))
    for meant in (Fraction(factor).limit_denominator(_LARGEST_DENOMINATOR), *decimals):
        if float32(float(meant)) == factor and floor(size * meant) == outputs:
            return meant
    return Fraction(outputs, size)


def _keep_aspect(call: Call, value: Value, exact: list[Fraction], wanted: list[int], axes: Sequence[int]) -> None:
    """One factor for all axes, where sizes are bounds (keep_aspect_ratio_policy); what it makes of each is rounded."""
    policy = call.attributes.text("keep_aspect_ratio_policy", "stretch")
    if policy == "stretch" or not call.has(3):
        return
    factor = (min if policy == "not_larger" else max)(exact[axis] for axis in axes)
    for axis in axes:
        exact[axis], wanted[axis] = factor, floor(value.shape[axis] * factor + Fraction(1, 2))


def _scales(call: Call, place: int) -> list[float] | None:
    stated = call.attributes.get("scales")
    if isinstance(stated, list) and stated:
        return [float(number) for number in stated]
    if not call.has(place) or call.constant(place, "scales").shape == (0,):
        return None
    numbers = call.constant(place, "scales").numbers
    if numbers is None:
        raise Inexpressible("scales that are computed from data, or whose numbers are not in the file")
    return [float(number) for number in numbers]


def _resized(call: Call, value: Value, resizing: _Resizing) -> Value:
    batch: int | None = value.batch if value.batch is not None else 0
    if resizing.sizes[batch or 0] != 1 or value.shape[batch or 0] != 1:
        batch = None
    axes = [axis for axis in range(len(value.shape)) if axis != batch]
    positions = _positions(call, resizing, value.shape, axes)
    others = [axis for axis in axes if axis not in positions]
    x, order = viewed(call.builder, value, batch), [axes.index(axis) for axis in (*others, *positions)]
    moved = order != sorted(order)
    if moved:
        x = call.layer("permute", {"axes": tuple(order)}, x)
    channels = prod(value.shape[axis] for axis in others)
    flat = call.builder.reshaped(x, (channels, *(value.shape[axis] for axis in positions)))
    sizes, factors = [resizing.sizes[axis] for axis in positions], [resizing.factors[axis] for axis in positions]
    y = call.layer("upsample", _fields(call, flat, sizes, factors, by_factor=resizing.by_factor), flat)
    y = call.builder.reshaped(y, (*(value.shape[axis] for axis in others), *sizes))
    if moved:
        y = call.layer("permute", {"axes": tuple(order.index(axis) for axis in range(len(order)))}, y)
    return call.out(y, batch)


def _positions(call: Call, resizing: _Resizing, shape: tuple[int, ...], axes: list[int]) -> list[int]:
    """The axes that are resized together, of which some may keep their size.

    They are those behind the channels, or before channels that are last as TensorFlow has them. Where others are
    resized, or more than a mode is for, they are those that change alone.
    """
    changed = [axis for axis in axes if resizing.sizes[axis] != shape[axis]]
    behind, before = axes[1:], axes[:-1]
    for positions in (behind, before):
        known = _mode(call, len(positions)) is not None
        if known and len(axes) < len(shape) and set(changed) <= set(positions):
            return positions
    return changed


def _mode(call: Call, axes: int) -> str | None:
    """What upsample calls the mode on so many axes, if it has it."""
    word = call.attributes.text("mode", "nearest")
    return "nearest" if word == "nearest" and axes else _MODES.get((word, axes))


def _fields(call: Call, x: Draft, sizes: list[int], factors: list[Fraction], *, by_factor: bool) -> dict[str, Any]:
    """The fields of upsample: by factor where factors are whole, or where the sizes alone would not tell them."""
    mode = _mode(call, len(sizes))
    if mode is None:
        raise Inexpressible(f"mode {call.attributes.text('mode')} on {len(sizes)} axes")
    triples = list(zip(x.shape[1:], factors, sizes, strict=True))
    exact = all(size * factor == outputs for size, factor, outputs in triples)
    fields: dict[str, Any] = {"mode": mode, **_reading(call, mode, sizes, factors, exact=exact)}
    if by_factor and exact and all(factor.denominator == 1 for factor in factors):
        fields["scale_factor"] = tuple(map(int, factors))
    elif exact or "align_corners" in (fields.get("coordinate_transformation_mode"), *fields):
        fields["size"] = tuple(sizes)
    elif all(floor(size * factor) == outputs for size, factor, outputs in triples):
        fields["scale_factor"] = tuple(factors)
    else:  # one factor for axes of which some are rounded up
        fields |= {"scale_factor": tuple(factors), "size": tuple(sizes)}
    return fields


def _reading(call: Call, mode: str, sizes: list[int], factors: list[Fraction], *, exact: bool) -> dict[str, Any]:
    """Which positions are read, and how they are weighed. `exact`: the factors are those of the sizes."""
    coordinates, rounding = _coordinates(call, factors)
    if coordinates == "pytorch_half_pixel" and 1 not in sizes:
        coordinates = "half_pixel"
    if coordinates == "half_pixel_symmetric" and exact:
        coordinates = "half_pixel"
    if mode == "nearest":
        if coordinates == "half_pixel" and rounding.startswith("round_") and all(f.denominator == 1 for f in factors):
            # (o + 1/2) / s - 1/2 is never halfway between two positions, and rounds to floor(o / s).
            coordinates, rounding = "asymmetric", "floor"
        return {
            "coordinate_transformation_mode": None if coordinates == "asymmetric" else coordinates,
            "nearest_mode": rounding,
        }
    antialias, cubic = call.flag("antialias"), mode == "bicubic"
    fields = {
        "antialias": antialias,
        "exclude_outside": (antialias or cubic) and call.flag("exclude_outside"),
        "cubic_coeff_a": tidy(call.attributes.real("cubic_coeff_a", -0.75)) if cubic else -0.75,
    }
    if coordinates == "align_corners":
        return fields | {"align_corners": True}
    return fields | {"coordinate_transformation_mode": None if coordinates == "half_pixel" else coordinates}


def _coordinates(call: Call, factors: list[Fraction]) -> tuple[str, str]:
    """Where output positions lie, and how nearest rounds that."""
    if not _is_newer(call):
        roundings = {"ceil" if factor < 1 else "floor" for factor in factors if factor != 1}
        if len(roundings) > 1 and call.attributes.text("mode", "nearest") == "nearest":
            raise Inexpressible("one axis made larger and another smaller, which opset 10 rounds in two ways")
        return "asymmetric", (*roundings, "floor")[0]
    coordinates = call.attributes.text("coordinate_transformation_mode", "half_pixel")
    rounding = call.attributes.text("nearest_mode", "round_prefer_floor")
    if coordinates == "tf_half_pixel_for_nn":  # half a position further on, which the rounding may take back
        behind = {"floor": "round_prefer_ceil", "round_prefer_floor": "ceil"}
        if call.attributes.text("mode", "nearest") != "nearest" or rounding not in behind:
            raise Inexpressible(f"coordinates {coordinates} that are rounded by {rounding}")
        return "half_pixel", behind[rounding]
    if coordinates not in COORDINATES:
        raise Inexpressible(f"coordinates {coordinates}; legal here: {', '.join(COORDINATES)}, tf_half_pixel_for_nn")
    return coordinates, rounding


OPERATORS = {
    "Resize": _resize,
    "Upsample": _resize,
}
