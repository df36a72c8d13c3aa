"""Convolutions and pools: what Keras cannot pad itself is padded or cropped by a layer of its own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from convcalc.exports.keras_json.graph import CannotSay, KerasTensor
from convcalc.exports.keras_json.site import KerasWriter, LayerSite, Layout, axes_named

Pads = Sequence[tuple[int, int]]


def same(size: int, extent: int, stride: int) -> tuple[int, int]:
    """Positions that Keras adds at both ends under the word."""
    total = max((-(-size // stride) - 1) * stride + extent - size, 0)
    return total // 2, total - total // 2


def padded(site: LayerSite, x: KerasTensor, pads: Pads) -> KerasTensor:
    """The tensor with zeros around it, or with fewer than none cut off."""
    if not any(map(any, pads)):
        return x
    for kind, what, sign in (("Cropping", "crop", -1), ("ZeroPadding", "pad", 1)):
        ends = [[max(sign * before, 0), max(sign * after, 0)] for before, after in pads]
        if any(map(any, ends)):
            sizes = zip(x.shape[1:], ends, strict=True)
            shape = (x.shape[0], *(size + sign * (before + after) for size, (before, after) in sizes))
            name = f"{kind}{axes_named(site.rank, 'padding')}"
            x = site.beside(name, what, x, shape, **{"cropping" if sign < 0 else "padding": _ends(ends)})
    return x


def _ends(ends: list[list[int]]) -> Any:
    return ends[0] if len(ends) == 1 else ends


def conv(site: LayerSite) -> KerasTensor:
    """A depthwise convolution is a class of its own."""
    config, x = site.config, site.x
    if len(site.entering) > 1:
        raise CannotSay("its filters are made by another layer")
    if site.rank == 0:
        if config.groups != 1:
            raise CannotSay("Keras has no groups where there are no positions")
        return site.layer("Dense", units=config.out_channels, use_bias=config.bias)
    axes = axes_named(site.rank, "convolutions")
    windows = config.windows(x.shape)
    pads = [(window.before, window.after) for window in windows]
    if config.padding_mode != "zeros" and any(map(any, pads)):
        raise CannotSay(f"Keras pads with zeros, not {config.padding_mode}")
    if max(config.stride) > 1 and max(config.dilation) > 1:
        raise CannotSay("Keras has no dilation beside a stride")
    padding = "valid"
    if config.padding == "causal":
        padding = "causal"
    elif any(map(any, pads)) and pads == [
        same(size, window.extent, window.stride) for size, window in zip(x.shape[1:], windows, strict=True)
    ]:
        padding = "same"
    else:
        x = padded(site, x, pads)
    stated: dict[str, Any] = {
        "kernel_size": list(config.kernel_size),
        "strides": list(config.stride),
        "padding": padding,
        "dilation_rate": list(config.dilation),
        "use_bias": config.bias,
    }
    channels = x.shape[0]
    if config.groups == channels > 1 and site.rank < 3 and len(set(config.stride)) == 1 and padding != "causal":
        multiplier = config.out_channels // channels
        return site.layer(f"DepthwiseConv{axes}", x, depth_multiplier=multiplier, **stated)
    return site.layer(f"Conv{axes}", x, filters=config.out_channels, groups=config.groups, **stated)


def conv_transpose(site: LayerSite) -> KerasTensor:
    """Written out whole, and cropped behind it."""
    config, x = site.config, site.x
    if len(site.entering) > 1:
        raise CannotSay("its filters are made by another layer")
    axes = axes_named(site.rank, "transposed convolutions")
    if config.groups != 1:
        raise CannotSay("Keras has no groups in a transposed convolution")
    if max(config.dilation) > 1 and max(config.stride) > 1:
        raise CannotSay("Keras has no dilation beside a stride")
    windows = config.windows()
    stated = {
        "filters": config.out_channels,
        "kernel_size": list(config.kernel_size),
        "strides": list(config.stride),
        "dilation_rate": list(config.dilation),
        "use_bias": config.bias,
    }
    if config.padding == "same":
        return site.layer(f"Conv{axes}Transpose", padding="same", **stated)
    made = tuple(
        size * window.stride + max(window.extent - window.stride, 0)
        for size, window in zip(x.shape[1:], windows, strict=True)
    )
    crops = [(-window.before, left - size + window.before)
             for window, size, left in zip(windows, made, site.shape[1:], strict=True)]  # fmt: skip
    if any(after > 0 for _, after in crops):
        raise CannotSay("Keras adds no positions behind the last window but with its own output_padding")
    y = site.layer(f"Conv{axes}Transpose", shape=(site.shape[0], *made), padding="valid", **stated)
    return padded(site, y, crops)


def _pool(kind: str, site: LayerSite) -> KerasTensor:
    config, x = site.config, site.x
    axes = axes_named(site.rank, "pools")
    if set(config.dilation) != {1}:
        raise CannotSay("Keras has no dilation in pools")
    windows = config.windows(x.shape)
    sizes = list(zip(windows, x.shape[1:], site.shape[1:], strict=True))
    reached = [(window.before, window.span(left) - size - window.before) for window, size, left in sizes]
    is_same = reached == [same(size, window.extent, window.stride) for window, size, _ in sizes]
    has_own = any(window.before or min(window.after, after) > 0
                  for window, (_, after) in zip(windows, reached, strict=True))  # fmt: skip
    stated: dict[str, Any] = {"pool_size": list(config.kernel_size), "strides": list(config.steps())}
    if not any(before or after > 0 for before, after in reached):
        return site.layer(f"{kind}Pooling{axes}", padding="valid", **stated)
    is_max = kind == "Max"
    if is_same and (is_max or not has_own or not config.count_include_pad):
        return site.layer(f"{kind}Pooling{axes}", padding="same", **stated)
    if is_max and not site.is_positive:
        raise CannotSay("Keras pads with zeros, and what enters may be less")
    if not is_max and not config.count_include_pad:
        raise CannotSay("Keras leaves out of a mean only the padding that its own word `same` adds")
    if not is_max and any(after > window.after for window, (_, after) in zip(windows, reached, strict=True)):
        raise CannotSay("Keras has no last window that reaches beyond the end")
    return site.layer(f"{kind}Pooling{axes}", padded(site, x, reached), padding="valid", **stated)


def _global(kind: str, site: LayerSite) -> KerasTensor:
    axes = axes_named(site.rank, "pools")
    return site.layer(f"Global{kind}Pooling{axes}", keepdims=site.config.keepdim)


def _adaptive(kind: str, site: LayerSite) -> KerasTensor:
    axes = axes_named(site.rank, "pools")
    sizes, left = site.x.shape[1:], site.shape[1:]
    if set(left) == {1}:
        return site.layer(f"Global{kind}Pooling{axes}", keepdims=True)
    if all(size % cells == 0 for size, cells in zip(sizes, left, strict=True)):
        cells = [size // count for size, count in zip(sizes, left, strict=True)]
        return site.layer(f"{kind}Pooling{axes}", pool_size=cells, strides=cells, padding="valid")
    return site.layer(f"Adaptive{kind}Pooling{axes}", output_size=list(left))


def pad(site: LayerSite) -> KerasTensor:
    """With zeros alone."""
    config = site.config
    if config.mode != "constant" or config.value:
        raise CannotSay(f"Keras pads with zeros, not {config.mode if config.mode != 'constant' else config.value}")
    ends = [list(pair) for pair in config.padding]
    return site.layer(f"ZeroPadding{axes_named(site.rank, 'padding')}", padding=_ends(ends))


def crop(site: LayerSite) -> KerasTensor:
    """Positions cut off both ends."""
    ends = [list(pair) for pair in site.config.crops(site.x.shape)]
    return site.layer(f"Cropping{axes_named(site.rank, 'cropping')}", cropping=_ends(ends))


def upsample(site: LayerSite) -> KerasTensor:
    """By whole factors; a map of two axes between positions to any size."""
    config = site.config
    axes = axes_named(site.rank, "upsampling")
    usual = "asymmetric" if config.mode == "nearest" else "half_pixel"
    if config.coordinates() != usual or config.nearest_mode != "floor" or config.antialias or config.exclude_outside:
        raise CannotSay("Keras has no words for where positions lie")
    factors = [left / size for left, size in zip(site.shape[1:], site.x.shape[1:], strict=True)]
    stated = [top / bottom for top, bottom in config.scale_factor or ()] or factors
    if config.mode == "nearest" and stated == factors and all(factor.is_integer() for factor in factors):
        size = [int(factor) for factor in factors]
        return site.layer(f"UpSampling{axes}", size=size[0] if site.rank == 1 else size)
    if config.mode == "bilinear" and stated == factors:
        if all(factor.is_integer() for factor in factors):
            return site.layer("UpSampling2D", size=[int(factor) for factor in factors], interpolation="bilinear")
        height, width = site.shape[1:]
        return site.layer("Resizing", height=height, width=width, interpolation="bilinear")
    raise CannotSay(f"Keras has no {config.mode} upsampling by {', '.join(f'{factor:g}' for factor in stated)}")


KINDS: dict[str, tuple[Layout, KerasWriter]] = {
    "adaptive_avg_pool": ("last", partial(_adaptive, "Average")),
    "adaptive_max_pool": ("last", partial(_adaptive, "Max")),
    "avg_pool": ("last", partial(_pool, "Average")),
    "conv": ("last", conv),
    "conv_transpose": ("last", conv_transpose),
    "crop": ("last", crop),
    "global_avg_pool": ("last", partial(_global, "Average")),
    "global_max_pool": ("last", partial(_global, "Max")),
    "max_pool": ("last", partial(_pool, "Max")),
    "pad": ("last", pad),
    "upsample": ("last", upsample),
}
