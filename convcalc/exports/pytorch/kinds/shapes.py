"""What lays elements out anew: joins, cuts, moves and resizes; and what takes axes together."""

from __future__ import annotations

from typing import Any

from convcalc.exports.pytorch.kinds.convolutions import padded
from convcalc.exports.pytorch.layer import (
    LayerCode,
    TorchSite,
    Unsayable,
    Writer,
    axes_named,
    function,
    number,
    per_axis,
    x,
    y,
)
from convcalc.exports.pytorch.syntax import Bracketed, EnteringTensor, Expression, call, joined, method


def concat(site: TorchSite) -> LayerCode:
    """End to end."""
    tensors = Bracketed(tuple(EnteringTensor(place) for place in range(len(site.shapes))))
    return function(call("torch.cat", tensors, dim=number(site.axis(site.config.axis), "dim")))


def identity(site: TorchSite) -> LayerCode:
    """Another name for what enters."""
    return function(x)


def reshape(site: TorchSite) -> LayerCode:
    """With the batch in front, which is what is left where no size is."""
    sizes = site.config.sizes
    batch: Expression = joined("len(", x, ")") if -1 in sizes else "-1"
    return function(method(x, "reshape", batch, *(number(size, "size") for size in sizes)))


def flatten(site: TorchSite) -> LayerCode:
    """With the batch in front."""
    config = site.config
    start, end = site.axis(config.start_axis), site.axis(config.end_axis)
    start, end = start % (len(site.x) + 1), end % (len(site.x) + 1)
    last = -1 if end == len(site.x) else end
    return function(method(x, "flatten", number(start, "start_dim"), number(last, "end_dim", -1)))


def permute(site: TorchSite) -> LayerCode:
    """With the batch in front."""
    axes = [axis % len(site.x) + 1 for axis in site.config.axes]
    return function(method(x, "permute", "0", *(number(axis, "dim") for axis in axes)))


def _cut(axes: dict[int, tuple[Any, ...]], rank: int) -> Expression:
    """What enters with places cut off axes, each by a start, an end and a step; 0 is the channels."""
    parts: list[Expression] = [x, "[:"]
    for axis in range(max(axes) + 1):
        if axis not in axes:
            parts.append(", :")
            continue
        start, end, step = axes[axis]
        parts += [", ", *([number(start, "start")] if start else []), ":"]
        parts += [number(end, "end")] if end is not None else []
        parts += [":", number(step, "step")] if step != 1 else []
    return joined(*parts, "]")


def slice_(site: TorchSite) -> LayerCode:
    """Part of an axis."""
    config = site.config
    return function(_cut({config.axis % len(site.x): (config.start, config.end, config.step)}, len(site.x)))


def split(site: TorchSite) -> LayerCode:
    """One of equal parts."""
    config = site.config
    parts = method(x, "chunk", number(config.sections, "chunks"), dim=number(site.axis(config.axis), "dim"))
    return function(joined(parts, "[", number(config.part, "part"), "]"))


def crop(site: TorchSite) -> LayerCode:
    """Positions cut off both ends."""
    crops = enumerate(site.config.crops(site.x), start=1)
    cut = {axis: (before, -after if after else None, 1) for axis, (before, after) in crops if before or after}
    return function(_cut(cut, len(site.x)) if cut else x)


def pad(site: TorchSite) -> LayerCode:
    """As torch's, which names the last axis first."""
    config = site.config
    if config.mode != "constant":
        axes_named(site.rank, f"{config.mode} padding")
    value = config.value if config.mode == "constant" else 0.0
    return function(padded(config.padding, config.mode, value))


_INTERPOLATED = {"nearest", "linear", "bilinear", "trilinear", "bicubic"}


def upsample(site: TorchSite) -> LayerCode:
    """What torch interpolates; the words that it lacks are refused."""
    config = site.config
    axes_named(site.rank, "interpolation")
    mode: str = _mode(config)
    fields: dict[str, Expression] = {}
    if config.scale_factor is None or _makes(config, site):
        fields["size"] = number(per_axis(site.shape[1:]), "size")
    if config.scale_factor is not None:
        exact = all(bottom & (bottom - 1) == 0 for _, bottom in config.scale_factor)
        if exact and config.size is None:
            factors = [top if bottom == 1 else top / bottom for top, bottom in config.scale_factor]
            fields = {"scale_factor": number(per_axis(factors), "scale_factor")}
        elif "size" not in fields:
            raise Unsayable("torch's factor is the ratio of sizes, or a float that leaves no part of a position")
    aligned = {"align_corners": number(config.align_corners, "align_corners", False)} if "nearest" not in mode else {}
    antialias = number(config.antialias, "antialias", False)
    return function(call("F.interpolate", x, **fields, mode=number(mode, "mode"), **aligned, antialias=antialias))


def _makes(config: Any, site: TorchSite) -> bool:
    """Whether the ratio of the sizes is the factor."""
    sizes = zip(config.scale_factor, site.x[1:], site.shape[1:], strict=True)
    return all(size * top == left * bottom for (top, bottom), size, left in sizes)


def _mode(config: Any) -> str:
    coordinates, nearest = config.coordinate_transformation_mode, config.mode == "nearest"
    usual = "asymmetric" if nearest else "half_pixel"
    if nearest and coordinates == "half_pixel" and config.nearest_mode == "round_prefer_ceil":
        return "nearest-exact"
    if coordinates not in (None, usual) or (nearest and config.nearest_mode != "floor"):
        raise Unsayable(f"torch has no {config.mode} with coordinates {coordinates} and rounding {config.nearest_mode}")
    if not nearest and config.exclude_outside != config.antialias:
        raise Unsayable("torch leaves out what is beyond the ends where it stretches a filter, and there alone")
    if config.mode == "bicubic" and config.cubic_coeff_a != (-0.5 if config.antialias else -0.75):
        raise Unsayable(f"torch's cubic has another parameter than {config.cubic_coeff_a:g}")
    if config.antialias and config.mode not in ("bilinear", "bicubic"):
        raise Unsayable(f"torch stretches no filter of {config.mode}")
    return str(config.mode)


def pixel_shuffle(site: TorchSite) -> LayerCode:
    """The one of maps of two axes."""
    _refuse_rank(site)
    return function(call("F.pixel_shuffle", x, number(site.config.upscale_factor, "upscale_factor")))


def pixel_unshuffle(site: TorchSite) -> LayerCode:
    """The one of maps of two axes."""
    _refuse_rank(site)
    return function(call("F.pixel_unshuffle", x, number(site.config.downscale_factor, "downscale_factor")))


def _refuse_rank(site: TorchSite) -> None:
    if site.rank != 2:
        raise Unsayable(f"torch has it for maps of 2 axes, not of {site.rank}")


def channel_shuffle(site: TorchSite) -> LayerCode:
    """Groups laid out, turned and laid together."""
    parts = joined("(", number(site.config.groups, "groups"), ", -1)")
    return function(method(method(method(x, "unflatten", "1", parts), "transpose", "1", "2"), "flatten", "1", "2"))


def unfold(site: TorchSite) -> LayerCode:
    """The one of maps of two axes, padded alike at both ends."""
    config = site.config
    _refuse_rank(site)
    pads = [(window.before, window.after) for window in config.windows(site.x)]
    even = all(before == after for before, after in pads)
    fields = {
        "dilation": number(per_axis(config.dilation), "dilation", 1),
        "padding": number(per_axis([before for before, _ in pads]) if even else 0, "padding", 0),
        "stride": number(per_axis(config.stride), "stride", 1),
    }
    kernel = number(per_axis(config.kernel_size), "kernel_size")
    return function(call("F.unfold", x if even else padded(pads), kernel, **fields))


_REDUCED = {"mean": "mean", "sum": "sum", "max": "amax", "min": "amin"}


def reduce(site: TorchSite) -> LayerCode:
    """Axes taken together; an empty shape is one of a single number here."""
    config = site.config
    axes: Any = tuple(site.axis(axis) for axis in config.axes)
    dim, keepdim = number(axes[0] if len(axes) == 1 else axes, "dim"), number(config.keepdim, "keepdim", False)
    reduced: Expression
    if config.operation in _REDUCED:
        reduced = method(x, _REDUCED[config.operation], dim, keepdim=keepdim)
    elif config.operation in ("l1", "l2"):
        order = number(int(config.operation[1]), "ord", 2)
        reduced = call("torch.linalg.vector_norm", x, ord=order, dim=dim, keepdim=keepdim)
    elif config.operation == "sum_square":
        reduced = method(method(x, "square"), "sum", dim, keepdim=keepdim)
    elif config.operation == "log_sum":
        reduced = method(method(x, "sum", dim, keepdim=keepdim), "log")
    elif config.operation == "log_sum_exp":
        reduced = method(x, "logsumexp", dim, keepdim=keepdim)
    elif config.operation == "prod":
        reduced = x
        for axis in sorted({axis % (len(site.x) + 1) if axis < 0 else axis for axis in axes}, reverse=True):
            reduced = method(reduced, "prod", number(axis, "dim"), keepdim=keepdim)
    elif config.select_last_index:
        raise Unsayable("torch finds the first of equal elements")
    else:
        reduced = method(method(x, config.operation, dim, keepdim=keepdim), "to", joined(x, ".dtype"))
    alone = len(axes) == len(site.x) and not config.keepdim
    return function(method(reduced, "unsqueeze", "1") if alone else reduced)


def cumulate(site: TorchSite) -> LayerCode:
    """Running sums and products, from the end by turning what enters and what leaves."""
    config, dim = site.config, number(site.axis(site.config.axis), "dim")
    if config.exclusive and config.operation == "prod":
        raise Unsayable("torch's running product has each element in its own")
    turned: Expression = method(x, "flip", dim) if config.reverse else x
    summed: Expression = method(turned, "cumsum" if config.operation == "sum" else "cumprod", dim)
    left: Expression = method(summed, "flip", dim) if config.reverse else summed
    return function(joined(left, " - ", x) if config.exclusive else left)


def top_k(site: TorchSite) -> LayerCode:
    """Where the largest elements are."""
    config = site.config
    axis = number(site.axis(config.axis), "dim")
    places = method(x, "topk", number(config.k, "k"), dim=axis, largest=number(config.largest, "largest", True))
    return function(method(joined(places, ".indices"), "to", joined(x, ".dtype")))


def trilu(site: TorchSite) -> LayerCode:
    """One side of a diagonal."""
    if len(site.shapes) > 1:
        raise Unsayable("data say which diagonal, for each sample its own")
    name = "triu" if site.config.upper else "tril"
    return function(method(x, name, number(site.config.diagonal, "diagonal", 0)))


def gather(site: TorchSite) -> LayerCode:
    """Elements by indices of as many axes."""
    config = site.config
    if config.indices != "elements":
        raise Unsayable("torch chooses slices by the same indices for every sample")
    return function(call("torch.gather", x, number(site.axis(config.axes[0]), "dim"), method(y, "long")))


def grid_sample(site: TorchSite) -> LayerCode:
    """The same in torch."""
    config = site.config
    if site.rank not in (2, 3):
        raise Unsayable(f"torch samples maps of 2 and 3 axes, not of {site.rank}")
    fields = {
        "mode": number(config.mode, "mode", "bilinear"),
        "padding_mode": number(config.padding_mode, "padding_mode", "zeros"),
        "align_corners": number(config.align_corners, "align_corners"),
    }
    return function(call("F.grid_sample", x, y, **fields))


def affine_grid(site: TorchSite) -> LayerCode:
    """The same in torch, for maps of one channel."""
    config = site.config
    sizes = joined("(len(", x, "), 1, ", *_listed(config.size), ")")
    return function(call("F.affine_grid", x, sizes, align_corners=number(config.align_corners, "align_corners")))


def _listed(sizes: tuple[int, ...]) -> list[Expression]:
    listed: list[Expression] = []
    for size in sizes:
        listed += [", ", number(size, "size")] if listed else [number(size, "size")]
    return listed


KINDS: dict[str, Writer] = {
    "affine_grid": affine_grid,
    "channel_shuffle": channel_shuffle,
    "concat": concat,
    "crop": crop,
    "cumulate": cumulate,
    "flatten": flatten,
    "gather": gather,
    "grid_sample": grid_sample,
    "identity": identity,
    "pad": pad,
    "permute": permute,
    "pixel_shuffle": pixel_shuffle,
    "pixel_unshuffle": pixel_unshuffle,
    "reduce": reduce,
    "reshape": reshape,
    "slice": slice_,
    "split": split,
    "top_k": top_k,
    "trilu": trilu,
    "unfold": unfold,
    "upsample": upsample,
}
