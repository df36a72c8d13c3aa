"""The walk over a network's layers, each of which becomes a section or part of one."""

from __future__ import annotations

from convcalc.exports.darknet.plan import INPUT, CfgPlan, NoSection, SectionPlace
from convcalc.exports.darknet.sections import KINDS
from convcalc.exports.errors import CannotWrite, Unwritten
from convcalc.network import Network, Node

_MOST_NAMED = 20

_NO_BIAS = "it has no bias, which a section has unless a norm follows"

_GO_BACK = {"add", "concat", "dropout", "mul", "slice", "split"}
"""Kinds whose sections name a layer before them, which what enters is not."""


def text(network: Network) -> str:
    """The text of a network's .cfg."""
    if len(network.inputs) != 1:
        raise CannotWrite(f"a Darknet .cfg has one input, and {len(network.inputs)} tensors enter {network.name}")
    entering = network.inputs[0].shape
    if len(entering) not in (1, 3):
        raise CannotWrite(
            f"a Darknet .cfg has maps of channels, height and width enter, or a row, and here {list(entering)} enters"
        )
    plan, unsaid = CfgPlan(network), list[Unwritten]()
    hidden = set[int]()
    image = entering if len(entering) == 3 else None
    plan.places.append(SectionPlace(INPUT, image))
    first = network.layers[0] if network.layers else None
    if first is None or plan.readers[0] > 1 or first.inputs != (0,) or first.kind in _GO_BACK:
        plan.begin(network.inputs[0])
        plan.places[0] = plan.section("activation", {"activation": "linear"}, image)
    for index, node in enumerate(network.layers, start=1):
        plan.begin(node)
        try:
            plan.places.append(_place(plan, node))
        except NoSection as reason:
            if not hidden.intersection(node.inputs):
                unsaid.append(Unwritten(node.name, node.kind, node.line, str(reason)))
            shape = (*node.shape, 1, 1)[:3] if len(node.shape) in (1, 3) else None
            if len(node.shape) not in (1, 3):  # nothing that reads it can be said, and none of that is why
                hidden.add(index)
            plan.places.append(SectionPlace(max(len(plan.sections) - 1, 0), shape))
    unsaid += [
        Unwritten(section.needs_norm.name, section.needs_norm.kind, section.needs_norm.line, _NO_BIAS)
        for section in plan.sections
        if section.needs_norm is not None
    ]
    if unsaid:
        raise _refusal(unsaid)
    return "\n".join([*_finished(plan, network)]) + "\n"


def _place(plan: CfgPlan, node: Node) -> SectionPlace:
    """Where the tensor of a layer is, behind the sections that say it."""
    if node.shared is not None or node.borrowed:
        raise NoSection("its weights are another layer's")
    if node.kind not in KINDS:
        raise NoSection("no section is like it")
    return KINDS[node.kind](plan, node)


def _finished(plan: CfgPlan, network: Network) -> list[str]:
    """The lines of the text: the network's last section is what leaves it."""
    last = max(network.outputs, key=lambda output: plan.at(output).section)
    plan.begin(network.nodes[last])
    plan.read(plan.at(last))
    head = [f"# {network.name}, written by convcalc"]
    if len(plan.families) > 1:
        both = "; ".join(f"{family} alone reads {', '.join(words)}" for family, words in plan.families.items())
        raise CannotWrite(f"no Darknet reads all of this network: {both}")
    head += [f"# {family}'s Darknet alone reads: {', '.join(sorted(words))}" for family, words in plan.families.items()]
    sizes = network.inputs[0].shape
    if len(sizes) == 1:
        size = [f"inputs={sizes[0]}"]
    else:
        size = [f"{key}={value}" for key, value in zip(("channels", "height", "width"), sizes, strict=True)]
    return list(plan.lines([*head, "[net]", "batch=1", "subdivisions=1", *size]))


def _refusal(unsaid: list[Unwritten]) -> CannotWrite:
    """The error that names every layer that is not said."""
    listed = "; ".join(f"{layer.layer} ({layer.kind}): {layer.reason}" for layer in unsaid[:_MOST_NAMED])
    more = f"; and {len(unsaid) - _MOST_NAMED} more" if len(unsaid) > _MOST_NAMED else ""
    count = "1 layer" if len(unsaid) == 1 else f"{len(unsaid)} layers"
    return CannotWrite(f"{count} that a Darknet .cfg does not say: {listed}{more}", tuple(unsaid))
