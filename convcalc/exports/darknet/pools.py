"""Pools, resizings, crops and what changes no number, as sections of a .cfg."""

from __future__ import annotations

from typing import Any

from convcalc.exports.darknet.geometry import image_of, square, strides
from convcalc.exports.darknet.plan import ALEXEYAB, CfgPlan, NoSection, SectionPlace
from convcalc.network import Node


def _pooled(plan: CfgPlan, node: Node) -> dict[str, object]:
    """The geometry of a pool: padding is of both ends together, the odd position at the end."""
    config: Any = node.config
    image = image_of(plan, node.inputs[0])
    size = square("kernel_size", config.kernel_size)
    if set(config.dilation) != {1}:
        raise NoSection("a pool with dilation")
    windows, moved = config.windows(image), config.steps()
    before = square("padding before", [window.before for window in windows])
    for padding in (size - 1, 2 * before, 2 * before + 1):
        counts = [(n + padding - size) // step + 1 for n, step in zip(image[1:], moved, strict=True)]
        if padding // 2 == before and counts == list(node.shape[1:]):
            what = "maxpool" if node.kind == "max_pool" else "local_avgpool"
            options: dict[str, object] = {"size": size, **strides(plan, moved, what)}
            return options if padding == size - 1 else {**options, "padding": padding}
    raise NoSection("Darknet has no padding that leads to this shape")


def _max_pool(plan: CfgPlan, node: Node) -> SectionPlace:
    options = _pooled(plan, node)
    plan.read(plan.at(node.inputs[0]))
    return plan.section("maxpool", options, node.shape)


def _avg_pool(plan: CfgPlan, node: Node) -> SectionPlace:
    config: Any = node.config
    image = image_of(plan, node.inputs[0])
    windows = config.windows(image)
    if node.shape[1:] == (1, 1) and config.kernel_size == image[1:] and not any(w.before for w in windows):
        return _global_avg_pool(plan, node)
    counts = zip(windows, image[1:], node.shape[1:], strict=True)
    if config.count_include_pad and any(
        window.before or window.span(outputs) > size + window.before for window, size, outputs in counts
    ):
        raise NoSection("padding counts in the mean")
    options = _pooled(plan, node)
    plan.only(ALEXEYAB, "[local_avgpool]")
    plan.read(plan.at(node.inputs[0]))
    return plan.section("local_avgpool", options, node.shape)


def _global_avg_pool(plan: CfgPlan, node: Node) -> SectionPlace:
    image = image_of(plan, node.inputs[0])
    plan.read(plan.at(node.inputs[0]))
    return plan.section("avgpool", {}, (image[0], 1, 1))


def _adaptive_avg_pool(plan: CfgPlan, node: Node) -> SectionPlace:
    image = image_of(plan, node.inputs[0])
    if node.shape == image:
        return plan.at(node.inputs[0])
    if node.shape[1:] == (1, 1):
        return _global_avg_pool(plan, node)
    sizes = [n // m if n % m == 0 else 0 for n, m in zip(image[1:], node.shape[1:], strict=True)]
    if not all(sizes) or len(set(sizes)) > 1:
        raise NoSection(f"cells of unlike sizes: {list(image[1:])} to {list(node.shape[1:])}")
    plan.only(ALEXEYAB, "[local_avgpool]")
    plan.read(plan.at(node.inputs[0]))
    return plan.section("local_avgpool", {"size": sizes[0], "stride": sizes[0], "padding": 0}, node.shape)


def _upsample(plan: CfgPlan, node: Node) -> SectionPlace:
    config: Any = node.config
    image = image_of(plan, node.inputs[0])
    factors = {m / n for n, m in zip(image[1:], node.shape[1:], strict=True)}
    factor = factors.pop()
    is_plain = config.coordinate_transformation_mode in (None, "asymmetric") and config.nearest_mode == "floor"
    if config.mode != "nearest" or not is_plain or factors or factor != int(factor):
        raise NoSection("[upsample] repeats every position equally often on both axes, and does nothing else")
    plan.read(plan.at(node.inputs[0]))
    return plan.section("upsample", {"stride": int(factor)}, node.shape)


def _dropout(plan: CfgPlan, node: Node) -> SectionPlace:
    config: Any = node.config
    place = plan.at(node.inputs[0])
    if place.section < 0 and not plan.sections:
        raise NoSection("[dropout] cannot be the first section")
    plan.read(place)
    return plan.section("dropout", {"probability": config.p}, place.image)


def _softmax(plan: CfgPlan, node: Node) -> SectionPlace:
    config: Any = node.config
    if config.axis % len(node.shape) or (len(node.shape) > 1 and node.shape[1:] != (1, 1)):
        raise NoSection("[softmax] is over all numbers that enter")
    plan.read(plan.at(node.inputs[0]))
    return plan.section("softmax", {"groups": 1}, None)


def _reshape(plan: CfgPlan, node: Node) -> SectionPlace:
    """Nothing: a section that reads a row takes the numbers of a map in their order."""
    place = plan.at(node.inputs[0])
    if len(node.shape) > 1 and node.shape != place.image:
        raise NoSection(f"maps are not laid out anew, as {list(node.shape)} here")
    return place


def _same(plan: CfgPlan, node: Node) -> SectionPlace:
    return plan.at(node.inputs[0])


def _crop(plan: CfgPlan, node: Node) -> SectionPlace:
    config: Any = node.config
    image = image_of(plan, node.inputs[0])
    cut = [n - m for n, m in zip(image[1:], node.shape[1:], strict=True)]
    if config.size is None and any(before != both // 2 for (before, _), both in zip(config.cropping, cut, strict=True)):
        raise NoSection("[crop] leaves the middle")
    plan.read(plan.at(node.inputs[0]))
    options: dict[str, object] = {"crop_height": node.shape[1], "crop_width": node.shape[2], "noadjust": 1}
    return plan.section("crop", options, node.shape)


def _affine(plan: CfgPlan, node: Node) -> SectionPlace:
    config: Any = node.config
    if (config.factor, config.addend) != (2, -1):
        raise NoSection("a factor and an addend, where [crop] alone has one pair of them: 2 and -1")
    image, source = image_of(plan, node.inputs[0]), node.inputs[0]
    section = plan.follows_alone(source)
    if section is not None and section.options.get("noadjust"):
        del section.options["noadjust"]
        plan.joined(section)
        return plan.at(source)
    plan.read(plan.at(source))
    return plan.section("crop", {"crop_height": image[1], "crop_width": image[2]}, image)


def _reorg(plan: CfgPlan, node: Node) -> SectionPlace:
    config: Any = node.config
    image_of(plan, node.inputs[0])
    plan.read(plan.at(node.inputs[0]))
    if node.kind == "pixel_shuffle":
        return plan.section("reorg", {"stride": config.upscale_factor, "reverse": 1}, node.shape)
    return plan.section("reorg", {"stride": config.downscale_factor}, node.shape)


def _local_response_norm(plan: CfgPlan, node: Node) -> SectionPlace:
    """Its factor is of the mean of squares, where Darknet's is of their sum."""
    config: Any = node.config
    image = image_of(plan, node.inputs[0])
    plan.read(plan.at(node.inputs[0]))
    options = {"size": config.size, "alpha": config.alpha / config.size, "beta": config.beta, "kappa": config.k}
    return plan.section("normalization", options, image)


KINDS = {
    "adaptive_avg_pool": _adaptive_avg_pool,
    "affine": _affine,
    "avg_pool": _avg_pool,
    "crop": _crop,
    "dropout": _dropout,
    "global_avg_pool": _global_avg_pool,
    "local_response_norm": _local_response_norm,
    "max_pool": _max_pool,
    "softmax": _softmax,
    "upsample": _upsample,
    "flatten": _reshape,
    "identity": _same,
    "pixel_shuffle": _reorg,
    "pixel_unshuffle": _reorg,
    "reshape": _reshape,
}
"""How a layer of each kind is said."""
