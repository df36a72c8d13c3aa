"""The rules of counters, held against what the tools themselves print.

`tests/data/counters/layers.json` has single layers and `drawn.json` small networks, each as a spec beside what the
tools said of the same in PyTorch (`benchmarks/real_counters` writes both). Whole networks are in
test_counter_networks.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cache
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import MANY, load
from msgspec.structs import replace

from convcalc import counters, imports, layers
from convcalc.analysis.counts import LayerCount, count
from convcalc.counters import ChosenFigure, PrintedFigure
from convcalc.imports import ReadOptions
from convcalc.language import loads
from convcalc.language.source import Source
from convcalc.network import Network, Node, TextOrigin, input_node
from convcalc.readable import direct

DATA = Path(__file__).parent / "data" / "counters"
FINDINGS = Path(__file__).parent.parent / "findings"

KNOWN = frozenset(counters.names())

OTHERWISE: dict[tuple[str, str, str], str] = {
    ("upsample as * size=16*", "calflops", "FLOPs"): (
        "a size that is one number counts that number, and a spec keeps it for each axis: calflops:sizes=number"
    ),
    ("lp_pool as nn.LPPool3d*", "onnx-tool", "MACs"): "on three axes it was not seen through",
    (
        "a class token",
        "onnx-tool",
        "params",
    ): "an array that Concat reads is no weight to it, and the rules have it as one",
    ("not folded: conv, two norms", "onnx-tool", "MACs"): "a norm behind a norm is not seen through",
}
"""What the rules do not say: by cases (a pattern of names), tool (with its options) and figure, each with its cause."""


class RealFigure(NamedTuple):
    """What a tool, perhaps with options, printed of a case."""

    case: str
    tool: str
    word: str
    figure: int | float


@cache
def cases() -> dict[str, Any]:
    """Every case of both files, by its name."""
    return {name: case for file in ("layers", "drawn") for name, case in json.loads(_text(file))[file].items()}


def _text(file: str) -> str:
    return (DATA / f"{file}.json").read_text("utf-8")


def real_figures(name: str, case: dict[str, Any]) -> Iterator[RealFigure]:
    """Of the tools that we have rules of."""
    for tool, figures in {**case["figures"], **case.get("options", {})}.items():
        if tool.partition(":")[0] in KNOWN:
            yield from (RealFigure(name, tool, word, figure) for word, figure in figures.items())


def by_rules(network: Network, figures: Iterable[RealFigure]) -> Iterator[tuple[RealFigure, int | None]]:
    """What the rules make of the same; None where they leave a layer out."""
    by_batch: dict[int, dict[RealFigure, ChosenFigure]] = {}
    for real in figures:
        tool, _, written = real.tool.partition(":")
        options = dict(option.split("=") for option in written.split(",") if option)
        batch = int(options.pop("batch", "1"))
        stated = ",".join(f"{name}={value}" for name, value in {**options, "figure": real.word}.items())
        by_batch.setdefault(batch, {})[real] = counters.choose(f"{tool}:{stated}")
    for batch, choices in by_batch.items():
        counts = count(network, list(choices.values()), batch=batch)
        yield from ((real, None if own.unknown else own.count) for real, own in zip(choices, counts, strict=True))


def equal_numbers(network: Network) -> int:
    """Numbers of arrays of one axis beyond the first of each size, as fresh biases and norms are all alike."""
    sizes: Counter[int] = Counter()
    for node in network.layers:
        shapes = network.shapes_into(node)
        arrays = {**node.config.weights(*shapes), **node.config.buffers(*shapes)}
        sizes.update(shape[0] for shape in arrays.values() if len(shape) == 1)
    return sum(size * (times - 1) for size, times in sizes.items())


def differs(network: Network, real: RealFigure, result: int | None) -> bool:
    """Whether it is another figure; of onnx-tool's params, whose exporter writes equal arrays once, beyond these."""
    if result is None or (real.tool.partition(":")[0], real.word) != ("onnx-tool", "params"):
        return result != real.figure
    return not 0 <= result - real.figure <= equal_numbers(network)


@pytest.fixture(scope="module")
def differing() -> dict[RealFigure, int | None]:
    """All figures that the rules do not give, with what they give."""
    different: dict[RealFigure, int | None] = {}
    for name, case in cases().items():
        network = loads(Source(name, case["spec"]))
        results = by_rules(network, real_figures(name, case))
        different |= {real: result for real, result in results if differs(network, real, result)}
    return different


def exception(real: RealFigure) -> tuple[str, str, str] | None:
    """The entry of `OTHERWISE` that speaks of a figure."""
    fitting = (key for key in OTHERWISE if key[1:] == (real.tool, real.word) and fnmatchcase(real.case, key[0]))
    return next(fitting, None)


def test_rules_give_what_the_tools_print(differing: dict[RealFigure, int | None]) -> None:
    others = {real: result for real, result in differing.items() if exception(real) is None}
    lines = [f"{real.case}: {real.tool} {real.word} {real.figure}, not {result}" for real, result in others.items()]
    assert not lines, f"{len(lines)}:\n" + "\n".join(lines[:40])


def test_what_is_excepted_differs(differing: dict[RealFigure, int | None]) -> None:
    figures = [real for name, case in cases().items() for real in real_figures(name, case) if exception(real)]
    assert {exception(real) for real in figures} == {key for key in OTHERWISE if key[1] in KNOWN}
    assert all(real in differing for real in figures), "it comes right now: take it off the list"


def test_every_tool_that_is_run_has_many_cases() -> None:
    tools = [real.tool for name, case in cases().items() for real in real_figures(name, case)]
    assert all(tools.count(tool) > 100 for tool in set(tools) if ":" not in tool)


# ---- ultralytics -----------------------------------------------------------------------------------------------------


SOFTMAX = 2 * 4 * 256 * (3 * 256 - 1)
"""Of 4 heads, for each of 16 x 16 tokens."""
BESIDE = {"C3TR": SOFTMAX, "AIFI": SOFTMAX + 2 * 2 * 256 * 4}
"""What a spec does not say: softmax within nn.MultiheadAttention, which it has as its parts, and products of places and
frequencies, which are worked out once."""


def of_ultralytics(text: str, size: int) -> list[int | None]:
    """Twice the multiply-adds and the params of a model in ultralytics' YAML, by our rules."""
    imported = imports.read_bytes(text.encode(), "net.yaml", "net.yaml", ReadOptions(sizes={"": (3, size, size)}))
    network = direct.network(imported, TextOrigin(lambda: None, {}, {}), is_resized=False)
    figures = (counters.choose(f"ultralytics:figure={word}") for word in ("FLOPs", "params"))
    return [None if counted.unknown else counted.count for counted in count(network, list(figures))]


@pytest.mark.parametrize("kind", ["modules", "models"])
def test_ultralytics_own_modules_and_models(kind: str) -> None:
    """Modules behind a convolution to 16 channels, as thop.profile says; models as get_flops says."""
    different = []
    for *named, flops, params in json.loads(_text("ultralytics"))[kind]:
        if kind == "models":
            _, size, text = named
        else:
            name, arguments, repeats = named
            row = json.dumps([-1, repeats, name, arguments]).replace("null", "None")
            size, text = 32, f"nc: 10\nbackbone:\n  - [-1, 1, Conv, [16, 3, 2]]\nhead:\n  - {row}\n"
        counted = of_ultralytics(text, size)
        rest = flops - BESIDE.get(str(named[0]), 0)
        different += [] if counted == [rest, params] else [(*named[:2], [flops, params], counted)]
    assert different == []


# ---- the files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", counters.names())
def test_a_counter_says_what_it_was_seen_in(name: str) -> None:
    counter = counters.load(name)
    assert counter.about
    assert counter.seen
    assert name == "paper" or any(character.isdigit() for character in counter.package), "with its version"
    for fault in counter.faults:
        assert fault.kinds
        assert fault.what
        assert not fault.finding or (FINDINGS / f"{fault.finding}.sh").exists(), fault.finding


def rules_of(figure: PrintedFigure, kind: str) -> list[str]:
    """Calls that a figure distinguishes in a kind, one of each."""
    return ["nn", *(call for call in figure.rules.get(kind, {}) if call), *(call for call in figure.calls if call)]


CALLS = {"F": "F.f", "torch": "torch.f", "x": "x.f", "operator": "+", "subclass": "Own(nn.Own)"}
"""For each space of calls one of them."""


def alone(name: str, draw: random.Random) -> Network:
    """A network of one layer of a kind."""
    kind, shapes = load(name).case(draw)
    inputs = [input_node(f"input{place}", shape, 0) for place, shape in enumerate(shapes)]
    node = Node("layer", name, kind, tuple(range(len(shapes))), kind.shape(*shapes), 0)
    return Network(name, "", (*inputs, node), len(inputs), (len(inputs),), (), {}, {}, {})


def chosen(counter: counters.Counter) -> Iterator[ChosenFigure]:
    """Every figure, with the options as they are, and each of the others."""
    yield from counters.choices(counter)
    for choice in counters.choices(counter):
        for option, values in counter.options.items():
            yield from (replace(choice, options={**choice.options, option: value}) for value in values[1:])


@pytest.mark.parametrize("name", layers.names())
def test_no_layer_makes_a_rule_fail(name: str) -> None:
    draw = random.Random(name)
    for _ in range(MANY or 3):
        network = alone(name, draw)
        for choice in (choice for tool in counters.names() for choice in chosen(counters.load(tool))):
            for call in rules_of(choice.figure, name):
                called = {} if call == "nn" else {name: CALLS.get(call, call)}
                (layer,) = layer_counts(replace(network, code=called), choice)
                assert layer.count is None or layer.count >= 0


def layer_counts(network: Network, choice: ChosenFigure) -> tuple[LayerCount, ...]:
    """The layers as a tool counts them."""
    (counted,) = count(network, [choice])
    return counted.layers


# ---- what a rule may ask ---------------------------------------------------------------------------------------------


def adaptive(sizes: list[int], cells: list[int]) -> Network:
    spec = f"input: {[3, *sizes]}\nlayers: [adaptive_avg_pool: {{output_size: {cells}}}]"
    return loads(Source("net", spec))


def test_a_rule_rounds_as_doubles_do() -> None:
    """thop divides sizes and multiplies the quotients in doubles, as Python's floats are, and takes the whole part."""
    draw, rounded = random.Random(7), 0
    for _ in range(MANY or 100):
        sizes = [draw.randint(1, 40) for _ in range(draw.randint(1, 3))]
        cells = [draw.randint(1, size) for size in sizes]
        network = adaptive(sizes, cells)
        cell = 1.0
        for size, number in zip(sizes, cells, strict=True):
            cell *= size / number
        entering, leaving = (prod(node.shape) for node in network.nodes)
        by_floats = int((cell + 1) * leaving)
        rounded += by_floats != entering + leaving
        assert count(network, [counters.choose("thop")])[0].count == by_floats
    assert rounded, "some of them differ from the exact sum, or nothing is shown"


GRADIENTS = """
input: [4, 8, 8]
code: {}
layers:
  - conv: {name: first, out_channels: 6, kernel_size: 3}
  - conv: {name: second, out_channels: 6, kernel_size: 1, groups: 2}
  - relu: {from: input, name: beside}
  - conv: {name: third, from: beside, out_channels: 2, kernel_size: 1}
"""


def test_what_nothing_learned_is_before_has_no_gradient_by_its_input() -> None:
    """Forward, by the weights (once a group), and by the input where that depends on weights."""
    network = loads(Source("net", GRADIENTS))
    factors = {}
    for layer in layer_counts(network, counters.choose("flop-counter:pass=forward+backward")):
        factors[layer.name] = layer.count // layer.ours if layer.count and layer.ours else 0
    assert factors == {"first": 2, "second": 4, "beside": 0, "third": 2}


MINE = """
about: mine
package: mine 1
seen: made up
figures: {MACs: {unit: macs, count: {conv: "null if groups > 1 else macs", relu: 0}}}
"""


def test_a_rule_may_say_that_nobody_has_seen_it(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(MINE)
    choice = counters.choose(str(tmp_path / "mine.yaml"))
    (counted,) = count(loads(Source("net", GRADIENTS)), [choice])
    assert counted.unknown == ("second",)
    assert counted.count == sum(layer.count or 0 for layer in counted.layers) == counted.ours - 6 * 36 * 3


WRITTEN_OUT = [
    ("affine: {factor: 0.5}", "/", {"onnx-tool": 1600}),
    ("affine: {factor: 0.5}", "x.div", {"onnx-tool": 1600}),
    ("affine: {factor: 0.5, addend: 1}", "/", {"onnx-tool": None}),  # which of the two came first is not said
    ("affine: {factor: -1, addend: 1}", "-", {"onnx-tool": 400}),
    ("affine: {factor: -1, addend: 1}", "torch.rsub", {"onnx-tool": 400}),
    ("pow: -1", "/", {"onnx-tool": 1600}),
    ("pow: -1", "x.reciprocal", {"onnx-tool": 1600}),
    ("pow: 2", "**", {"onnx-tool": 12_800}),
    ("hard_swish: {}", "/", {"onnx-tool": 3200, "ptflops": None, "calflops": None}),
    ("hard_swish: {}", "*", {"onnx-tool": None, "ptflops": None, "calflops": None}),
    ("hard_sigmoid: {}", "/", {"onnx-tool": 2800, "ptflops": None, "calflops": None}),
    ("hard_sigmoid: {}", "*", {"onnx-tool": 1600, "ptflops": None, "calflops": None}),
    ("hard_swish: {}", "nn", {"onnx-tool": 2000, "ptflops": 0, "calflops": 0}),
    ("gelu: {}", "*", {"onnx-tool": None}),
    ("relu6: {}", "nn.Hardtanh", {"onnx-tool": 800, "ptflops": 0, "calflops": 0}),
    ("relu6: {}", "F.hardtanh", {"onnx-tool": 800, "ptflops": 0, "calflops": 0}),
    ("relu6: {}", "F.relu6", {"onnx-tool": 800, "ptflops": 400, "calflops": 400}),
]
"""Of 4x10x10: a layer, the last call of the code that it is written out as, and what was printed beyond the
convolution before it; None where the same call stood for code of which other figures were printed."""


@pytest.mark.parametrize(("layer", "call", "printed"), WRITTEN_OUT)
def test_what_is_written_out_counts_by_what_it_is_made_of(
    layer: str, call: str, printed: dict[str, int | None]
) -> None:
    kind = layer.partition(":")[0]
    code = "" if call == "nn" else f"code: {{{kind}: {json.dumps(call)}}}\n"
    network = loads(Source("x", f"input: [4, 10, 10]\n{code}layers:\n  - {layer}\n"))
    figures = {"onnx-tool": "MACs", "ptflops": "MACs", "calflops": "FLOPs"}
    for tool, figure in printed.items():
        (own,) = count(network, [counters.choose(f"{tool}:figure={figures[tool]}")])
        assert (None if own.unknown else own.count) == figure, tool


def test_what_no_rule_can_see_is_assumed() -> None:
    for word, tools in {
        "TransformerEncoderLayer": {"flop-counter", "ptflops", "calflops"},
        "MobileViT": {"flop-counter", "ptflops-aten"},
    }.items():
        assert {tool for tool in KNOWN if any(word in line for line in counters.load(tool).assumes)} == tools
