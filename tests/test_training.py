"""A step of training: every moment and every MAC against arrays that are really held and products really made."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import MANY
from hypothesis import given, settings
from hypothesis import strategies as st
from trained_networks import both, claimed, differences, executed, run_step

import convcalc
from convcalc import Network, Training, layers
from convcalc.analysis.learning.naming import NoSuchLayers, named
from convcalc.analysis.learning.records import STATES, Optimizer
from convcalc.analysis.learning.wanted import UnevenFreeze, asked
from convcalc.language import Source, loads, writing
from convcalc.views.training.shared import notes

PAGE = (Path(__file__).parent.parent / "docs/training.md").read_text("utf-8")
SMALL = {
    "resnet18": "zoo:resnet18@input=3x33x33",
    "squeezenet": "zoo:squeezenet1_1@input=3x40x40",
    "mobilenet": "zoo:mobilenet_v3_small@input=3x33x33",
    "shufflenet": "zoo:shufflenet_v2@input=3x33x33",
    "googlenet": "zoo:googlenet@input=3x33x33",
}
"""Networks of the zoo at small sizes: residuals, concats, gates, channels that are shuffled, pools that overlap."""


def network_of(text: str) -> Network:
    return loads(Source("net.yaml", text))


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize(
    ("frozen", "again", "optimizer"),
    [(0, 0, "sgd"), (3, 0, "adam"), (0, 6, "momentum"), (4, 3, "adam")],
    ids=["plain", "frozen", "checkpoints", "both"],
)
def test_networks_of_the_zoo(name: str, frozen: int, again: int, optimizer: Optimizer) -> None:
    """With the first third or quarter frozen; with all but every sixth or third layer run again."""
    network = convcalc.load(SMALL[name])
    names = [node.name for node in network.layers]
    freeze = names[: len(names) // frozen] if frozen else []
    checkpoint = [name for place, name in enumerate(names) if place % again] if again else []
    costs, step = both(network, freeze, checkpoint, optimizer=optimizer)
    assert differences(costs, step) == []
    assert claimed(costs) == executed(step)
    assert costs.totals.step_macs == step.engine.multiplications
    assert costs.totals.peak_bytes == max(moment.alive.bytes for moment in step.moments)


def _items(draw: st.DrawFn, number: int, known: list[str], maps: list[str]) -> Iterator[tuple[dict[str, Any], bool]]:
    """A layer or two on a map of 4x4x4 that is there, and whether the last gives such a map again."""
    name, x, y = f"n{number}", draw(st.sampled_from(maps)), draw(st.sampled_from(maps))
    what = draw(st.sampled_from(range(12)))
    conv = {"name": name, "from": x, "out_channels": 4, "kernel_size": 3, "padding": 1}
    twins = [other for other in known if other.startswith("conv")]
    if what <= 2:
        yield {"conv": conv | {"name": f"conv{name}"}}, True
    elif what == 3 and twins:
        yield {"conv": {"name": name, "from": x, "share": draw(st.sampled_from(twins))}}, True
    elif what == 4:
        yield {"batch_norm": {"name": name, "from": x}}, True
    elif what == 5:
        yield {draw(st.sampled_from(["relu", "sigmoid", "silu"])): {"name": name, "from": x}}, True
    elif what == 6:
        yield {"dropout": {"name": name, "from": x, "p": draw(st.sampled_from([0, 0.3]))}}, True
    elif what == 7:
        yield {"reshape": {"name": f"{name}a", "from": x, "sizes": [16, 4]}}, False
        yield {"reshape": {"name": name, "from": f"{name}a", "sizes": [4, 4, 4]}}, True
    elif what == 8:
        yield {"parameter": {"name": f"{name}p", "from": x, "sizes": [4, 4, 4]}}, False
        yield {"mul": {"name": name, "from": [x, f"{name}p"]}}, True
    elif what == 9:
        yield {"max_pool": {"name": name, "from": x, "kernel_size": 3, "stride": 1, "padding": 1}}, True
    else:
        yield {draw(st.sampled_from(["add", "mul", "sub"])): {"name": name, "from": [x, y]}}, True


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Layers on maps of one shape: each reads any that is there, so that there are skips, dead ends, and tensors that
    enter twice; some share weights, some only give another shape, some are outputs."""
    known, maps, items = list[str](), ["input"], list[dict[str, Any]]()
    for number in range(draw(st.integers(1, 9))):
        for item, is_map in _items(draw, number, known, maps):
            ((_, fields),) = item.items()
            items.append(item)
            known.append(fields["name"])
            maps += [fields["name"]] * is_map
    outputs = draw(st.lists(st.sampled_from(known[-3:]), min_size=1, max_size=2, unique=True))
    return network_of(writing.text({"input": [4, 4, 4], "layers": items, "outputs": outputs}))


def some(draw: st.DataObject, network: Network) -> list[str]:
    """Some of the layers, by name."""
    names = [node.name for node in network.layers]
    return draw.draw(st.lists(st.sampled_from(names), unique=True)) if names else []


@settings(max_examples=MANY or 150)
@given(network=networks(), data=st.data())
def test_generated_networks(network: Network, data: st.DataObject) -> None:
    freeze, checkpoint = some(data, network), some(data, network)
    try:
        costs, step = both(network, freeze, checkpoint, optimizer=data.draw(st.sampled_from(list(STATES))))
    except UnevenFreeze:
        return
    assert differences(costs, step) == []
    assert claimed(costs) == executed(step)


@settings(max_examples=MANY or 60)
@given(network=networks(), data=st.data())
def test_running_again_changes_no_gradient(network: Network, data: st.DataObject) -> None:
    plain, again = run_step(network), run_step(network, checkpoint=some(data, network))
    assert plain.gradients.keys() == again.gradients.keys()
    for key, gradient in plain.gradients.items():
        assert np.array_equal(gradient, again.gradients[key], equal_nan=True)


@settings(max_examples=MANY or 100)
@given(network=networks(), data=st.data())
def test_a_gradient_is_asked_for_where_the_loss_changes_with_something_learned(
    network: Network, data: st.DataObject
) -> None:
    """By following every edge: one layer is behind another if there is a way of edges that a gradient comes back on."""
    frozen = named(network, some(data, network), "freeze")
    nodes = network.nodes
    after: dict[int, set[int]] = {index: {index} for index in range(len(nodes))}
    for index in reversed(range(len(nodes))):
        for reader in range(index + 1, len(nodes)):
            if index in nodes[reader].inputs and nodes[reader].kind != "parameter":
                after[index] |= after[reader]
    learns = {
        index
        for index, node in enumerate(nodes)
        if node.config.weights(*network.shapes_into(node)) and index not in frozen
    }
    try:
        gradients = asked(network, frozen)
    except UnevenFreeze:
        return
    for index, node in enumerate(nodes):
        moves = any(index in after[source] for source in learns)
        matters = not after[index].isdisjoint(network.outputs)
        assert gradients.of_output[index] == (moves and matters), node.name
        if not node.is_input:
            assert gradients.wanted[index].weights == (index in learns and matters), node.name


CHAIN = """
name: chain
input: [3, 8, 8]
layers:
  - conv: {name: first, out_channels: 4, kernel_size: 3, padding: 1}
  - batch_norm: {name: norm}
  - relu: {name: act}
  - max_pool: {name: pool, kernel_size: 2}
  - flatten: {name: flat}
  - linear: {name: head, out_features: 5}
"""


def test_a_chain_by_hand() -> None:
    """Batch 2, float32. A map of 4x8x8 has 2048 bytes for both samples, one of 4x4x4 has 512, the input 1536."""
    costs = convcalc.training(network_of(CHAIN), batch=2, optimizer="momentum")
    first, *_, head = costs.layers
    conv_macs, head_macs = 2 * 64 * 4 * 27, 2 * 64 * 5
    assert [(row.macs, row.input_gradient_macs, row.weight_gradient_macs) for row in (first, head)] == [
        (conv_macs, 0, conv_macs),  # nothing that is learned is before the input
        (head_macs, head_macs, head_macs),
    ]
    assert [row.kept_bytes for row in costs.layers] == [
        1536,  # the input
        2048 + 2 * 4 * 4,  # what enters the norm, and two numbers a channel
        2 * 256,  # a mask
        2 * 64,  # which of four taps
        0,
        512,  # what enters the head, in the memory of the pool's output
    ]
    params = 4 * 27 + 4 + 8 + 64 * 5 + 5
    assert costs.totals.gradient_bytes == costs.totals.state_bytes == costs.totals.weight_bytes == 4 * params
    assert costs.totals.buffer_bytes == 4 * 8
    peak = costs.peak
    assert (peak.phase, peak.layer) == ("backward", "act")
    assert peak.alive.bytes == costs.totals.peak_bytes
    assert peak.alive.kept == 1536 + 2048 + 32 + 512
    assert peak.alive.tensor_gradients == 2 * 2048  # that of what leaves it, and that of what enters it
    assert peak.alive.gradients == 4 * (64 * 5 + 5)
    last = costs.moments[-1]
    assert (last.phase, last.alive.bytes) == ("step", 3 * 4 * params + 32)


def test_a_frozen_beginning_asks_for_nothing_and_keeps_nothing() -> None:
    costs = convcalc.training(network_of(CHAIN), batch=2, freeze=["first", "norm"])
    *before, head = costs.layers
    assert [row.name for row in before if row.frozen] == ["first", "norm"]
    assert {
        (row.input_gradient_macs, row.weight_gradient_macs, row.kept_bytes, row.gradient_bytes) for row in before
    } == {(0, 0, 0, 0)}
    assert (head.input_gradient_macs, head.weight_gradient_macs) == (0, head.macs)
    assert [(moment.phase, moment.layer) for moment in costs.moments if moment.phase != "forward"] == [
        ("loss", ""),
        ("backward", "head"),
        ("step", ""),
    ]


@pytest.mark.parametrize("name", ["resnet50", "vgg16", "densenet121", "mobilenet_v2"])
def test_adam_takes_16_bytes_a_parameter(name: str) -> None:
    """The rule that everybody knows: weight, gradient and two moments in float32."""
    totals = convcalc.training(convcalc.load(f"zoo:{name}"), optimizer="adam").totals
    assert totals.weight_bytes + totals.gradient_bytes + totals.state_bytes == 16 * totals.params
    half = convcalc.training(convcalc.load(f"zoo:{name}"), optimizer="adam", dtype="bfloat16").totals
    assert half.weight_bytes + half.gradient_bytes + half.state_bytes == 8 * half.params


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "resnet50", "densenet121"])
def test_the_way_back_costs_twice_the_way_forward_but_for_the_first_layer(name: str) -> None:
    network = convcalc.load(f"zoo:{name}")
    costs, report = convcalc.training(network, batch=4), convcalc.analyze(network, batch=4)
    first = next(row.macs for row in report.layers if row.macs)
    assert costs.totals.step_macs == 3 * report.totals.macs - first
    assert costs.totals.params == costs.totals.trained_params == report.totals.params
    assert (costs.totals.weight_bytes, costs.totals.buffer_bytes) == (
        report.totals.weight_bytes,
        report.totals.buffer_bytes,
    )


@pytest.mark.parametrize(("layers", "size"), [(16, 4), (36, 6), (12, 3)])
def test_segments_of_a_chain_keep_as_few_tensors_as_is_published(layers: int, size: int) -> None:
    """Chen et al. 2016: of n layers in segments of k, n/k tensors are kept on the way there, k more on the way back."""
    items = [{"conv": {"out_channels": 4, "kernel_size": 3, "padding": 1, "bias": False}}] * size
    blocks = {"part": {"layers": items}}
    text = writing.text({"input": [4, 8, 8], "blocks": blocks, "layers": [{"part": {"repeat": layers // size}}]})
    tensor = 4 * 4 * 64
    plain = convcalc.training(network_of(text))
    costs = convcalc.training(network_of(text), checkpoint=["part1.*"])
    assert plain.totals.kept_bytes == layers * tensor
    assert costs.totals.kept_bytes == layers // size * tensor
    assert costs.checkpointing is not None
    assert len(costs.checkpointing.parts) == layers // size
    assert costs.checkpointing.kept_bytes_without == plain.totals.kept_bytes
    assert costs.checkpointing.peak_bytes_without == plain.totals.peak_bytes
    again = [moment.alive.kept for moment in costs.moments if moment.phase == "recompute"]
    assert max(again) == (layers // size + size - 1) * tensor
    assert costs.totals.recomputed_macs == costs.totals.macs


SHARED = """
input: [4, 6, 6]
layers:
  - conv: {name: a, out_channels: 4, kernel_size: 3, padding: 1}
  - relu
  - conv: {name: b, share: a}
  - relu
  - conv: {name: c, out_channels: 4, kernel_size: 1}
"""


def test_shared_weights_have_one_gradient_and_one_state() -> None:
    costs = convcalc.training(network_of(SHARED), optimizer="adam")
    a, _, b, _, c = costs.layers
    assert (a.gradient_bytes, a.state_bytes) == (4 * (4 * 36 + 4), 8 * (4 * 36 + 4))
    assert (b.gradient_bytes, b.state_bytes, b.params) == (0, 0, 0)
    alive = {(moment.phase, moment.layer): moment.alive.gradients for moment in costs.moments}
    assert alive["backward", "b"] == c.gradient_bytes + a.gradient_bytes
    assert alive["backward", "a"] == c.gradient_bytes + 2 * a.gradient_bytes  # it is added to the one that is there
    assert alive["step", ""] == c.gradient_bytes + a.gradient_bytes


def test_layers_that_share_are_frozen_together() -> None:
    with pytest.raises(UnevenFreeze, match="`a` is frozen, and `b` uses the same weights and is not") as raised:
        convcalc.training(network_of(SHARED), freeze=["a"])
    assert raised.value.advice == "freeze `b` as well, or neither"
    assert convcalc.training(network_of(SHARED), freeze=["[ab]"]).totals.trained_params == 20


def test_what_no_output_depends_on_gets_no_gradient() -> None:
    text = SHARED + "  - conv: {name: dead, from: a, out_channels: 2, kernel_size: 1}\noutputs: [c]\n"
    costs = convcalc.training(network_of(text), optimizer="adam")
    assert costs.unreached == ("dead",)
    assert costs.layers[-1].gradient_bytes == costs.layers[-1].kept_bytes == 0
    assert costs.totals.trained_params == costs.totals.params - 10


@pytest.mark.parametrize("option", ["freeze", "checkpoint"])
def test_a_pattern_that_names_nothing_is_refused(option: str) -> None:
    with pytest.raises(NoSuchLayers) as raised:
        convcalc.training(network_of(CHAIN), **{option: ["haed"]})  # type: ignore[arg-type]
    assert str(raised.value) == (
        f"{option}: expected the name of a layer or block, or a pattern of names, found 'haed'"
    )
    assert raised.value.advice == "did you mean `head`?"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"batch": 0}, "batch: expected a whole number from 1, found 0"),
        ({"optimizer": "lion"}, "optimizer: expected one of sgd, momentum, adam, found lion"),
        ({"dtype": "int8"}, "dtype: training takes a format with fractions, such as float32 or bfloat16, found int8"),
    ],
)
def test_terms_that_there_are_not(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        convcalc.training(network_of(CHAIN), **wrong)


BLOCKS = """
input: [4, 8, 8]
blocks:
  pair: {layers: [conv: {out_channels: 4, kernel_size: 3, padding: 1}, relu]}
  stage: {layers: [pair, pair]}
layers:
  - stage: {name: one}
  - conv: {name: between, out_channels: 4, kernel_size: 1}
  - relu: {name: act}
  - stage: {name: two}
"""


@pytest.mark.parametrize(
    ("patterns", "parts"),
    [
        (["two"], [("two", 4)]),
        (["two.*"], [("two.pair1", 2), ("two.pair2", 2)]),
        (["*"], [("one", 4), ("between", 2), ("two", 4)]),
        (["*relu*"], [("one.pair1.relu1", 1), ("one.pair2.relu1", 1), ("two.pair1.relu1", 1), ("two.pair2.relu1", 1)]),
        (["act", "between"], [("between", 1), ("act", 1)]),
        (["act", "between", "*act*"], [("between", 1), ("act", 1)]),
        (["[ab]*"], [("between", 2)]),
    ],
    ids=lambda value: " ".join(map(str, value)),
)
def test_a_segment_is_the_outermost_block_or_a_run_of_layers(patterns: list[str], parts: list[tuple[str, int]]) -> None:
    checkpointing = convcalc.training(network_of(BLOCKS), checkpoint=patterns).checkpointing
    assert checkpointing is not None
    assert [(part.name, part.layers) for part in checkpointing.parts] == parts


def test_what_deploy_says_is_of_another_time() -> None:
    spec = CHAIN + "deploy: {dtype: int8, batch: 8, fused: true}\n"
    costs: Training = convcalc.training(network_of(spec))
    assert (costs.convention.batch, costs.convention.dtype) == (1, "float32")
    assert costs.totals == convcalc.training(network_of(CHAIN)).totals


def test_a_fused_network_is_refused() -> None:
    network = network_of("input: [3, 8, 8]\nlayers:\n  - conv: {out_channels: 4, kernel_size: 3}\n  - relu\n")
    report = convcalc.analyze(network, fused=True)
    with pytest.raises(ValueError, match="expected one as it is written, found a fused one, with kernel `conv1`"):
        convcalc.training(report.network)
    assert convcalc.training(report.written).totals.params == 112


def test_a_network_of_which_not_all_is_known_says_at_least() -> None:
    text = CHAIN + "  - opaque: {name: odd, output_shape: [5]}\n"
    costs = convcalc.training(network_of(text))
    assert costs.uncosted == ("odd",)


def test_nothing_to_learn() -> None:
    costs = convcalc.training(network_of("input: [3, 4, 4]\nlayers: [relu]\n"), optimizer="adam")
    assert (costs.totals.trained_params, costs.totals.kept_bytes, costs.totals.step_macs) == (0, 0, 0)
    assert [moment.phase for moment in costs.moments] == ["forward", "loss", "step"]
    assert costs.peak.phase == "forward"


def kept_table() -> str:
    """What every kind says that it keeps, the kinds that say the same in a row."""
    kinds: dict[str, list[str]] = {}
    for name in layers.names():
        kept = layers.kind_of(name).kept
        text = " ".join((inspect.getdoc(kept) or "").split("\n\n")[-1 if kept is layers.Kind.kept else 0].split())
        kinds.setdefault(text.rstrip("."), []).append(f"`{name}`")
    ordered = sorted(kinds.items(), key=lambda row: (-len(row[1]), row[0]))
    rows = [f"| {text} | {', '.join(names)} |" for text, names in ordered]
    return "\n".join(["| what is kept | kinds |", "|:--|:--|", *rows])


def test_the_manual_says_what_each_kind_keeps() -> None:
    table = PAGE[PAGE.index("| what is kept |") :].partition("\n\n")[0]
    assert table == kept_table(), "its rows are the first sentences of what each kind says at `kept`"


def test_a_gradient_that_stops_on_the_way_is_not_said_to_lack_an_output() -> None:
    text = "input: [3, 6, 6]\nlayers:\n  - conv: {name: before, out_channels: 2, kernel_size: 3}\n  - opaque: [4]\n"
    costs = convcalc.training(network_of(text + "  - linear: 3\n"))
    assert costs.unreached == ("before",)
    assert notes(costs)[-1].endswith("no output depends on them, or only through what passes none on")
