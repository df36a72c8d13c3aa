"""Memory over time, arenas and orders, against networks that are run in every order there is."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path

import pytest
from conftest import MANY, covering
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import convcalc
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
        own = source >= network.input_count and not nodes[source].config.holds_output
        if wanted[index] and may and own and source not in overwritten:
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


# ---- arenas ------------------------------------------------------------------------------------------------------


@given(networks(most=12), st.sampled_from(["written", "best"]))
def test_no_two_tensors_that_are_alive_share_a_byte(network: Network, running: str) -> None:
    memory = planned(network, running)
    order = [moment.layer for moment in memory.moments]
    machine, places = Machine(network), {node.name: index for index, node in enumerate(network.nodes)}
    regions = {places[name]: region for region in memory.arena.regions for name in region.tensors}
    assert sum(len(region.tensors) for region in memory.arena.regions) == len(regions)
    for layer in order:
        held = set(machine.held)
        machine.run(places[layer])
        alive = {tensor for tensor in held | {places[layer]} if machine.sizes[tensor]}
        taken: dict[int, int] = {}
        for region in {id(regions[tensor]): regions[tensor] for tensor in alive}.values():
            assert region.offset % ALIGNMENT == 0
            for byte in range(region.offset, region.offset + region.bytes):
                assert taken.setdefault(byte, id(region)) == id(region)
        assert len(taken) <= memory.peak_activation_bytes <= memory.arena.bytes
        assert max(taken, default=0) < max(memory.arena.bytes, 1)


def test_the_largest_comes_first_and_goes_to_the_first_gap() -> None:
    """Worked out by hand: b and d are put at the ends, a in the gap that is left beside d, c behind all."""
    sizes, spans = [16, 64, 32, 48], [(0, 1), (1, 2), (2, 3), (3, 4)]
    assert offsets(sizes, spans) == [64, 0, 64, 0]
    assert offsets([5, 5], [(0, 1), (1, 2)]) == [16, 0]  # of equal ones the later comes first, each on 16 bytes
    assert offsets([5, 5], [(0, 1), (1, 2)], alignment=1) == [5, 0]
    assert offsets([], []) == []


# ---- whole networks ----------------------------------------------------------------------------------------------


SEARCHED = steps.MOST_STEPS if MANY else 100_000
"""Steps for a network; what takes more has a bound."""


@pytest.mark.parametrize("path", covering(sorted(ZOO.glob("*.yaml"))), ids=lambda path: path.stem)
def test_memory_and_analyze_agree(path: Path) -> None:
    network = convcalc.load(path)
    for fused in (False, True):
        report = convcalc.analyze(network, fused=fused, dtype="int8", batch=3)
        with steps.run(SEARCHED):
            memory = convcalc.memory(network, fused=fused, dtype="int8", batch=3)
        with steps.run(SEARCHED):
            best = convcalc.memory(network, fused=fused, dtype="int8", batch=3, order="best")
        assert memory.peak == report.peak
        assert memory.peak_activation_bytes == report.totals.peak_activation_bytes
        assert [moment.output_bytes for moment in memory.moments] == [row.output_bytes for row in report.layers]
        assert memory.orders.at_least_bytes <= memory.orders.smallest_bytes <= memory.orders.written_bytes
        assert best.peak_activation_bytes == memory.orders.smallest_bytes
        assert tuple(moment.layer for moment in best.moments) == memory.orders.layers


RANDOM_WIRES = """
input: [8, 16, 16]
layers:
  - conv: {name: a, out_channels: 24, kernel_size: 3, padding: 1}
  - conv: {name: b, from: input, out_channels: 4, kernel_size: 1}
  - conv: {name: c, from: a, out_channels: 2, kernel_size: 1}
  - conv: {name: d, from: b, out_channels: 24, kernel_size: 3, padding: 1}
  - conv: {name: e, from: d, out_channels: 2, kernel_size: 1}
  - concat: {name: f, from: [c, e, b]}
"""


def test_a_branch_is_ended_before_the_next_begins() -> None:
    """Maps of 16x16 floats: input 8, a 24, c 2, b 4. As written, a waits while b runs; else a goes before, with c."""
    memory = convcalc.memory(network_of(RANDOM_WIRES), order="best")
    unit = 4 * 16 * 16
    assert memory.orders.written_bytes == (8 + 24 + 4) * unit
    assert memory.orders.smallest_bytes == (8 + 24 + 2) * unit
    assert memory.orders.is_exact
    names = memory.orders.layers
    assert names.index("a") + 1 == names.index("c")


def test_a_search_takes_no_more_than_it_is_given() -> None:
    """Hundreds of branches of which each could be the next: a bound is said, and the time is that of its steps."""
    wide = "\n".join(
        f"  - conv: {{name: a{n}, from: input, out_channels: {10 + n * 7 % 13}, kernel_size: 1}}\n"
        f"  - conv: {{name: b{n}, out_channels: {5 + n * 5 % 11}, kernel_size: 1}}\n"
        f"  - conv: {{name: c{n}, out_channels: {7 + n * 3 % 11}, kernel_size: 1}}"
        for n in range(60)
    )
    crossed = "\n".join(f"  - add: {{name: d{n}, from: [b{n}, b{n * 7 % 60}], when: false}}" for n in range(60))
    joined = f"  - concat: {{from: [{', '.join(f'c{n}, a{n * 11 % 60}' for n in range(60))}]}}"
    network = network_of(f"input: [8, 4, 4]\nlayers:\n{wide}\n{crossed}\n{joined}\n")
    with steps.run(400_000):
        memory = convcalc.memory(network)
    assert memory.orders.at_least_bytes <= memory.orders.smallest_bytes
    with steps.run(len(network.nodes) * 30):
        assert convcalc.memory(network).peak == memory.peak
    with steps.run(len(network.nodes)), pytest.raises(steps.OutOfSteps):
        convcalc.memory(network)


# ---- published figures -------------------------------------------------------------------------------------------


def person_detection() -> Network:
    """MobileNet v1 at a quarter of its width on grey pictures of 96x96, as TensorFlow Lite Micro's example is."""
    text = (ZOO / "mobilenet_v1.yaml").read_text("utf-8").replace("out_features: 1000", "out_features: 2")
    text = text.replace("[3, resolution, resolution]", "[1, 96, 96]").replace("width: 1 ", "width: 0.25 ")
    return network_of("\n".join(line for line in text.splitlines() if not line.startswith("expect")) + "\n")


def test_person_detection_needs_55_kb() -> None:
    """Liberis and Lane (arXiv:1910.05110): 241 KB where each tensor has its own place, 55 KB where it is freed."""
    memory = convcalc.memory(person_detection(), fused=True, dtype="int8")
    assert memory.peak_activation_bytes // 1000 == 55
    assert memory.arena.bytes == memory.peak_activation_bytes == 55_296
    assert sum(region.bytes for region in memory.arena.regions) // 1000 == 241


def test_mobilenet_v2_on_a_microcontroller() -> None:
    """MCUNetV2 (arXiv:2110.15352, figure 1) has 1,372 KB: a depthwise convolution that writes over what it reads.

    Without that, as most runtimes do it, the widest of them needs what it reads and what it gives: 1,470 KiB.
    """
    memory = convcalc.memory(convcalc.load("zoo:mobilenet_v2"), fused=True, dtype="int8")
    assert memory.peak is not None
    assert (memory.peak.layer, memory.peak.bytes) == ("stage2.block.0.depthwise", 1_505_280)
    others = [moment.alive_bytes for moment in memory.moments if "depthwise" not in moment.layer]
    assert max(others) == 1_372 * 1024


@pytest.mark.parametrize(
    ("name", "ram_bytes"), [("mobilenet_v1", 1_204_224), ("mobilenet_v2", 1_505_280), ("mobilenet_v3_large", 1_003_520)]
)
def test_memory_of_mobile_nets_that_another_tool_reads_off_their_files(name: str, ram_bytes: int) -> None:
    """The table of petewarden/ml_memory_analyser, which follows the tensors of TensorFlow Lite files in int8."""
    memory = convcalc.memory(convcalc.load(f"zoo:{name}"), fused=True, dtype="int8")
    assert memory.peak_activation_bytes == memory.arena.bytes == ram_bytes


# ---- devices, and what is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sram", "fits"), [(55_296, (True, True)), (55_295, (False, False)), (60_000, (True, True)), (1, (False, False))]
)
def test_a_device_has_room_or_not(sram: int, fits: tuple[bool, bool]) -> None:
    device = Device(name="small", sram=sram)
    memory = convcalc.memory(person_detection(), fused=True, dtype="int8", device=device)
    assert memory.room is not None
    assert (memory.room.arena_fits, memory.room.peak_fits) == fits


def test_tensors_may_fit_where_their_arena_does_not() -> None:
    network = network_of("{input: [1, 3, 3], layers: [relu, relu]}")
    memory = plan(network, Terms(precision=precision("int8"), device=Device(name="tiny", sram=20)))
    assert (memory.peak_activation_bytes, memory.arena.bytes) == (18, 32)
    assert memory.room is not None
    assert (memory.room.arena_fits, memory.room.peak_fits) == (False, True)


def test_an_order_that_there_is_not() -> None:
    network = network_of("{input: [1, 3, 3], layers: [relu]}")
    with pytest.raises(ValueError, match="order: expected written or best, found fastest"):
        convcalc.memory(network, order="fastest")  # type: ignore[arg-type]


def test_a_network_without_layers_needs_nothing() -> None:
    memory = planned(network_of("{input: [1, 3, 3], layers: []}"))
    assert (memory.peak, memory.moments, memory.arena.bytes, memory.orders.smallest_bytes) == (None, (), 0, 0)
