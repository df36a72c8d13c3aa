"""Maps that are resized, or read at places that another tensor names."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convcalc.imports.torch_export.translation import TorchCall


def _resized(given: TorchCall, mode: str, *, exact: bool = False, antialias: bool = False) -> None:
    """By a size or by factors, at the places that PyTorch has."""
    x = given.x
    align = given.flag("align_corners")
    attributes: dict[str, object] = {"mode": mode}
    if mode == "nearest":
        words = ("half_pixel", "round_prefer_floor") if exact else ("asymmetric", "floor")
        attributes |= dict(zip(("coordinate_transformation_mode", "nearest_mode"), words, strict=True))
    else:
        attributes["coordinate_transformation_mode"] = "align_corners" if align else "pytorch_half_pixel"
    if antialias:
        attributes |= {"antialias": 1, "exclude_outside": 1}
    if mode == "cubic":
        attributes["cubic_coeff_a"] = -0.5 if antialias else -0.75
    factors = given.argument("scale_factors")
    if given.argument("output_size") is None and isinstance(factors, list):
        scales = given.constant([1.0, 1.0, *factors], None, 1)
        given.leaves("Resize", x, "", scales, **attributes)
        return
    name = "output_size"
    own = [given.node("Shape", x, start=0, end=2), given.sizes(name)]
    given.leaves("Resize", x, "", "", given.node("Concat", *own, axis=0), **attributes)


def _grid_sampled(given: TorchCall) -> None:
    modes, padding = ("linear", "nearest", "cubic"), ("zeros", "border", "reflection")
    given.leaves(
        "GridSample",
        given.x,
        given.first("grid"),
        mode=modes[given.integer("interpolation_mode")],
        padding_mode=padding[given.integer("padding_mode")],
        align_corners=int(given.flag("align_corners")),
    )


def _roi_align(given: TorchCall) -> None:
    rois = given.first("rois")
    boxes = given.node("Slice", rois, given.constant([1]), given.constant([5]), given.constant([1]))
    samples = given.node("Slice", rois, given.constant([0]), given.constant([1]), given.constant([1]))
    flat = given.node("Cast", given.node("Reshape", samples, given.constant([-1])), to=7)
    given.leaves(
        "RoiAlign",
        given.x,
        boxes,
        flat,
        spatial_scale=given.real("spatial_scale", 1.0),
        output_height=given.integer("pooled_height", 1),
        output_width=given.integer("pooled_width", 1),
        sampling_ratio=max(given.integer("sampling_ratio"), 0),
        coordinate_transformation_mode="half_pixel" if given.flag("aligned") else "output_half_pixel",
    )


RULES = {
    **{f"upsample_nearest{rank}d": partial(_resized, mode="nearest") for rank in (1, 2, 3)},
    **{f"_upsample_nearest_exact{rank}d": partial(_resized, mode="nearest", exact=True) for rank in (1, 2, 3)},
    **{f"upsample_{word}": partial(_resized, mode="linear") for word in ("linear1d", "bilinear2d", "trilinear3d")},
    "upsample_bicubic2d": partial(_resized, mode="cubic"),
    "_upsample_bilinear2d_aa": partial(_resized, mode="linear", antialias=True),
    "_upsample_bicubic2d_aa": partial(_resized, mode="cubic", antialias=True),
    **dict.fromkeys(("grid_sampler", "grid_sampler_2d", "grid_sampler_3d"), _grid_sampled),
    "torchvision.roi_align": _roi_align,
}
