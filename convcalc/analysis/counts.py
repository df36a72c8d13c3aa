"""What other tools count of a network, by the rules of `convcalc.counters`, held against what we count."""

from __future__ import annotations

from collections.abc import Sequence
from keyword import iskeyword
from typing import Any

import msgspec

from convcalc.analysis.analyze import costs
from convcalc.analysis.framing import framed, pads_of
from convcalc.arithmetic.number import product
from convcalc.counters import ChosenFigure, Counter, PrintedFigure
from convcalc.counters.calls import calls_of
from convcalc.language.coding import space_of
from convcalc.language.expressions import Expression, ExpressionError
from convcalc.language.source import Diagnostic, SpecError
from convcalc.layers import Kind, Shape
from convcalc.network import Network

Facts = dict[str, Any]
"""What a rule may ask for, by name: see `layer_facts`."""


class LayerCount(msgspec.Struct, frozen=True):
    """A layer as a tool counts it.

    `call` is how the code calls it. `count` is None where nobody has seen what the tool counts there. `part` is the
    word for what it has beyond ours, `faults` what the tool gets wrong in it.
    """

    name: str
    kind: str
    call: str
    count: int | None
    ours: int
    part: str
    faults: tuple[str, ...] = ()


class DifferencePart(msgspec.Struct, frozen=True):
    """What makes a part of the difference between a tool's figure and ours: so many layers, together so much."""

    part: str
    difference: int
    layers: int


class ToolCount(msgspec.Struct, frozen=True):
    """What a tool prints of a network: `count` without the `unknown` layers, by name, so at least that."""

    choice: ChosenFigure
    count: int
    ours: int
    layers: tuple[LayerCount, ...]
    unknown: tuple[str, ...]

    @property
    def parts(self) -> list[DifferencePart]:
        """What the difference from ours is made of, the largest first."""
        parts: dict[str, tuple[int, int]] = {}
        for layer in self.layers:
            difference = 0 if layer.count is None else layer.count - layer.ours
            if difference:
                total, layers = parts.get(layer.part, (0, 0))
                parts[layer.part] = total + difference, layers + 1
        listed = (DifferencePart(part, total, layers) for part, (total, layers) in parts.items())
        return sorted(listed, key=lambda part: -abs(part.difference))


def count(network: Network, choices: Sequence[ChosenFigure], *, batch: int = 1) -> list[ToolCount]:
    """What each tool prints of a network, as it is written.

    Raises:
        SpecError: a rule of a user's own file gives no whole number.
    """
    layers = _layers(network)
    for layer in layers:
        layer.facts["batch"] = batch
    return [_counted(network, layers, choice, batch) for choice in choices]


class _AskedLayer(msgspec.Struct, frozen=True):
    """A layer with what rules ask of it; layers that are alike have the same `key`."""

    key: Any
    call: str
    facts: Facts
    is_shared: bool


def _layers(network: Network) -> list[_AskedLayer]:
    nodes, calls = network.nodes, calls_of(network)
    readers: list[list[int]] = [[] for _ in nodes]
    for index, node in enumerate(nodes):
        for source in node.inputs:
            readers[source].append(index)
    for index in network.outputs:
        readers[index].append(-1)
    alone = [len(reading) == 1 and reading[0] >= 0 for reading in readers]
    known: dict[Any, Facts] = {}
    layers = []
    for index, (node, call) in enumerate(zip(network.layers, calls, strict=True), network.input_count):
        after = nodes[readers[index][0]].kind if alone[index] else ""
        source = node.inputs[0] if node.inputs else -1
        before = nodes[source].kind if source >= 0 and alone[source] else ""
        key = node.config, network.shapes_into(node), call, before, after
        if key not in known:
            known[key] = {**layer_facts(node.config, key[1], node.shape), "before": before, "after": after}
        layers.append(_AskedLayer(key, call, known[key], node.shared is not None))
    return layers


def layer_facts(config: Kind, shapes: tuple[Shape, ...], output: Shape) -> Facts:
    """What a rule may ask of a layer, beside its fields by their names.

    Ours: `params`, `buffers`, `macs`, `elementwise_ops`. Of the first tensor that enters and of the one that leaves:
    `in_elements`, `in_channels`, `in_positions` (elements of a channel), `in_sizes`, and `out_` the same. `entering`
    are the elements of all tensors that enter, `inputs` how many these are; `taps` those of a kernel. `features` is
    the last size that enters, `rows` how many such rows there are. `rank` counts spatial axes.

    `pads` has the positions before and behind on each axis. `is_framed`: PyTorch has them by F.pad beside the layer;
    `framed_elements` are those of the tensor between the two, or else of the one that is padded or cropped. `batch`
    is how many samples run at once.
    """
    params, buffers, macs, elementwise_ops = costs(config, shapes)
    entering = shapes[0] if shapes else (0,)
    fields = {name: getattr(config, name) for name in config.__struct_fields__}
    sizes = {
        f"{side}_{name}": value
        for side, shape in (("in", entering), ("out", output))
        for name, value in (
            ("elements", product(shape)),
            ("channels", shape[0]),
            ("positions", product(shape[1:])),
            ("sizes", shape[1:]),
        )
    }
    kernel = fields.get("kernel_size", ())
    frame = framed(config, entering, output)
    inside = output if config.is_transposed else entering
    return {
        **fields,
        **sizes,
        "params": params,
        "buffers": buffers,
        "macs": macs,
        "elementwise_ops": elementwise_ops,
        "entering": sum(map(product, shapes)),
        "inputs": len(shapes),
        "shapes": shapes,
        "taps": product(kernel),
        "pads": tuple(pads_of(config, entering)),
        "is_framed": frame is not None,
        "framed_elements": product(frame or inside),
        "features": entering[-1],
        "rows": product(entering[:-1]),
        "rank": len(entering) - 1,
    }


def _counted(network: Network, layers: Sequence[_AskedLayer], choice: ChosenFigure, batch: int) -> ToolCount:
    figure, known = choice.figure, dict[Any, tuple[int | None, tuple[str, ...]]]()
    options = {f"{name}_" if iskeyword(name) else name: value for name, value in choice.options.items()}
    times = _times(figure, batch)
    counted, unknown = [], []
    for node, layer in zip(network.layers, layers, strict=True):
        if layer.key not in known:
            values = {**options, **layer.facts}
            amount = _amount(choice.counter, figure, node.kind, layer.call, values)
            known[layer.key] = amount, _faults(choice.counter, node.kind, values)
        amount, faults = known[layer.key]
        is_counted_before = layer.is_shared and figure.once
        ours = 0 if layer.is_shared and figure.unit == "params" else _ours(figure, layer.facts) * times
        if amount is None:
            unknown.append(node.name)
        total = None if amount is None else 0 if is_counted_before else int(amount * times)
        part = figure.parts.get(node.kind, node.kind)
        counted.append(LayerCount(node.name, node.kind, layer.call, total, ours, part, faults))
    return ToolCount(
        choice,
        sum(layer.count or 0 for layer in counted),
        sum(layer.ours for layer in counted),
        tuple(counted),
        tuple(unknown),
    )


def _times(figure: PrintedFigure, batch: int) -> int:
    """How often a layer's amount is in what is printed."""
    return 1 if figure.unit == "params" or figure.per_sample else batch


def _ours(figure: PrintedFigure, facts: Facts) -> int:
    """What we count, in the figure's unit."""
    return 2 * facts["macs"] if figure.unit == "flops" else facts[figure.unit]  # type: ignore[no-any-return]


def rule_of(figure: PrintedFigure, kind: str, call: str) -> Expression | None:
    """The rule by which a kind counts where it is called so; None where nobody has seen that."""
    rules, space = figure.rules.get(kind, {}), space_of(call)
    for name in (call, space):
        if name in rules:
            return rules[name]
    return figure.calls.get(call) or figure.calls.get(space) or rules.get("") or figure.others


def _amount(counter: Counter, figure: PrintedFigure, kind: str, call: str, values: Facts) -> int | None:
    rule = rule_of(figure, kind, call)
    if rule is None:
        return None
    try:
        amount = rule.evaluate(values)
        if amount is None:
            return None
        if figure.times is not None:
            amount *= figure.times.evaluate(values)
        if not isinstance(amount, bool | str | tuple) and (amount * _times(figure, values["batch"])).denominator == 1:
            return amount  # type: ignore[no-any-return]  # whole for all samples together
        problem = f"gives {amount}, which is no whole number"
    except ExpressionError as error:
        problem = str(error)
    message = f"the rule of {figure.word} for {kind}, {rule.text}: {problem}"
    raise SpecError([Diagnostic(counter.name, 0, 0, 0, "CC011", message)])


def _faults(counter: Counter, kind: str, values: Facts) -> tuple[str, ...]:
    """What the tool gets wrong in a layer."""
    return tuple(
        fault.what
        for fault in counter.faults
        if kind in fault.kinds and (fault.when is None or fault.when.evaluate(values) is True)
    )
