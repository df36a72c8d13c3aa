"""Pools: as functions, where torch can say their window, behind F.pad where it pads both ends alike alone."""

from __future__ import annotations

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
)
from convcalc.exports.pytorch.syntax import Expression, call, joined, method


def _placed(site: TorchSite, beside: float = 0.0) -> tuple[Expression, dict[str, Expression], bool]:
    """What enters the window, the window's fields, and whether torch pads it itself."""
    config = site.config
    windows = config.windows(site.x)
    pads = [(window.before, window.after) for window in windows]
    by_torch = all(
        before == after and 2 * before <= window.kernel for (before, after), window in zip(pads, windows, strict=True)
    ) and isinstance(config.ceil_mode, bool)
    rounded_up = by_torch and any(
        window.outputs(size) != left for window, size, left in zip(windows, site.x[1:], site.shape[1:], strict=True)
    )
    stride, kernel = per_axis(config.steps()), per_axis(config.kernel_size)
    fields: dict[str, Expression] = {"kernel_size": number(kernel, "kernel_size")}
    if stride != kernel:
        fields["stride"] = number(stride, "stride")
    if by_torch:
        fields["padding"] = number(per_axis([before for before, _ in pads]), "padding", 0)
        fields["ceil_mode"] = number(rounded_up, "ceil_mode", False)
        return x, fields, True
    return padded(_reached(site), value=beside), fields, False


def max_pool(site: TorchSite) -> LayerCode:
    """Below what stands on padding is nothing."""
    name = f"F.max_pool{axes_named(site.rank, 'pools')}d"
    entered, fields, _ = _placed(site, float("-inf"))
    dilation = number(per_axis(site.config.dilation), "dilation", 1)
    return function(call(name, entered, fields.pop("kernel_size"), **fields, dilation=dilation))


def avg_pool(site: TorchSite) -> LayerCode:
    """Where torch cannot leave out padding it is counted by a mean of ones."""
    config = site.config
    name = f"F.avg_pool{axes_named(site.rank, 'pools')}d"
    if set(config.dilation) != {1}:
        raise Unsayable("torch has no dilation in average pooling")
    entered, fields, by_torch = _placed(site)
    kernel = fields.pop("kernel_size")
    if by_torch:
        counted = number(config.count_include_pad, "count_include_pad", True)
        return function(call(name, entered, kernel, **fields, count_include_pad=counted))
    if config.count_include_pad:
        _refuse_beyond(site)
        return function(call(name, entered, kernel, **fields))
    ones = call("F.pad", call("torch.ones_like", x), number(_ends(site), "pad"))
    return function(joined(call(name, entered, kernel, **fields), " / ", call(name, ones, kernel, **fields)))


def _refuse_beyond(site: TorchSite) -> None:
    """Positions beyond the padding count in no mean, and would if they were padded."""
    windows = site.config.windows(site.x)
    for window, size, left in zip(windows, site.x[1:], site.shape[1:], strict=True):
        if window.span(left) > window.before + size + window.after:
            raise Unsayable("a last window reaches beyond padding that differs from end to end")


def _ends(site: TorchSite) -> tuple[int, ...]:
    return tuple(end for pair in reversed(_reached(site)) for end in pair)


def _reached(site: TorchSite) -> list[tuple[int, int]]:
    """Positions before the map and behind it that windows reach, which are fewer than none where some are unread."""
    windows = zip(site.config.windows(site.x), site.x[1:], site.shape[1:], strict=True)
    return [(window.before, window.span(left) - size - window.before) for window, size, left in windows]


def lp_pool(site: TorchSite) -> LayerCode:
    """Torch's takes powers of what enters, which are those of its magnitude only where the norm is even."""
    config = site.config
    name = f"F.lp_pool{axes_named(site.rank, 'pools')}d"
    if set(config.dilation) != {1}:
        raise Unsayable("torch has no dilation in Lp pooling")
    reached = _reached(site)
    entered: Expression = padded(reached) if any(before or after > 0 for before, after in reached) else x
    entered = method(entered, "abs") if config.norm_type % 2 else entered
    stride, kernel = per_axis(config.steps()), per_axis(config.kernel_size)
    more: dict[str, Expression] = {} if stride == kernel else {"stride": number(stride, "stride")}
    return function(call(name, entered, number(config.norm_type, "norm_type"), number(kernel, "kernel_size"), **more))


def _global(operation: str, site: TorchSite) -> LayerCode:
    keepdim = number(site.config.keepdim, "keepdim", False)
    return function(method(x, operation, number(_positions(site), "dim"), keepdim=keepdim))


def _positions(site: TorchSite) -> tuple[int, ...]:
    return tuple(range(2, 2 + site.rank))


def global_avg_pool(site: TorchSite) -> LayerCode:
    """The mean over all positions."""
    return _global("mean", site)


def global_max_pool(site: TorchSite) -> LayerCode:
    """The largest of all positions."""
    return _global("amax", site)


def global_lp_pool(site: TorchSite) -> LayerCode:
    """The norm of all positions."""
    config = site.config
    fields = {"dim": number(_positions(site), "dim"), "keepdim": number(config.keepdim, "keepdim", False)}
    return function(call("torch.linalg.vector_norm", x, ord=number(config.norm_type, "ord", 2), **fields))


def _adaptive(operation: str, site: TorchSite) -> LayerCode:
    name = f"F.adaptive_{operation}_pool{axes_named(site.rank, 'adaptive pools')}d"
    sizes = site.config.output_size
    if set(sizes) == {None}:
        return function(x)
    return function(call(name, x, number(sizes if None in sizes else per_axis(sizes), "output_size")))


def adaptive_avg_pool(site: TorchSite) -> LayerCode:
    """Torch's cells are ours."""
    return _adaptive("avg", site)


def adaptive_max_pool(site: TorchSite) -> LayerCode:
    """Torch's cells are ours."""
    return _adaptive("max", site)


KINDS: dict[str, Writer] = {
    "adaptive_avg_pool": adaptive_avg_pool,
    "adaptive_max_pool": adaptive_max_pool,
    "avg_pool": avg_pool,
    "global_avg_pool": global_avg_pool,
    "global_lp_pool": global_lp_pool,
    "global_max_pool": global_max_pool,
    "lp_pool": lp_pool,
    "max_pool": max_pool,
}
