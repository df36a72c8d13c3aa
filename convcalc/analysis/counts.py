"""What other tools count of a network, by the rules of `convcalc.counters`, held against what we count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from convcalc.analysis.analyze import costs
from convcalc.analysis.layer_facts import AskedLayer, Facts, asked_layers
from convcalc.counters import ChosenFigure, Counter, PrintedFigure, ToolFault
from convcalc.counters.facts import asked_as
from convcalc.fields import shown
from convcalc.language.coding import space_of
from convcalc.language.expressions import Expression, ExpressionError
from convcalc.language.source import Diagnostic, SpecError
from convcalc.network import Network, Node
from convcalc.presenting import Printed


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


class ToolCount(Printed, msgspec.Struct, frozen=True):
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
    layers, rules = asked_layers(network, batch), _Rules()
    return [_counted(network, layers, choice, batch, rules) for choice in choices]


class _Rules:
    """Works rules out, each once for the same values of the names in it: most layers differ in others."""

    def __init__(self) -> None:
        self._names: dict[Expression, list[str]] = {}
        self._known: dict[tuple[Any, ...], Any] = {}

    def value(self, rule: Expression, values: Facts) -> Any:
        """What a rule comes to.

        Raises:
            ExpressionError: it comes to nothing.
        """
        names = self._names.get(rule)
        if names is None:
            names = self._names[rule] = [*{node.id: None for node in rule.names}, "rank"]  # which functions ask for
        key = rule, *map(values.get, names)
        if key not in self._known:
            self._known[key] = rule.evaluate(values)
        return self._known[key]


def explained(network: Network, choice: ChosenFigure) -> list[tuple[Expression | None, Facts]]:
    """The rule by which a tool counts each layer, None where nobody has seen one, and what it is worked out from."""
    figure = choice.figure
    return [
        (rule_of(figure, node.kind, layer.call) if node.config.costed else None, _values(choice, layer))
        for node, layer in zip(network.layers, asked_layers(network), strict=True)
    ]


def _values(choice: ChosenFigure, layer: AskedLayer) -> Facts:
    """The values of the names in a rule: the layer's own go before the tool's options."""
    return {asked_as(name): value for name, value in choice.options.items()} | layer.facts


def _counted(
    network: Network, layers: Sequence[AskedLayer], choice: ChosenFigure, batch: int, rules: _Rules
) -> ToolCount:
    figure, known = choice.figure, dict[int, tuple[Any, tuple[str, ...]]]()
    times = 1 if figure.unit == "params" or figure.per_sample else batch
    counted, unknown = [], []
    for node, layer in zip(network.layers, layers, strict=True):
        if layer.number not in known:
            values = _values(choice, layer)
            is_known = node.config.costed  # of an operator that no kind says, nobody knows what it is in code
            rule = rule_of(figure, node.kind, layer.call) if is_known else None
            amount = None if rule is None else _amount(choice, node.kind, rule, values, times, rules)
            known[layer.number] = amount, _faults(choice.counter, node.kind, values, rules)
        amount, faults = known[layer.number]
        if amount is None:
            unknown.append(node.name)
        elif layer.is_shared and figure.once:
            amount = 0
        part = figure.parts.get(node.kind, node.kind)
        ours = _ours(network, node, figure, layer) * times
        counted.append(LayerCount(node.name, node.kind, layer.call, amount, ours, part, faults))
    return ToolCount(
        choice,
        sum(layer.count or 0 for layer in counted),
        sum(layer.ours for layer in counted),
        tuple(counted),
        tuple(unknown),
    )


def _ours(network: Network, node: Node, figure: PrintedFigure, layer: AskedLayer) -> int:
    """What we count of a layer, in the figure's unit."""
    if figure.unit == "flops":
        return 2 * layer.facts["macs"]  # type: ignore[no-any-return]
    if figure.unit == "params" and (layer.is_shared or node.borrowed):
        return 0 if layer.is_shared else costs(node.config, network.shapes_into(node), node.borrowed_names)[0]
    return layer.facts[figure.unit]  # type: ignore[no-any-return]


def rule_of(figure: PrintedFigure, kind: str, call: str) -> Expression | None:
    """The rule by which a kind counts where it is called so; None where nobody has seen that."""
    rules, space = figure.rules.get(kind, {}), space_of(call)
    for name in (call, space):
        if name in rules:
            return rules[name]
    return figure.calls.get(call) or figure.calls.get(space) or rules.get("") or figure.others


def _amount(choice: ChosenFigure, kind: str, rule: Expression, values: Facts, times: int, rules: _Rules) -> int | None:
    """What a tool counts of a layer, of all samples together; None where the rule says that nobody has seen that.

    A rule gives the amount of a sample, which is no whole number where a part of it is counted once for the batch.
    """
    figure = choice.figure
    try:
        amount = rules.value(rule, values)
        if amount is None:
            return None
        if figure.times is not None:
            amount *= rules.value(figure.times, values)
        if not isinstance(amount, bool | str | tuple) and amount >= 0 and (amount * times).denominator == 1:
            return int(amount * times)
        problem = f"gives {shown(amount)}, where a whole number from 0 is expected"
    except ExpressionError as error:
        problem = str(error)
    message = f"the rule of {figure.word} for {kind}, {rule.text}: {problem}"
    raise SpecError([Diagnostic(choice.counter.name, 0, 0, 0, "CC011", message)])


def _faults(counter: Counter, kind: str, values: Facts, rules: _Rules) -> tuple[str, ...]:
    """What the tool gets wrong in a layer."""
    faults = [fault for fault in counter.faults if kind in fault.kinds]
    return tuple(fault.what for fault in faults if _holds(counter, fault, kind, values, rules))


def _holds(counter: Counter, fault: ToolFault, kind: str, values: Facts, rules: _Rules) -> bool:
    """Whether the condition of a fault does."""
    if fault.when is None:
        return True
    try:
        return rules.value(fault.when, values) is True
    except ExpressionError as error:
        message = f"the fault of {kind}, {fault.when.text}: {error}"
        raise SpecError([Diagnostic(counter.name, 0, 0, 0, "CC011", message)]) from None
