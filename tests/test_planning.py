"""Memory over time, arenas and orders, against networks that are run in every order there is."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import convcalc
from conftest import MANY, covering
from convcalc import steps
from convcalc.analysis.terms import Terms
from convcalc.arithmetic.precision import precision
from convcalc.devices import Device
from convcalc.language import Source
from convcalc.language.document import loads
from convcalc.network import Network
from convcalc.planning import orders
from convcalc.planning.arena import ALIGNMENT, offsets
from convcalc.planning.plan import plan
from convcalc.planning.records import MemoryPlan

ZOO = Path(__file__).parent.parent / "specs" / "zoo"


def network_of(text: str) -> Network:
    return loads(Source("<test>", text))


# ---- every order, run: memory holds tensors by name, and a layer must meet those that it reads -----------------


class Overwritten(Exception):
    """A layer reads what is no longer there."""


class Machine:
    """Memory in which layers run: places that hold a tensor each, freed when nothing that is left reads it."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.sizes = [0 if node.config.holds_output else 4 * prod(node.shape) for node in network.nodes]
        self.left = set(range(network.input_count, len(network.nodes)))
        self.held = set(range(network.input_count))
        self.free()

    def free(self) -> None:
        wanted = {source for index in self.left for source in self.network.nodes[index].inputs}
        self.held &= wanted | set(self.network.outputs)

    def run(self, index: int) -> int:
        """Bytes in use while a layer runs."""
        node = self.network.nodes[index]
        if not self.held.issuperset(node.inputs):
            raise Overwritten
        self.left.remove(index)
        self.held.add(index)
        shared = self.sizes[node.inputs[node.in_place]] if node.in_place is not None else 0
        used = sum(self.sizes[tensor] for tensor in self.held) - shared
        if node.in_place is not None:
            self.held.remove(node.inputs[node.in_place])
        self.free()
        return used


def peak_of(network: Network, order: list[int]) -> int:
    machine = Machine(network)
    peak = max((machine.run(index) for index in order), default=0)
    assert not machine.left
    assert machine.held == set(network.outputs)
    return peak


def every_order(network: Network, ran: tuple[int, ...] = ()) -> Iterator[int]:
    """The peak of every order in which each layer meets what it reads."""
    machine, peak = Machine(network), 0
    for index in ran:
        try:
            peak = max(peak, machine.run(index))
        except Overwritten:
            return
    if not machine.left:
        yield peak
    for index in sorted(machine.left):
        if all(source in ran or source < network.input_count for source in network.nodes[index].inputs):
            yield from every_order(network, (*ran, index))


@st.composite
def networks(draw: st.DrawFn, most: int = 7) -> Network:
    """Convolutions, sums and activations between any tensors, some of which run in place."""
    names = [f"in{number}" for number in range(draw(st.integers(1, 2)))]
    channels = {name: draw(st.integers(1, 4)) for name in names}
    lines = [f"inputs: {{{', '.join(f'{name}: [{channels[name]}, 2, 2]' for name in names)}}}", "layers:"]
    for number in range(draw(st.integers(1, most))):
        name, source = f"t{number}", draw(st.sampled_from(list(channels)[-4:]))
        kind = draw(st.sampled_from(["conv", "conv", "relu", "add", "concat", "parameter"]))
        sources = [source]
        if kind in {"add", "concat"}:
            alike = [other for other in channels if kind == "concat" or channels[other] == channels[source]]
            sources += draw(st.lists(st.sampled_from(alike), min_size=1, max_size=2))
        fields = f"name: {name}"
        if kind == "parameter":
            channels[name] = 2
            fields += f", from: {names[0]}, sizes: [2, 2, 2]"
        else:
            fields += f", from: [{', '.join(sources)}]"
            channels[name] = sum(channels[other] for other in sources) if kind == "concat" else channels[source]
        if kind == "conv":
            channels[name] = draw(st.integers(1, 9))
            fields += f", out_channels: {channels[name]}, kernel_size: 1"
        lines.append(f"  - {kind}: {{{fields}}}")
    leaving = draw(st.lists(st.sampled_from(list(channels)), min_size=1, max_size=2, unique=True))
    network = network_of("\n".join([*lines, f"outputs: [{', '.join(leaving)}]"]) + "\n")
    return in_place(network, [draw(st.booleans()) for _ in network.nodes])


def in_place(network: Network, wanted: list[bool]) -> Network:
    """Layers write over the first tensor that they read, where it is theirs to write over once all others have run."""
    nodes, overwritten = list(network.nodes), set(network.outputs)
    for index, node in enumerate(nodes):
        source = node.inputs[0] if node.inputs else 0
        last = max((other for other, reader in enumerate(nodes) if source in reader.inputs), default=-1)
        may = node.kind in {"relu", "add"} and last == index and nodes[source].shape == node.shape
        if wanted[index] and may and source >= network.input_count and source not in overwritten:
            if not nodes[source].config.holds_output:
                nodes[index] = replace(node, in_place=0)
                overwritten.add(source)
    return replace(network, nodes=tuple(nodes))


def planned(network: Network, running: str = "written") -> MemoryPlan:
    return plan(network, Terms(), running)  # type: ignore[arg-type]


def indices(network: Network, names: tuple[str, ...]) -> list[int]:
    places = {node.name: index for index, node in enumerate(network.nodes)}
    return [places[name] for name in names]


@given(networks())
@settings(max_examples=MANY or 60)
def test_the_smallest_peak_is_that_of_all_orders(network: Network) -> None:
    memory = planned(network)
    written = list(range(network.input_count, len(network.nodes)))
    assert memory.orders.written_bytes == memory.peak_activation_bytes == peak_of(network, written)
    assert memory.orders.is_exact
    assert memory.orders.smallest_bytes == min(every_order(network))
    assert peak_of(network, indices(network, memory.orders.layers)) == memory.orders.smallest_bytes


@given(networks(), st.integers(0, 25))
def test_where_the_search_is_cut_short_the_smallest_peak_lies_between_what_is_said(network: Network, most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(orders, "Budget", lambda: BUDGET(left=most))
        said_of = planned(network).orders
    smallest = min(every_order(network))
    assert said_of.at_least_bytes <= smallest <= said_of.smallest_bytes <= said_of.written_bytes
    assert peak_of(network, indices(network, said_of.layers)) == said_of.smallest_bytes


BUDGET = orders.Budget
