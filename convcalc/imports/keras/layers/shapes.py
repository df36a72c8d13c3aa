"""What moves or drops elements: padding, cropping, resizing, reshapes, and layers that do nothing at inference."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

from convcalc.imports.errors import CannotImport, Inexpressible
from convcalc.imports.keras.calls import LayerCall
from convcalc.imports.layouts import OrderedTensor, as_it_lies, as_map


def _pad(call: LayerCall, rank: int) -> OrderedTensor:
    pairs = call.over_lead(call.config.pairs("padding", rank, 1), (0, 0))
    return call.from_map(call.layer("pad", {"padding": pairs}, call.map(rank=rank)))


def _crop(call: LayerCall, rank: int) -> OrderedTensor:
    pairs = call.over_lead(call.config.pairs("cropping", rank, 1 if rank != 2 else 0), (0, 0))
    return call.from_map(call.layer("crop", {"cropping": pairs}, call.map(rank=rank)))


_MODES = {"nearest": "nearest", "bilinear": "linear", "bicubic": "bicubic"}


def _upsample(call: LayerCall, rank: int) -> OrderedTensor:
    factors = call.config.sizes("size", "length", rank=rank, default=2)
    word = call.config.text("interpolation", default="nearest").lower()
    if word not in _MODES:
        raise Inexpressible(f"interpolation {word}")
    mode = "bilinear" if word == "bilinear" and not call.lead else _MODES[word]
    fields = {"scale_factor": call.over_lead(factors, 1), "mode": mode}
    return call.from_map(call.layer("upsample", fields, call.map(rank=rank)))


def _resizing(call: LayerCall) -> OrderedTensor:
    size = (call.config.whole("height"), call.config.whole("width"))
    word = call.config.text("interpolation", default="bilinear").lower()
    x = call.map(rank=2)
    keeps_ratio = call.config.flag("crop_to_aspect_ratio", False) or call.config.flag("pad_to_aspect_ratio", False)
    if call.lead or (keeps_ratio and x.shape[1] * size[1] != x.shape[2] * size[0]):
        raise Inexpressible("what is resized is cut or padded to its new shape, or comes from each of several places")
    if word not in _MODES:
        return call.from_map(call.builder.unknown((x.shape[0], *size), [x], call.step.layer, f"interpolation {word}"))
    fields = {"size": size, "mode": "bilinear" if word == "bilinear" else _MODES[word]}
    return call.from_map(call.layer("upsample", fields, x))


def _center_crop(call: LayerCall) -> OrderedTensor:
    x = call.map(rank=2)
    sizes = (call.config.whole("height"), call.config.whole("width"))
    if any(size > there for size, there in zip(sizes, x.shape[1 + call.lead :], strict=True)):
        raise Inexpressible("what is cut out is larger than what enters")
    return call.from_map(call.layer("crop", {"size": sizes}, x))


def _flatten(call: LayerCall) -> OrderedTensor:
    """All axes as one: in which order they are there changes which weight meets which element, and no cost."""
    x = call.x
    if not call.lead:
        return as_it_lies(call.builder.reshaped(x.draft, (prod(x.shape),), call.origins))
    rank = len(x.order)
    before = list(range(call.lead))
    behind = sorted(range(call.lead, rank), key=lambda axis: x.order[axis])
    draft = call.in_order(x.turned([*before, *behind]))
    return as_it_lies(
        call.builder.reshaped(draft, (*draft.shape[: call.lead], prod(draft.shape[call.lead :])), call.origins)
    )


def reshaped(call: LayerCall, target: list[Any]) -> OrderedTensor:
    """The elements under another shape, of which one size may be -1, without the batch and the leading axes."""
    x = call.x
    lead, count = x.shape[: call.lead], prod(x.shape[call.lead :])
    known = [size for size in target if isinstance(size, int) and not isinstance(size, bool) and size >= 0]
    if len(target) - len(known) > 1 or any(size is not None and size not in known and size != -1 for size in target):
        raise call.config.wrong("target_shape", "a list of sizes, of which one may be -1", target)
    rest = count // prod(known) if prod(known) else 0
    sizes = tuple(size if size in known else rest for size in target)
    if prod(sizes) != count:
        raise CannotImport(
            f"layer {call.config.title}: {count:,} elements, {list(x.shape)}, enter a reshape to {target}"
        )
    shape = (*lead, *sizes)
    if x.shape == shape:
        return x
    long = [size for size in x.shape if size > 1]
    if not call.lead and len(long) <= 1 and len(shape) > 1 and call.wants_map:
        return as_map(call.builder.reshaped(x.draft, (shape[-1], *shape[:-1]), call.origins))
    if not call.lead and len(shape) == 1:
        return _flatten(call)
    return as_it_lies(call.builder.reshaped(call.in_order(), shape, call.origins))


def _reshape(call: LayerCall) -> OrderedTensor:
    target = call.config.get("target_shape", "dims")
    if isinstance(target, int):
        target = [target]
    if not isinstance(target, list):
        raise call.config.wrong("target_shape", "a list of sizes", target)
    return reshaped(call, target)


def _permute(call: LayerCall) -> OrderedTensor:
    rank, dims = len(call.x.order), call.config.get("dims")
    axes = [call.axis(axis, rank, "dims") for axis in dims] if isinstance(dims, list) else []
    if sorted(axes) != list(range(call.lead, rank)):
        raise call.config.wrong("dims", f"each axis from 1 to {rank - call.lead} once", dims)
    return call.x.turned([*range(call.lead), *axes])


def _repeat_vector(call: LayerCall) -> OrderedTensor:
    """A vector at each of several steps, as a map of one position is resized to many."""
    call.check_rank(call.x, 1)
    if call.lead:
        raise Inexpressible("a vector that is repeated at each of several places")
    draft = call.builder.reshaped(call.x.draft, (*call.x.shape, 1), call.origins)
    return as_map(call.layer("upsample", {"scale_factor": call.config.whole("n")}, draft))


def _nothing(call: LayerCall) -> list[OrderedTensor]:
    """What enters, as it is."""
    return call.tensors


def _dropout(call: LayerCall) -> OrderedTensor:
    rate = call.config.get("rate", "p")
    fields = {"p": float(rate)} if isinstance(rate, int | float) and 0 <= rate <= 1 else {}
    return OrderedTensor(call.layer("dropout", fields, call.x.draft), call.x.order)


_IDLE = (
    "GaussianNoise", "GaussianDropout", "AlphaDropout", "ActivityRegularization", "Masking", "Identity", "Layer",
    "RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomContrast", "RandomBrightness",
    "RandomHeight", "RandomWidth", "RandomShear", "RandomHue", "RandomSaturation", "RandomSharpness",
    "RandomGrayscale", "RandomColorJitter", "RandomColorDegeneration", "RandomGaussianBlur", "RandomInvert",
    "RandomPosterization", "RandomErasing", "RandomPerspective", "RandomElasticTransform", "RandAugment", "AugMix",
    "CutMix", "MixUp", "AutoContrast", "Equalization", "Solarization",
)  # fmt: skip
"""Layers of which nothing is left at inference, or that only training data go through."""

RULES = {
    **{f"ZeroPadding{rank}D": partial(_pad, rank=rank) for rank in (1, 2, 3)},
    **{f"Cropping{rank}D": partial(_crop, rank=rank) for rank in (1, 2, 3)},
    **{f"UpSampling{rank}D": partial(_upsample, rank=rank) for rank in (1, 2, 3)},
    "Resizing": _resizing,
    "CenterCrop": _center_crop,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Permute": _permute,
    "RepeatVector": _repeat_vector,
    **{
        f"{word}Dropout{rank}": _dropout
        for word, rank in (("", ""), ("Spatial", "1D"), ("Spatial", "2D"), ("Spatial", "3D"))
    },
    **dict.fromkeys(_IDLE, _nothing),
}
