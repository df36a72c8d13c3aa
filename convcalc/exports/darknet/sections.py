"""Layers as sections of a .cfg, by their kinds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from convcalc.exports.darknet.plan import ALEXEYAB, PJREDDIE, NotSaid, Place, Plan
from convcalc.layers import Shape
from convcalc.network import Node

_ACTIVATIONS: dict[str, tuple[str, dict[str, object], bool]] = {
    "relu": ("relu", {}, False),
    "sigmoid": ("logistic", {}, False),
    "tanh": ("tanh", {}, False),
    "elu": ("elu", {"alpha": 1}, False),
    "selu": ("selu", {}, False),
    "hard_tanh": ("hardtan", {"min_val": -1, "max_val": 1}, False),
    "relu6": ("relu6", {}, True),
    "silu": ("swish", {}, True),
    "mish": ("mish", {}, True),
    "gelu": ("gelu", {"approximate": "tanh"}, True),
}
"""Darknet's word for an activation, the fields that it has, and whether AlexeyAB's program alone knows it."""

_SLOPES = {0.1: "leaky", 0.01: "relie"}
"""Darknet's words for leaky_relu with a slope."""


def _image(plan: Plan, index: int) -> Shape:
    """The shape of a tensor that a section reads as a map, which has just the axes that ours has."""
    place, shape = plan.at(index), plan.network.nodes[index].shape
    if (
        place.image is None
        or shape not in (place.image, place.image[:1])
        or (len(shape) == 1 and place.image[1:] != (1, 1))
    ):
        raise NotSaid(f"a map of channels, height and width is read, and {list(shape)} enters")
    return place.image


def _square(name: str, sizes: Sequence[int]) -> int:
    if len(set(sizes)) > 1:
        raise NotSaid(f"{name} {list(sizes)} is not the same on both axes")
    return sizes[0]


def _strides(plan: Plan, sizes: Sequence[int], what: str) -> dict[str, object]:
    if len(set(sizes)) == 1:
        return {"stride": sizes[0]}
    plan.only(ALEXEYAB, f"strides of [{what}] that differ")
    return {"stride": sizes[0], "stride_y": sizes[0], "stride_x": sizes[1]}


def _margin(windows: Sequence[Any]) -> int:
    """The padding of every end, in taps that are not apart."""
    ends = {end for window in windows for end in (window.before, window.after)}
    if len(ends) > 1:
        pairs = [[window.before, window.after] for window in windows]
        raise NotSaid(f"padding {pairs} is not the same at all ends")
    return int(ends.pop())


def _padding(size: int, margin: int) -> dict[str, object]:
    if margin == 0:
        return {}
    return {"pad": 1} if margin == size // 2 else {"padding": margin}


def _filtered(plan: Plan, node: Node, place: Place) -> Place:
    """A section whose bias a norm has that follows, where the layer has none; an activation may follow it."""
    section = plan.sections[-1]
    section.options["activation"] = "linear"
    section.activated = False
    config: Any = node.config
    if not config.bias:
        section.needs_norm = node
    return place


def _conv(plan: Plan, index: int, node: Node) -> Place:
    config: Any = node.config
    image = _image(plan, node.inputs[0])
    if len(node.inputs) > 1:
        raise NotSaid("its filters are made by other layers")
    if config.padding_mode != "zeros":
        raise NotSaid(f"padding_mode {config.padding_mode}")
    size, dilation = _square("kernel_size", config.kernel_size), _square("dilation", config.dilation)
    margin = _margin(config.windows(image))
    options: dict[str, object] = {"filters": config.out_channels, "size": size}
    options |= _strides(plan, config.stride, "convolutional")
    if dilation > 1 and size > 1:
        if margin != (size // 2) * dilation or size % 2 == 0:
            raise NotSaid("dilation with a padding that does not keep positions")
        plan.only(ALEXEYAB, "dilation")
        options |= {"pad": 1, "dilation": dilation}
    else:
        options |= _padding(size, margin)
    if config.groups > 1:
        options["groups"] = config.groups
    plan.read(plan.at(node.inputs[0]))
    return _filtered(plan, node, plan.section("convolutional", options, node.shape))


def _conv_transpose(plan: Plan, index: int, node: Node) -> Place:
    config: Any = node.config
    _image(plan, node.inputs[0])
    if len(node.inputs) > 1:
        raise NotSaid("its filters are made by other layers")
    if config.groups > 1 or set(config.dilation) != {1}:
        raise NotSaid("[deconvolutional] has neither groups nor dilation")
    size, stride = _square("kernel_size", config.kernel_size), _square("stride", config.stride)
    margin = _margin(config.windows())
    options: dict[str, object] = {"filters": config.out_channels, "size": size, "stride": stride}
    expected = [(n - 1) * stride + size - 2 * margin for n in plan.network.nodes[node.inputs[0]].shape[1:]]
    if list(node.shape[1:]) != expected:
        raise NotSaid("positions are added at the end alone")
    plan.only(PJREDDIE, "[deconvolutional]")
    plan.read(plan.at(node.inputs[0]))
    return _filtered(plan, node, plan.section("deconvolutional", options | _padding(size, margin), node.shape))


def _linear(plan: Plan, index: int, node: Node) -> Place:
    if len(plan.network.nodes[node.inputs[0]].shape) > 1:
        raise NotSaid("[connected] reads all numbers, not rows of them: a flatten is missing before it")
    plan.read(plan.at(node.inputs[0]))
    place = plan.section("connected", {"output": node.shape[0]}, (node.shape[0], 1, 1))
    return _filtered(plan, node, place)


def _batch_norm(plan: Plan, index: int, node: Node) -> Place:
    config: Any = node.config
    if not (config.affine and config.track_running_stats):
        raise NotSaid("a norm without a scale and a shift, or without statistics")
    source = node.inputs[0]
    image = _image(plan, source)
    section = plan.follows_alone(source)
    if section is not None and section.needs_norm is not None:
        section.options = {"batch_normalize": 1, **section.options}
        section.needs_norm = None
        plan.joined(section)
        return plan.at(source)
    plan.read(plan.at(source))
    return plan.section("batchnorm", {}, image)


def _local_response_norm(plan: Plan, index: int, node: Node) -> Place:
    """Its factor is of the mean of squares, where Darknet's is of their sum."""
    config: Any = node.config
    image = _image(plan, node.inputs[0])
    plan.read(plan.at(node.inputs[0]))
    options = {"size": config.size, "alpha": config.alpha / config.size, "beta": config.beta, "kappa": config.k}
    return plan.section("normalization", options, image)


def _word(node: Node) -> tuple[str, bool]:
    """Darknet's word for an activation, and whether AlexeyAB's program alone knows it."""
    config: Any = node.config
    if node.kind == "leaky_relu":
        if config.negative_slope not in _SLOPES:
            raise NotSaid(f"a slope of {config.negative_slope}, where Darknet's are 0.1 and 0.01")
        return _SLOPES[config.negative_slope], False
    word, fields, is_newer = _ACTIVATIONS[node.kind]
    for name, value in fields.items():
        if getattr(config, name) != value:
            raise NotSaid(f"{name} {getattr(config, name)}, where Darknet's is {value}")
    return word, is_newer


def _activation(plan: Plan, index: int, node: Node) -> Place:
    (word, is_newer), source = _word(node), node.inputs[0]
    if is_newer:
        plan.only(ALEXEYAB, f"activation={word}")
    place, section = plan.at(source), plan.follows_alone(source)
    if section is not None and not section.activated and section.needs_norm is None:
        section.options["activation"] = word
        section.activated = True
        plan.joined(section)
        return place
    plan.read(place)
    return plan.section("activation", {"activation": word}, place.image)


def _pooled(plan: Plan, node: Node) -> dict[str, object]:
    """The geometry of a pool: padding is of both ends together, the odd position at the end."""
    config: Any = node.config
    image = _image(plan, node.inputs[0])
    size = _square("kernel_size", config.kernel_size)
    if set(config.dilation) != {1}:
        raise NotSaid("a pool with dilation")
    windows, strides = config.windows(image), config.steps()
    before = _square("padding before", [window.before for window in windows])
    for padding in (size - 1, 2 * before, 2 * before + 1):
        counts = [(n + padding - size) // step + 1 for n, step in zip(image[1:], strides, strict=True)]
        if padding // 2 == before and counts == list(node.shape[1:]):
            what = "maxpool" if node.kind == "max_pool" else "local_avgpool"
            options: dict[str, object] = {"size": size, **_strides(plan, strides, what)}
            return options if padding == size - 1 else {**options, "padding": padding}
    raise NotSaid("Darknet has no padding that leads to this shape")


def _max_pool(plan: Plan, index: int, node: Node) -> Place:
    options = _pooled(plan, node)
    plan.read(plan.at(node.inputs[0]))
    return plan.section("maxpool", options, node.shape)


def _avg_pool(plan: Plan, index: int, node: Node) -> Place:
    config: Any = node.config
    image = _image(plan, node.inputs[0])
    windows = config.windows(image)
    if node.shape[1:] == (1, 1) and config.kernel_size == image[1:] and not any(w.before for w in windows):
        return _global_avg_pool(plan, index, node)
    counts = zip(windows, image[1:], node.shape[1:], strict=True)
    if config.count_include_pad and any(
        window.before or window.span(outputs) > size + window.before for window, size, outputs in counts
    ):
        raise NotSaid("padding counts in the mean")
    options = _pooled(plan, node)
    plan.only(ALEXEYAB, "[local_avgpool]")
    plan.read(plan.at(node.inputs[0]))
    return plan.section("local_avgpool", options, node.shape)


def _global_avg_pool(plan: Plan, index: int, node: Node) -> Place:
    image = _image(plan, node.inputs[0])
    plan.read(plan.at(node.inputs[0]))
    return plan.section("avgpool", {}, (image[0], 1, 1))


def _adaptive_avg_pool(plan: Plan, index: int, node: Node) -> Place:
    image = _image(plan, node.inputs[0])
    if node.shape == image:
        return plan.at(node.inputs[0])
    if node.shape[1:] == (1, 1):
        return _global_avg_pool(plan, index, node)
    sizes = [n // m if n % m == 0 else 0 for n, m in zip(image[1:], node.shape[1:], strict=True)]
    if not all(sizes) or len(set(sizes)) > 1:
        raise NotSaid(f"cells of unlike sizes: {list(image[1:])} to {list(node.shape[1:])}")
    plan.only(ALEXEYAB, "[local_avgpool]")
    plan.read(plan.at(node.inputs[0]))
    return plan.section("local_avgpool", {"size": sizes[0], "stride": sizes[0], "padding": 0}, node.shape)


def _upsample(plan: Plan, index: int, node: Node) -> Place:
    config: Any = node.config
    image = _image(plan, node.inputs[0])
    factors = {m / n for n, m in zip(image[1:], node.shape[1:], strict=True)}
    factor = factors.pop()
    is_plain = config.coordinate_transformation_mode in (None, "asymmetric") and config.nearest_mode == "floor"
    if config.mode != "nearest" or not is_plain or factors or factor != int(factor):
        raise NotSaid("[upsample] repeats every position equally often on both axes, and does nothing else")
    plan.read(plan.at(node.inputs[0]))
    return plan.section("upsample", {"stride": int(factor)}, node.shape)


def _add(plan: Plan, index: int, node: Node) -> Place:
    if any(plan.network.nodes[source].shape != node.shape for source in node.inputs):
        raise NotSaid("[shortcut] adds maps of one shape")
    image = _image(plan, node.inputs[0])
    if any(_image(plan, source) != image for source in node.inputs):
        raise NotSaid("[shortcut] adds maps of one shape")
    sources = sorted(node.inputs, key=lambda source: plan.at(source).section != len(plan.sections) - 1)
    first, *others = [plan.at(source) for source in sources]
    plan.read(first)
    place = first
    for other in others:
        options: dict[str, object] = {"from": plan.back(other), "activation": "linear"}
        place = plan.section("shortcut", options, image)
    plan.sections[-1].activated = False
    return place


def _concat(plan: Plan, index: int, node: Node) -> Place:
    config: Any = node.config
    if config.axis % len(node.shape):
        raise NotSaid("[route] lays channels end to end alone")
    places = [plan.at(source) for source in node.inputs]
    image = None
    if len(node.shape) == 3 or all(place.image is not None and place.image[1:] == (1, 1) for place in places):
        images = [_image(plan, source) for source in node.inputs]
        image = (node.shape[0], *images[0][1:])
    return plan.section("route", {"layers": ",".join(str(plan.back(place)) for place in places)}, image)


def _part(plan: Plan, node: Node, sections: int, part: int) -> Place:
    image = _image(plan, node.inputs[0])
    plan.only(ALEXEYAB, "groups of [route]")
    options: dict[str, object] = {"layers": plan.back(plan.at(node.inputs[0])), "groups": sections, "group_id": part}
    return plan.section("route", options, (image[0] // sections, *image[1:]))


def _split(plan: Plan, index: int, node: Node) -> Place:
    config: Any = node.config
    if config.axis % len(node.shape):
        raise NotSaid("[route] takes parts of the channels alone")
    return _part(plan, node, config.sections, config.part % config.sections)


def _slice(plan: Plan, index: int, node: Node) -> Place:
    config: Any = node.config
    channels = plan.network.nodes[node.inputs[0]].shape[0]
    start, size = config.start % channels if config.start < 0 else config.start, node.shape[0]
    if config.axis % len(node.shape) or (config.step > 1 and size > 1) or channels % size or start % size:
        raise NotSaid("[route] takes one of so many equal parts of the channels alone")
    return _part(plan, node, channels // size, start // size)


def _dropout(plan: Plan, index: int, node: Node) -> Place:
    config: Any = node.config
    place = plan.at(node.inputs[0])
    if place.section < 0 and not plan.sections:
        raise NotSaid("[dropout] cannot be the first section")
    plan.read(place)
    return plan.section("dropout", {"probability": config.p}, place.image)


def _softmax(plan: Plan, index: int, node: Node) -> Place:
    config: Any = node.config
    if config.axis % len(node.shape) or (len(node.shape) > 1 and node.shape[1:] != (1, 1)):
        raise NotSaid("[softmax] is over all numbers that enter")
    plan.read(plan.at(node.inputs[0]))
    return plan.section("softmax", {"groups": 1}, None)


def _reshape(plan: Plan, index: int, node: Node) -> Place:
    """Nothing: a section that reads a row takes the numbers of a map in their order."""
    place = plan.at(node.inputs[0])
    if len(node.shape) > 1 and node.shape != place.image:
        raise NotSaid(f"maps are not laid out anew, as {list(node.shape)} here")
    return place


def _same(plan: Plan, index: int, node: Node) -> Place:
    return plan.at(node.inputs[0])


def _crop(plan: Plan, index: int, node: Node) -> Place:
    config: Any = node.config
    image = _image(plan, node.inputs[0])
    cut = [n - m for n, m in zip(image[1:], node.shape[1:], strict=True)]
    if config.size is None and any(before != both // 2 for (before, _), both in zip(config.cropping, cut, strict=True)):
        raise NotSaid("[crop] leaves the middle")
    plan.read(plan.at(node.inputs[0]))
    options: dict[str, object] = {"crop_height": node.shape[1], "crop_width": node.shape[2], "noadjust": 1}
    return plan.section("crop", options, node.shape)


def _affine(plan: Plan, index: int, node: Node) -> Place:
    config: Any = node.config
    if (config.factor, config.addend) != (2, -1):
        raise NotSaid("a factor and an addend, where [crop] alone has one pair of them: 2 and -1")
    image, source = _image(plan, node.inputs[0]), node.inputs[0]
    section = plan.follows_alone(source)
    if section is not None and section.options.get("noadjust"):
        del section.options["noadjust"]
        plan.joined(section)
        return plan.at(source)
    plan.read(plan.at(source))
    return plan.section("crop", {"crop_height": image[1], "crop_width": image[2]}, image)


def _mul(plan: Plan, index: int, node: Node) -> Place:
    """A map times its gate, which has a number for every channel or as many as the map."""
    if len(node.inputs) != 2:
        raise NotSaid("a product of two tensors is said, a map and its gate")
    sources = sorted(node.inputs, key=lambda source: plan.at(source).section)
    images = [_image(plan, source) for source in sources]
    if images[0] == images[1]:
        kind = "sam"
    elif {images[0][0], images[1][0]} == {node.shape[0]} and (1, 1) in (images[0][1:], images[1][1:]):
        kind = "scale_channels"
        sources = sorted(sources, key=lambda source: _image(plan, source)[1:] == (1, 1))
    else:
        raise NotSaid(f"{list(images[0])} times {list(images[1])}")
    x, gate = (plan.at(source) for source in sources)
    plan.only(ALEXEYAB, f"[{kind}]")
    plan.read(gate)
    options: dict[str, object] = {"from": plan.back(x), "activation": "linear"}
    place = plan.section(kind, options, node.shape)
    plan.sections[-1].activated = False
    return place


def _reorg(plan: Plan, index: int, node: Node) -> Place:
    config: Any = node.config
    _image(plan, node.inputs[0])
    plan.read(plan.at(node.inputs[0]))
    if node.kind == "pixel_shuffle":
        return plan.section("reorg", {"stride": config.upscale_factor, "reverse": 1}, node.shape)
    return plan.section("reorg", {"stride": config.downscale_factor}, node.shape)


KINDS: dict[str, Callable[[Plan, int, Node], Place]] = {
    **dict.fromkeys([*_ACTIVATIONS, "leaky_relu"], _activation),
    "adaptive_avg_pool": _adaptive_avg_pool,
    "add": _add,
    "affine": _affine,
    "avg_pool": _avg_pool,
    "batch_norm": _batch_norm,
    "concat": _concat,
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "crop": _crop,
    "dropout": _dropout,
    "flatten": _reshape,
    "global_avg_pool": _global_avg_pool,
    "identity": _same,
    "linear": _linear,
    "local_response_norm": _local_response_norm,
    "max_pool": _max_pool,
    "mul": _mul,
    "pixel_shuffle": _reorg,
    "pixel_unshuffle": _reorg,
    "reshape": _reshape,
    "slice": _slice,
    "softmax": _softmax,
    "split": _split,
    "upsample": _upsample,
}
"""How a layer of each kind is said."""
