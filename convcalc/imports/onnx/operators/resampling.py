"""Maps made larger or smaller: Resize and Upsample, depth to space and back."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Any

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx.operators.normalisations import tidy
from convcalc.imports.onnx.values import Call, Value, viewed
from convcalc.layers.upsample import COORDINATES, float32, runtime_size

_LARGEST_FACTOR = 2.0**31
_MODES = {("linear", 1): "linear", ("linear", 2): "bilinear", ("linear", 3): "trilinear", ("cubic", 2): "bicubic"}
"""What upsample calls a mode of Resize on so many axes."""

_LARGEST_DENOMINATOR = 64
"""Up to which a factor is taken for the fraction that it is nearest to: float32 has no thirds."""


def _resize(call: Call) -> Value:
    """X, roi, scales, sizes; before opset 11 X and scales alone, before 9 an attribute."""
    value = call.value(0)
    rank = len(value.shape)
    place = 2 if _is_newer(call) else 1
    axes = [axis % rank for axis in call.attributes.integers("axes") or range(rank)]
    has_sizes = place == 2 and call.has(3) and call.constant(3, "sizes").shape not in ((), (0,))
    sizes = call.numbers(3) if has_sizes else None
    factors = None if sizes is not None else _factors(call, place)
    if sizes is None and factors is None:
        raise Inexpressible("neither scales nor sizes are given")
    stated = sizes if sizes is not None else factors or []
    if len(stated) != len(axes):
        raise Inexpressible(f"{len(stated)} sizes or scales for {len(axes)} axes")
    if factors is not None and not all(0 < factor < _LARGEST_FACTOR for factor in factors):
        raise Inexpressible(f"scales of {factors}")
    exact = [Fraction(1)] * rank
    wanted = list(value.shape)
    for axis, size in zip(axes, sizes or (), strict=factors is None):
        if size < 1:
            raise Inexpressible(f"sizes of {sizes}")
        exact[axis], wanted[axis] = Fraction(size, value.shape[axis]), size
    _keep_aspect(call, value, exact, wanted, axes)
    for axis, factor in zip(axes, factors or (), strict=sizes is None):
        wanted[axis] = runtime_size(value.shape[axis], factor)
        exact[axis] = _fraction(factor, value.shape[axis], wanted[axis])
    return _resized(call, value, tuple(wanted), exact, by_factor=sizes is None)


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


def _keep_aspect(call: Call, value: Value, exact: list[Fraction], wanted: list[int], axes: list[int]) -> None:
    """One factor for all axes, where sizes are bounds (keep_aspect_ratio_policy); what it makes of each is rounded."""
    policy = call.attributes.text("keep_aspect_ratio_policy", "stretch")
    if policy == "stretch" or not call.has(3):
        return
    factor = (min if policy == "not_larger" else max)(exact[axis] for axis in axes)
    for axis in axes:
        exact[axis], wanted[axis] = factor, floor(value.shape[axis] * factor + Fraction(1, 2))


def _factors(call: Call, place: int) -> list[float] | None:
    stated = call.attributes.get("scales")
    if isinstance(stated, list) and stated:
        return [float(number) for number in stated]
    if not call.has(place) or call.constant(place, "scales").shape == (0,):
        return None
    numbers = call.constant(place, "scales").numbers
    if numbers is None:
        raise Inexpressible("scales that are computed from data, or whose numbers are not in the file")
    return [float(number) for number in numbers]


def _resized(call: Call, value: Value, wanted: tuple[int, ...], exact: list[Fraction], *, by_factor: bool) -> Value:
    if wanted == value.shape:
        return value
    batch = value.batch if value.batch is not None else 0
    if wanted[batch] != value.shape[batch]:
        raise Inexpressible(f"the batch, of {value.shape[batch]}, resized to {wanted[batch]}")
    last = wanted[1:-1] != value.shape[1:-1] and wanted[1] == value.shape[1] and wanted[-1] == value.shape[-1]
    x = viewed(call.builder, value, batch)
    sizes = [size for axis, size in enumerate(wanted) if axis != batch]
    factors = [factor for axis, factor in enumerate(exact) if axis != batch]
    first = sizes[0] != x.shape[0]
    channels_last = first and sizes[-1] == x.shape[-1] and not last
    if first and not channels_last:
        raise Inexpressible("channels that are resized")
    if channels_last:  # channels behind the positions, as TensorFlow has them
        x = call.layer("permute", {"axes": (len(sizes) - 1, *range(len(sizes) - 1))}, x)
        sizes, factors = [sizes[-1], *sizes[:-1]], [factors[-1], *factors[:-1]]
    y = call.layer("upsample", _fields(call, x, sizes[1:], factors[1:], by_factor=by_factor), x)
    if channels_last:
        y = call.layer("permute", {"axes": (*range(1, len(sizes)), 0)}, y)
    return call.out(y, batch)


def _fields(call: Call, x: Draft, sizes: list[int], factors: list[Fraction], *, by_factor: bool) -> dict[str, Any]:
    """The fields of upsample: by factor where factors are whole, or where the sizes alone would not tell them."""
    word = call.attributes.text("mode", "nearest")
    mode = "nearest" if word == "nearest" else _MODES.get((word, len(sizes)))
    if mode is None:
        raise Inexpressible(f"mode {word} on {len(sizes)} axes")
    triples = list(zip(x.shape[1:], factors, sizes, strict=True))
    exact = all(size * factor == outputs for size, factor, outputs in triples)
    fields: dict[str, Any] = {"mode": mode, **_reading(call, mode, sizes, factors, exact=exact)}
    if by_factor and exact and all(factor.denominator == 1 for factor in factors):
        fields["scale_factor"] = tuple(map(int, factors))
    elif exact or "align_corners" in (fields.get("coordinate_transformation_mode"), *fields):
        fields["size"] = tuple(sizes)
    elif all(floor(size * factor) == outputs for size, factor, outputs in triples):
        fields["scale_factor"] = tuple(factors)
    else:
        raise Inexpressible(f"sizes of one aspect ratio that are rounded up: {list(x.shape[1:])} made {sizes}")
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


def _depth_to_space(call: Call) -> Value:
    x, factor = call.map(), call.attributes.integer("blocksize", 1)
    if call.attributes.text("mode", "DCR") != "CRD":  # the places in a block are before the channels
        channels, parts = x.shape[0], factor ** (len(x.shape) - 1)
        if not parts or channels % parts:
            raise Inexpressible(f"{channels} channels in blocks of {factor}")
        x = _interchanged(call, x, parts, channels // parts)
    return call.out(call.layer("pixel_shuffle", {"upscale_factor": factor}, x))


def _space_to_depth(call: Call) -> Value:
    x, factor = call.map(), call.attributes.integer("blocksize", 1)
    channels, parts = x.shape[0], factor ** (len(x.shape) - 1)
    laid = call.layer("pixel_unshuffle", {"downscale_factor": factor}, x)
    return call.out(laid if channels == 1 else _interchanged(call, laid, channels, parts))


def _interchanged(call: Call, x: Draft, outer: int, inner: int) -> Draft:
    """Channels that are `outer` groups of `inner`, as `inner` groups of `outer`."""
    apart = call.builder.reshaped(x, (outer, inner, *x.shape[1:]))
    turned = call.layer("permute", {"axes": (1, 0, *range(2, len(apart.shape)))}, apart)
    return call.builder.reshaped(turned, x.shape)


OPERATORS = {
    "Resize": _resize,
    "Upsample": _resize,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
}
