"""Layers with weights, activations, and what joins tensors, as sections of a .cfg."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from convcalc.exports.darknet import pools
from convcalc.exports.darknet.geometry import image_of, square, strides
from convcalc.exports.darknet.plan import ALEXEYAB, PJREDDIE, CfgPlan, NoSection, SectionPlace
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


def _margin(windows: Sequence[Any]) -> int:
    """The padding of every end, in taps that are not apart."""
    ends = {end for window in windows for end in (window.before, window.after)}
    if len(ends) > 1:
        pairs = [[window.before, window.after] for window in windows]
        raise NoSection(f"padding {pairs} is not the same at all ends")
    return int(ends.pop())


def _padding(size: int, margin: int) -> dict[str, object]:
    if margin == 0:
        return {}
    return {"pad": 1} if margin == size // 2 else {"padding": margin}


def _filtered(plan: CfgPlan, node: Node, place: SectionPlace) -> SectionPlace:
    """A section whose bias a norm has that follows, where the layer has none; an activation may follow it."""
    section = plan.sections[-1]
    section.options["activation"] = "linear"
    section.activated = False
    config: Any = node.config
    if not config.bias:
        section.needs_norm = node
    return place


def _conv(plan: CfgPlan, node: Node) -> SectionPlace:
    config: Any = node.config
    image = image_of(plan, node.inputs[0])
    if len(node.inputs) > 1:
        raise NoSection("its filters are made by other layers")
    if config.padding_mode != "zeros":
        raise NoSection(f"padding_mode {config.padding_mode}")
    size, dilation = square("kernel_size", config.kernel_size), square("dilation", config.dilation)
    margin = _margin(config.windows(image))
    options: dict[str, object] = {"filters": config.out_channels, "size": size}
    options |= strides(plan, config.stride, "convolutional")
    if dilation > 1 and size > 1:
        if margin != (size // 2) * dilation or size % 2 == 0:
            raise NoSection("dilation with a padding that does not keep positions")
        plan.only(ALEXEYAB, "dilation")
        options |= {"pad": 1, "dilation": dilation}
    else:
        options |= _padding(size, margin)
    if config.groups > 1:
        options["groups"] = config.groups
    plan.read(plan.at(node.inputs[0]))
    return _filtered(plan, node, plan.section("convolutional", options, node.shape))


def _conv_transpose(plan: CfgPlan, node: Node) -> SectionPlace:
    config: Any = node.config
    image_of(plan, node.inputs[0])
    if len(node.inputs) > 1:
        raise NoSection("its filters are made by other layers")
    if config.groups > 1 or set(config.dilation) != {1}:
        raise NoSection("[deconvolutional] has neither groups nor dilation")
    size, stride = square("kernel_size", config.kernel_size), square("stride", config.stride)
    margin = _margin(config.windows())
    options: dict[str, object] = {"filters": config.out_channels, "size": size, "stride": stride}
    expected = [(n - 1) * stride + size - 2 * margin for n in plan.network.nodes[node.inputs[0]].shape[1:]]
    if list(node.shape[1:]) != expected:
        raise NoSection("positions are added at the end alone")
    plan.only(PJREDDIE, "[deconvolutional]")
    plan.read(plan.at(node.inputs[0]))
    return _filtered(plan, node, plan.section("deconvolutional", options | _padding(size, margin), node.shape))


def _linear(plan: CfgPlan, node: Node) -> SectionPlace:
    if len(plan.network.nodes[node.inputs[0]].shape) > 1:
        raise NoSection("[connected] reads all numbers, not rows of them: a flatten is missing before it")
    plan.read(plan.at(node.inputs[0]))
    place = plan.section("connected", {"output": node.shape[0]}, (node.shape[0], 1, 1))
    return _filtered(plan, node, place)


def _batch_norm(plan: CfgPlan, node: Node) -> SectionPlace:
    config: Any = node.config
    if not (config.affine is True and config.track_running_stats):
        raise NoSection("a norm without a scale or a shift, or without statistics")
    source = node.inputs[0]
    image = image_of(plan, source)
    section = plan.follows_alone(source)
    if section is not None and section.needs_norm is not None:
        section.options = {"batch_normalize": 1, **section.options}
        section.needs_norm = None
        plan.joined(section)
        return plan.at(source)
    plan.read(plan.at(source))
    return plan.section("batchnorm", {}, image)


def _word(node: Node) -> tuple[str, bool]:
    """Darknet's word for an activation, and whether AlexeyAB's program alone knows it."""
    config: Any = node.config
    if node.kind == "leaky_relu":
        if config.negative_slope not in _SLOPES:
            raise NoSection(f"a slope of {config.negative_slope}, where Darknet's are 0.1 and 0.01")
        return _SLOPES[config.negative_slope], False
    word, fields, is_newer = _ACTIVATIONS[node.kind]
    for name, value in fields.items():
        if getattr(config, name) != value:
            raise NoSection(f"{name} {getattr(config, name)}, where Darknet's is {value}")
    return word, is_newer


def _activation(plan: CfgPlan, node: Node) -> SectionPlace:
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


def _add(plan: CfgPlan, node: Node) -> SectionPlace:
    if any(plan.network.nodes[source].shape != node.shape for source in node.inputs):
        raise NoSection("[shortcut] adds maps of one shape")
    image = image_of(plan, node.inputs[0])
    if any(image_of(plan, source) != image for source in node.inputs):
        raise NoSection("[shortcut] adds maps of one shape")
    sources = sorted(node.inputs, key=lambda source: plan.at(source).section != len(plan.sections) - 1)
    first, *others = [plan.at(source) for source in sources]
    plan.read(first)
    place = first
    for other in others:
        options: dict[str, object] = {"from": plan.back(other), "activation": "linear"}
        place = plan.section("shortcut", options, image)
    plan.sections[-1].activated = False
    return place


def _concat(plan: CfgPlan, node: Node) -> SectionPlace:
    config: Any = node.config
    if config.axis % len(node.shape):
        raise NoSection("[route] lays channels end to end alone")
    places = [plan.at(source) for source in node.inputs]
    image = None
    if len(node.shape) == 3 or all(place.image is not None and place.image[1:] == (1, 1) for place in places):
        images = [image_of(plan, source) for source in node.inputs]
        image = (node.shape[0], *images[0][1:])
    return plan.section("route", {"layers": ",".join(str(plan.back(place)) for place in places)}, image)


def _part(plan: CfgPlan, node: Node, sections: int, part: int) -> SectionPlace:
    image = image_of(plan, node.inputs[0])
    plan.only(ALEXEYAB, "groups of [route]")
    options: dict[str, object] = {"layers": plan.back(plan.at(node.inputs[0])), "groups": sections, "group_id": part}
    return plan.section("route", options, (image[0] // sections, *image[1:]))


def _split(plan: CfgPlan, node: Node) -> SectionPlace:
    config: Any = node.config
    if config.axis % len(node.shape):
        raise NoSection("[route] takes parts of the channels alone")
    return _part(plan, node, config.sections, config.part % config.sections)


def _slice(plan: CfgPlan, node: Node) -> SectionPlace:
    config: Any = node.config
    channels = plan.network.nodes[node.inputs[0]].shape[0]
    start, size = config.start % channels if config.start < 0 else config.start, node.shape[0]
    if config.axis % len(node.shape) or (config.step > 1 and size > 1) or channels % size or start % size:
        raise NoSection("[route] takes one of so many equal parts of the channels alone")
    return _part(plan, node, channels // size, start // size)


def _mul(plan: CfgPlan, node: Node) -> SectionPlace:
    """A map times its gate, which has a number for every channel or as many as the map."""
    if len(node.inputs) != 2:
        raise NoSection("a product of two tensors is said, a map and its gate")
    sources = sorted(node.inputs, key=lambda source: plan.at(source).section)
    images = [image_of(plan, source) for source in sources]
    if images[0] == images[1]:
        kind = "sam"
    elif {images[0][0], images[1][0]} == {node.shape[0]} and (1, 1) in (images[0][1:], images[1][1:]):
        kind = "scale_channels"
        sources = sorted(sources, key=lambda source: image_of(plan, source)[1:] == (1, 1))
    else:
        raise NoSection(f"{list(images[0])} times {list(images[1])}")
    x, gate = (plan.at(source) for source in sources)
    plan.only(ALEXEYAB, f"[{kind}]")
    plan.read(gate)
    options: dict[str, object] = {"from": plan.back(x), "activation": "linear"}
    place = plan.section(kind, options, node.shape)
    plan.sections[-1].activated = False
    return place


KINDS: dict[str, Callable[[CfgPlan, Node], SectionPlace]] = {
    **pools.KINDS,
    **dict.fromkeys([*_ACTIVATIONS, "leaky_relu"], _activation),
    "add": _add,
    "batch_norm": _batch_norm,
    "concat": _concat,
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "linear": _linear,
    "mul": _mul,
    "slice": _slice,
    "split": _split,
}
"""How a layer of each kind is said."""
