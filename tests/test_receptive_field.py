"""Receptive fields against sets of input positions, followed back from each output position one layer at a time.

The sets know no ends, no strides and no tables; what a layer reads is in brute_force.py. Published figures follow.
"""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction
from functools import cache
from math import lcm
from typing import Any

import brute_force
import pytest
from brute_force import Sources
from conftest import MANY, draws
from hypothesis import given, settings

from convcalc import Network, Report, SpecError, analyze, steps
from convcalc.arithmetic.axes import intervals
from convcalc.arithmetic.field import Field, at_input
from convcalc.language import Source, loads

Span = tuple[int, int] | None
LARGEST = 70
"""Positions of a generated axis; sets stay small."""


def load(text: str) -> Network:
    return loads(Source("field.yaml", text))


def fields(network: Network) -> list[Field]:
    """The field of every node, as each kind says it."""
    items: list[Field] = []
    for node in network.nodes:
        shapes = tuple(network.nodes[index].shape for index in node.inputs)
        entering = tuple(items[index] for index in node.inputs)
        items.append(
            node.config.receptive_field(entering, shapes) if not node.is_input else at_input(len(node.shape) - 1)
        )
    return items


def written(value: Any) -> str:
    return f"[{', '.join(map(written, value))}]" if isinstance(value, list | tuple) else str(value)


class Net:
    """A network that grows by a layer at a time, together with what each layer reads on every axis."""

    def __init__(self, draw: random.Random, rank: int, channels: int = 8) -> None:
        self.draw = draw
        self.rank = rank
        sizes = [draw.randint(9, 40) for _ in range(rank)]
        self.text = f"input: {[channels, *sizes]}\nlayers:\n"
        self.network: Network
        self.shapes = [(channels, *sizes)]
        self.reads: list[tuple[list[int], list[Sources]]] = [([], [])]
        self.rates = [[{Fraction(1)}] * rank]
        self.periods = [[1] * rank]

    def name(self, node: int) -> str:
        return f"n{node}" if node else "input"

    def put(self, kind: str, given: dict[str, Any], nodes: list[int], reads: list[tuple[Sources, Fraction]]) -> int:
        """The new layer's node, or that of its input where the language refuses it."""
        number = len(self.shapes)
        body = {"name": f"n{number}", "from": [self.name(node) for node in nodes], **given}
        text = f"{self.text}  - {kind}: {{{', '.join(f'{key}: {written(value)}' for key, value in body.items())}}}\n"
        try:
            network = load(text)
        except SpecError:
            return nodes[0]
        if max(network.nodes[-1].shape) > LARGEST:
            return nodes[0]
        self.text, self.network = text, network
        self.shapes.append(network.nodes[-1].shape)
        self.reads.append((nodes, [rule for rule, _ in reads]))
        steps = [step for _, step in reads]
        self.rates.append([{rate * step for node in nodes for rate in self.rates[node][axis]}
                           for axis, step in enumerate(steps)])  # fmt: skip
        self.periods.append([lcm(*(self.periods[node][axis] for node in nodes)) * step.denominator
                             for axis, step in enumerate(steps)])  # fmt: skip
        return number

    def deps(self) -> Any:
        """The function from a node, an axis and a position to the input positions that can reach it."""

        @cache
        def follow(node: int, axis: int, position: int) -> frozenset[int]:
            sources, rules = self.reads[node]
            if not sources:
                return frozenset([position])
            read = list(rules[axis](position))
            return frozenset().union(*(follow(source, axis, place) for source in sources for place in read))

        return follow

    def each(self, least: int, most: int) -> list[int]:
        return [self.draw.randint(least, most) for _ in range(self.rank)]

    def grow(self, node: int) -> int:
        """A layer behind a node."""
        return getattr(self, "_" + self.draw.choice(LAYERS))(node)  # type: ignore[no-any-return]

    def _window(self, node: int, kind: str, given: dict[str, Any], before: list[int]) -> int:
        axes = zip(given["kernel_size"], given["stride"], given["dilation"], before, strict=True)
        reads = [(brute_force.windowed(*axis), Fraction(axis[1])) for axis in axes]
        if kind == "avg_pool":
            del given["dilation"]
        return self.put(kind, given, [node], reads)

    def _conv(self, node: int) -> int:
        given: dict[str, Any] = {"out_channels": 8, "kernel_size": self.each(1, 4), "stride": self.each(1, 3)}
        given["dilation"] = self.each(1, 3)
        if self.draw.random() < 0.3:
            word = self.draw.choice(["same", "same_lower", "valid"] + ["causal"] * (self.rank == 1))
            axes = zip(
                self.shapes[node][1:], *(given[key] for key in ("kernel_size", "stride", "dilation")), strict=True
            )
            before = [brute_force.paddings(size, k, s, d, word)[0] for size, k, s, d in axes]
            return self._window(node, "conv", given | {"padding": word}, before)
        before = self.each(0, 5)
        pads = list(zip(before, self.each(0, 5), strict=True))
        return self._window(node, "conv", given | {"padding": pads}, before)

    def _pool(self, node: int) -> int:
        kind, kernel = self.draw.choice(["max_pool", "avg_pool"]), self.each(1, 4)
        before, after = ([self.draw.randint(0, k // 2) for k in kernel] for _ in "ba")
        given = {"kernel_size": kernel, "stride": self.each(1, 3), "padding": list(zip(before, after, strict=True))}
        given |= {"dilation": self.each(1, 3 if kind == "max_pool" else 1)}
        return self._window(node, kind, {**given, "ceil_mode": self.draw.choice(["true", "false"])}, before)

    def _conv_transpose(self, node: int) -> int:
        kernel, stride, dilation, before = self.each(1, 5), self.each(1, 4), self.each(1, 3), self.each(0, 3)
        pads = list(zip(before, self.each(0, 3), strict=True))
        given = {"out_channels": 8, "kernel_size": kernel, "stride": stride, "dilation": dilation, "padding": pads}
        given["output_padding"] = [self.draw.randint(0, s - 1) for s in stride]
        axes = zip(kernel, stride, dilation, before, strict=True)
        return self.put(
            "conv_transpose", given, [node], [(brute_force.transposed(*a), Fraction(1, a[1])) for a in axes]
        )

    def _upsample(self, node: int) -> int:
        mode = self.draw.choice(["nearest", *{1: ["linear"], 2: ["bilinear", "bicubic"]}[self.rank]])
        align = mode != "nearest" and self.draw.random() < 0.3
        sizes = self.shapes[node][1:]
        given: dict[str, Any] = {"mode": mode, "align_corners": str(align).lower()}
        if self.draw.random() < 0.5:
            factors = [Fraction(self.draw.choice(["1", "2", "3", "3/2", "4/3", "1/2"])) for _ in sizes]
            given["scale_factor"] = [f"{factor.numerator} / {factor.denominator}" for factor in factors]
            ratios = [1 / factor for factor in factors]
            outputs = [int(size * factor) for size, factor in zip(sizes, factors, strict=True)]
        else:
            outputs = given["size"] = self.each(1, 30)
            ratios = [Fraction(size, wanted) for size, wanted in zip(sizes, outputs, strict=True)]
        if align:
            ratios = [Fraction(size - 1, max(o - 1, 1)) if o > 1 else Fraction(0)
                      for size, o in zip(sizes, outputs, strict=True)]  # fmt: skip
        taps = {"nearest": 1, "bicubic": 4}.get(mode, 2)
        rules = [
            brute_force.nearest(ratio) if mode == "nearest" else brute_force.interpolated(ratio, taps, align)
            for ratio in ratios
        ]
        return self.put("upsample", given, [node], list(zip(rules, ratios, strict=True)))

    def _slice(self, node: int) -> int:
        start, step, chosen = self.draw.randint(0, 3), self.draw.randint(1, 3), self.draw.randrange(self.rank)
        reads = [(_shifted(start, step), Fraction(step)) if axis == chosen else STAY for axis in range(self.rank)]
        return self.put("slice", {"axis": chosen + 1, "start": start, "step": step}, [node], reads)

    def _pad(self, node: int) -> int:
        pads = list(zip(self.each(0, 3), self.each(0, 3), strict=True))
        return self.put("pad", {"padding": pads}, [node], [(_shifted(-before), Fraction(1)) for before, _ in pads])

    def _crop(self, node: int) -> int:
        cut = list(zip(self.each(0, 3), self.each(0, 3), strict=True))
        return self.put("crop", {"cropping": cut}, [node], [(_shifted(before), Fraction(1)) for before, _ in cut])

    def _pixel_shuffle(self, node: int) -> int:
        reads = [(brute_force.nearest(Fraction(1, 2)), Fraction(1, 2))] * self.rank
        return self.put("pixel_shuffle", {"upscale_factor": 2}, [node], reads)

    def _pixel_unshuffle(self, node: int) -> int:
        return self.put("pixel_unshuffle", {"downscale_factor": 2}, [node], [(_pairs, Fraction(2))] * self.rank)

    def _adaptive(self, node: int) -> int:
        wanted = self.each(2, 9)
        ratios = [Fraction(size, cells) for size, cells in zip(self.shapes[node][1:], wanted, strict=True)]
        reads = [(brute_force.cells(ratio), ratio) for ratio in ratios]
        return self.put("adaptive_avg_pool", {"output_size": wanted}, [node], reads)

    def meet(self, nodes: list[int]) -> int:
        """The nodes cut to a common size, and added, or concatenated where the channels differ."""
        common = [min(sizes) for sizes in zip(*(self.shapes[node][1:] for node in nodes), strict=True)]
        cut = []
        for node in nodes:
            more = [[0, size - left] for size, left in zip(self.shapes[node][1:], common, strict=True)]
            cut.append(
                self.put("crop", {"cropping": more}, [node], [STAY] * self.rank) if any(b for _, b in more) else node
            )
        kinds = ["concat"] if len({self.shapes[node][0] for node in nodes}) > 1 else ["add", "concat"]
        return self.put(self.draw.choice(kinds), {}, cut, [STAY] * self.rank)


def _shifted(start: int, step: int = 1) -> Sources:
    return lambda o: [start + o * step]


def _pairs(o: int) -> list[int]:
    return [2 * o, 2 * o + 1]


STAY = (_shifted(0), Fraction(1))
LAYERS = [
    *("conv", "conv", "conv", "pool", "conv_transpose", "conv_transpose", "upsample", "upsample"),
    *("slice", "pad", "crop", "pixel_shuffle", "pixel_unshuffle", "adaptive"),
]


def chain(draw: random.Random, rank: int) -> Net:
    net, node = Net(draw, rank), 0
    for _ in range(draw.randint(1, 7)):
        node = net.grow(node)
    return net


def graph(draw: random.Random, rank: int) -> Net:
    net, node = Net(draw, rank), 0
    for _ in range(draw.randint(1, 3)):
        ends = []
        for _ in range(draw.randint(2, 3)):
            end = node
            for _ in range(draw.randint(0, 3)):
                end = net.grow(end)
            ends.append(end)
        node = net.meet(ends)
    return net


def hull(positions: frozenset[int]) -> Span:
    return (min(positions), max(positions)) if positions else None


def check(net: Net) -> None:
    """Every interval of every layer, and what the report says of it."""
    if len(net.shapes) == 1:
        return
    follow, report, result = net.deps(), analyze(net.network), fields(net.network)
    for node in range(1, len(net.shapes)):
        seen = report.layers[node - 1].receptive_field
        assert not seen.is_global
        for axis in range(net.rank):
            outputs = net.shapes[node][axis + 1]
            expected = [hull(follow(node, axis, position)) for position in range(outputs)]
            local = result[node].axes[axis]
            assert local is not None, net.text
            assert intervals(local, outputs) == expected, (net.text, node, axis)
            spans = [span for span in expected if span is not None]
            assert seen.size is not None
            assert seen.stride is not None
            assert seen.start is not None
            assert seen.size[axis] == max((high - low + 1 for low, high in spans), default=0), (net.text, node, axis)
            assert seen.start[axis] == (spans[0][0] if spans else 0), (net.text, node, axis)
            assert seen.stride[axis] == max(net.rates[node][axis]), (net.text, node, axis)


@pytest.mark.parametrize("rank", [1, 2])
@settings(max_examples=MANY or 100)
@given(draw=draws)
def test_chains(rank: int, draw: random.Random) -> None:
    check(chain(draw, rank))


@pytest.mark.parametrize("rank", [1, 2])
@settings(max_examples=MANY or 60)
@given(draw=draws)
def test_graphs(rank: int, draw: random.Random) -> None:
    check(graph(draw, rank))


@settings(max_examples=MANY or 60)
@given(draw=draws)
def test_misaligned_is_where_mean_centres_or_strides_differ(draw: random.Random) -> None:
    net = Net(draw, 1)
    ends = []
    for _ in "ab":
        end = 0
        for _ in range(draw.randint(0, 2)):
            end = net.grow(end)
        ends.append(end)
    met = net.meet(ends)
    if met != len(net.shapes) - 1 or len(net.reads[met][0]) != 2:
        return
    follow, period = net.deps(), lcm(*(net.periods[end][0] for end in ends))
    spans = [[hull(follow(end, 0, position)) for position in range(period)] for end in ends]
    if any(span is None for path in spans for span in path):
        return
    centres = [sum(low + high for low, high in path) for path in spans]  # type: ignore[misc]  # None is no span here
    differ = net.rates[ends[0]] != net.rates[ends[1]] or centres[0] != centres[1]
    assert analyze(net.network).misaligned == ((net.name(met),) if differ else ()), net.text


# Published figures, on one axis. A layer is (kernel, stride, before) or (kernel, stride, before, after).

Layer = tuple[int, ...]


def layer(kernel: int, stride: int, before: int, after: int | None = None) -> str:
    after = before if after is None else after
    return f"conv: {{out_channels: 4, kernel_size: {kernel}, stride: {stride}, padding: [[{before}, {after}]]}}"


def stack(layers: list[Layer]) -> str:
    return "".join(f"  - {layer(*item)}\n" for item in layers)


def branches(kind: str, *paths: list[Layer]) -> str:
    inner = ", ".join(f"[{', '.join('{' + layer(*item) + '}' for item in path)}]" for path in paths)
    return f"  - {kind}: {{branches: [{inner}]}}\n"


def seen(text: str, size: int) -> list[tuple[Any, Any, Any]]:
    """Size, stride and effective padding (what the first window reaches out before the input) of every layer."""
    items = []
    for row in analyze(load(f"input: [4, {size}]\nlayers:\n{text}")).layers:
        local: Any = row.receptive_field
        items.append((local.size[0], local.stride[0], -local.start[0]))
    return items


VGG = [[(3, 1, 1)] * n + [(2, 2, 0)] for n in (2, 2, 3, 3, 3)]
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
MOBILENET = [(3, 2, 0, 1), *(entry for stride in STRIDES for entry in [(3, stride, 2 - stride, 1), (1, 1, 0)])]
# The layers, and the published field/stride/padding behind some, by number (2.6 of the literature, SAME at 224).
STACKS: dict[str, tuple[list[Layer], str]] = {
    "alexnet_v2": (
        [(11, 4, 0), (3, 2, 0), (5, 1, 2), (3, 2, 0), (3, 1, 1), (3, 1, 1), (3, 1, 1), (3, 2, 0)],
        "0:11/4/0 1:19/8/0 2:51/8/16 4:99/16/32 5:131/16/48 6:163/16/64 7:195/32/64",
    ),
    "vgg_16": (
        [entry for stage in VGG for entry in stage],
        (
            "0:3/1/1 2:6/2/2 3:10/2/4 5:16/4/6 6:24/4/10 7:32/4/14 9:44/8/18 10:60/8/26 11:76/8/34 13:100/16/42 "
            "14:132/16/58 15:164/16/74 17:212/32/90"
        ),
    ),
    "mobilenet_v1": (
        MOBILENET,
        (
            "0:3/2/0 2:7/2/2 4:11/4/2 6:19/4/6 8:27/8/6 10:43/8/14 12:59/16/14 14:91/16/30 16:123/16/46 18:155/16/62 "
            "20:187/16/78 22:219/16/94 24:251/32/94 26:315/32/126"
        ),
    ),
}


@pytest.mark.parametrize("name", STACKS)
def test_published_stacks(name: str) -> None:
    layers, published = STACKS[name]
    values = {f"{number}:{size}/{stride}/{pad}" for number, (size, stride, pad) in enumerate(seen(stack(layers), 224))}
    assert set(published.split()) <= values


def inception_v3() -> str:
    """Every branch by its taps on one axis: a 7x1 behind a 1x7 is one of seven and one of one."""
    item, three, five, seven, pool = (1, 1, 0), (3, 1, 1), (5, 1, 2), (7, 1, 3), (3, 1, 1)
    down = (3, 2, 0)
    text = stack([down, (3, 1, 0), three, down, item, (3, 1, 0), down])
    text += 3 * branches("concat", [item], [item, five], [item, three, three], [pool, item])
    text += branches("concat", [down], [item, three, down], [down])
    text += 4 * branches("concat", [item], [item, item, seven], [item, seven, item, seven, item], [pool, item])
    text += branches("concat", [item, down], [item, seven, item, down], [down])
    text += 2 * branches("concat", [item], [item, three], [item, three, three], [pool, item])
    return text


def test_published_inception_v3() -> None:
    report = analyze(load(f"input: [4, 299]\nlayers:\n{inception_v3()}"))
    rows = [row.receptive_field for row in report.layers if row.kind == "concat"]
    assert [(row.size, row.stride, row.start) for row in rows] == [
        ((size,), (stride,), (-pad,))
        for size, stride, pad in [
            *((63, 8, 18), (95, 8, 34), (127, 8, 50), (159, 16, 58), (351, 16, 154), (543, 16, 250)),
            *((735, 16, 346), (927, 16, 442), (1055, 32, 490), (1183, 32, 554), (1311, 32, 618)),
        ]
    ]
    assert report.misaligned == ()


CONV = "conv: {{out_channels: 4, kernel_size: {}, stride: {}, padding: {}}}"
POOL = "max_pool: {{kernel_size: {}, stride: {}, padding: {}}}"


def google(window: str, *paths: list[str]) -> str:
    """An add of paths; `1/4 v` is a window of 1 at stride 4, valid, and `+1,0` a pad layer."""
    lists = []
    for path in paths:
        items = []
        for word in path:
            if word[0] == "+":
                items.append(f"{{pad: [[{word[1:]}], [{word[1:]}]]}}")
            else:
                kernel, stride, padding = word.replace("/", " ").split()
                items.append("{" + window.format(kernel, stride, {"v": "valid", "s": "same"}[padding]) + "}")
        lists.append(f"[{', '.join(items)}]")
    return f"  - add: {{branches: [{', '.join(lists)}]}}\n"


NET1 = google(CONV, ["1/4 v"], ["+1,0", "3/2 v", "1/2 v"])
NET8 = NET1 + "  - relu\n" + google(CONV, ["1/2 v"], ["+1,0", "3/2 v"])
NET9 = google(CONV, ["1/4 s"], ["3/2 s", "1/2 s"]) + google(CONV, ["1/2 s"], ["3/2 s"])
NET4 = google(CONV, ["1/4 v"], ["3/2 s", "1/2 v"])
NETS = {
    # google-research/receptive_field, receptive_field_computation_test.py: input, layers, (field, stride, padding)
    "net1": (32, NET1, (3, 4, 1)),
    "net2": (32, google(POOL, ["1/4 v"], ["+1,0", "3/2 v", "1/2 v"]), (3, 4, 1)),
    "net4 at 9": (9, NET4, (3, 4, 1)),
    "net6": (32, NET1 + "  - dropout\n", (3, 4, 1)),
    "net8": (32, NET8, (11, 8, 5)),
    "net9": (17, NET9, (11, 8, 5)),
}


@pytest.mark.parametrize("name", NETS)
def test_nets_of_googles_library(name: str) -> None:
    size, text, (field, stride, pad) = NETS[name]
    report = analyze(load(f"input: [3, {size}, {size}]\nlayers:\n{text}"))
    last = report.layers[-1].receptive_field
    assert (last.size, last.stride, last.start) == ((field,) * 2, (stride,) * 2, (-pad,) * 2)
    assert report.misaligned == ()


@pytest.mark.parametrize(("size", "text"), [
    (8, google(CONV, ["+2,1", "5/2 v"], ["3/1 v", "3/1 v"])),  # net3: "Graph is not aligned"
    (8, NET4),  # even, so that SAME pads at the end alone
])  # fmt: skip
def test_misaligned_nets_of_googles_library(size: int, text: str) -> None:
    assert analyze(load(f"input: [3, {size}, {size}]\nlayers:\n{text}")).misaligned == ("add1",)


def test_net5_of_googles_library_has_a_field_for_each_axis() -> None:
    convs = (CONV.format("[3, 5]", 2, "valid"), CONV.format("[3, 1]", 2, "valid"))
    report = analyze(load("input: [3, 32, 32]\nlayers:\n" + "".join(f"  - {item}\n" for item in convs)))
    last = report.layers[-1].receptive_field
    assert (last.size, last.stride, last.start) == ((7, 5), (4, 4), (0, 0))


def test_wavenet_sees_what_its_paper_says() -> None:
    """Van den Oord et al. 2016: 1, 2, 4, ..., 512 see 1024 samples; three such blocks share their ends."""
    block = "".join(
        f"  - conv: {{out_channels: 4, kernel_size: 2, dilation: {2**power}, padding: causal}}\n" for power in range(10)
    )
    assert seen(block, 16000)[-1] == (1024, 1, 1023)
    assert seen(3 * block, 16000)[-1] == (3070, 1, 3069)


def unet() -> str:
    """Ronneberger et al. 2015 on one axis: valid convolutions, skips cropped from the middle."""
    two = stack([(3, 1, 0), (3, 1, 0)])
    text, left = "", {3: 56, 2: 104, 1: 200, 0: 392}
    for depth in range(4):
        text += two + f"  - identity: {{name: skip{depth}}}\n  - max_pool: 2\n"
    text += two + "  - identity: {name: bottleneck}\n"
    for depth in (3, 2, 1, 0):
        text += f"  - conv_transpose: {{name: up{depth}, out_channels: 4, kernel_size: 2, stride: 2}}\n"
        text += f"  - crop: {{name: cut{depth}, from: skip{depth}, size: {left[depth]}}}\n"
        text += f"  - concat: {{from: [cut{depth}, up{depth}]}}\n" + two
    return text + stack([(1, 1, 0)])


def test_the_original_unet() -> None:
    """2.5: by position 188 or 204, where the shortcut on a zero-stuffed grid says 200."""
    network = load(f"input: [4, 572]\nlayers:\n{unet()}")
    report = analyze(network)
    (row,) = [row for row in report.layers if row.name == "bottleneck"]
    assert row.receptive_field.size == (140,)
    last = report.layers[-1]
    assert last.output_shape == (4, 388)
    assert last.receptive_field.size == (204,)
    axis = fields(network)[-1].axes[0]
    assert axis is not None
    spans = intervals(axis, 388)
    assert Counter(span[1] - span[0] + 1 for span in spans if span is not None) == {188: 100, 204: 288}


@pytest.mark.parametrize(("kernel", "stride", "exact"), [
    (2, 2, {7}), (3, 2, {7, 11}), (4, 2, {11}), (5, 2, {11, 15}), (4, 4, {7}),
])  # fmt: skip
def test_transposed_windows_at_field_7_and_stride_4(kernel: int, stride: int, exact: set[int]) -> None:
    """2.5 of the literature, where the common shortcut says 9, 11, 13, 15 and 10."""
    text = stack([(7, 4, 0)]) + f"  - conv_transpose: {{out_channels: 4, kernel_size: {kernel}, stride: {stride}}}\n"
    network = load(f"input: [4, 99]\nlayers:\n{text}")
    (axis,) = fields(network)[-1].axes
    assert axis is not None
    inner = intervals(axis, network.nodes[-1].shape[1])
    assert {span[1] - span[0] + 1 for span in inner if span is not None} == exact


GLOBAL = {
    # what stands behind a 3x3 convolution on [4, 9, 9]: the field of the last layer, and whether something sees it all
    "global_avg_pool": (None, True),
    "adaptive_avg_pool: 1": (None, True),
    "adaptive_max_pool: [1, 3]": ((9, 5), False),
    "mul: {branches: [[], [global_avg_pool, {linear: 4}, sigmoid]]}": ((3, 3), True),
    "squeeze_excite: {reduction: 2}": ((3, 3), True),
    "group_norm: 2": ((3, 3), True),
    "instance_norm": ((3, 3), True),
    "instance_norm: {track_running_stats: true}": ((3, 3), False),
    "layer_norm: {axes: 0}": ((3, 3), False),
    "layer_norm: {axes: [0, 1, 2]}": ((3, 3), True),
    "batch_norm": ((3, 3), False),
    "softmax": ((3, 3), False),
    "softmax: {axis: 2}": ((3, 9), False),
    "channel_shuffle: 2": ((3, 3), False),
    "linear: 5": ((3, 9), False),
    "flatten, linear: 10": (None, True),
    "flatten, relu": ((3, 3), False),
    "flatten, relu, linear: 10, relu": (None, True),
    "reshape: [4, 81], permute: [1, 0], attention: 2": (None, True),
    "reshape: [4, 81], permute: [1, 0], linear: 7": ((3, 3), False),
    "permute: [1, 2, 0], linear: 7": ((3, 3), False),
    "permute: [2, 1, 0], linear: 7": ((3, 3), False),
    "permute: [0, 2, 1], conv: {out_channels: 4, kernel_size: [1, 3]}": ((5, 3), False),
    "permute: [0, 2, 1], max_pool: {kernel_size: [3, 1], stride: 1}": ((3, 5), False),
    "reshape: [4, 9, 9], conv: {out_channels: 4, kernel_size: 3}": ((5, 5), False),
    "reshape: [2, 2, 9, 9], conv: {out_channels: 4, kernel_size: [1, 3, 1]}": ((5, 3), False),
    # A window over positions in another order than the input's sees no interval, and that is not the whole either.
    "reshape: [4, 81], conv: {out_channels: 4, kernel_size: 3}": (None, False),
    "reshape: [4, 9, 3, 3], conv: {out_channels: 4, kernel_size: [1, 1, 3]}": ((3, None), False),
    # Positions that stand in the channels are mixed by every layer that mixes channels.
    "flatten, conv: {out_channels: 4, kernel_size: 1}": (None, True),
    "permute: [1, 0, 2], conv: {out_channels: 4, kernel_size: 1}": ((9, 3), False),
    "permute: [1, 0, 2], conv_transpose: {out_channels: 4, kernel_size: 1}": ((9, 3), False),
    "permute: [1, 0, 2], local_response_norm: 3": ((5, 3), False),
    "permute: [1, 0, 2], channel_shuffle: 3": ((None, 3), False),
    # One position is seen whole by seeing what it sees.
    "crop: {size: 1}, flatten, linear: 10": ((3, 3), False),
    "slice: {axis: 1, start: -1}, slice: {axis: 2, start: 0, end: 1}, flatten, linear: 10": ((3, 3), False),
    "crop: {size: [9, 1]}, linear: 10": ((3, 3), False),
    "crop: {size: [9, 1]}, flatten, linear: 10": ((9, 3), False),
    "reshape: [4, 9, 3, 3], conv: {out_channels: 4, kernel_size: [3, 1, 1]}": ((5, 3), False),
    "flatten: {start_axis: 1}, conv: {out_channels: 4, kernel_size: 1}": ((3, 3), False),
    "global_avg_pool: {keepdim: true}, upsample: {size: 9}": (None, True),
    "linear: {name: all, out_features: 9}, add: {from: [all, conv1]}": ((3, 9), False),
}


@pytest.mark.parametrize("layers", GLOBAL)
def test_what_sees_everything_is_marked(layers: str) -> None:
    items = "".join(f"  - {item}\n" for item in _split(layers))
    conv = "conv: {out_channels: 4, kernel_size: 3, padding: 1}"
    report = analyze(load(f"input: [4, 9, 9]\nlayers:\n  - {conv}\n{items}"))
    last = report.layers[-1].receptive_field
    assert (last.size, last.is_global) == GLOBAL[layers]


def _split(layers: str) -> list[str]:
    """At the commas outside of brackets."""
    result, depth = [""], 0
    for character in layers:
        depth += (character in "[{") - (character in "]}")
        if character == "," and depth == 0:
            result.append("")
        else:
            result[-1] += character
    return [item.strip() for item in result]


@pytest.mark.parametrize("axis", [1, 2])
def test_tensors_laid_end_to_end_keep_what_each_position_saw(axis: int) -> None:
    """The halves of a map, seen through windows of 3 and 5, behind each other."""
    network = load(f"""
input: [4, 8, 8]
layers:
  - conv: {{out_channels: 4, kernel_size: 3, padding: 1}}
  - slice: {{name: first, axis: {axis}, end: 4}}
  - conv: {{from: conv1, out_channels: 4, kernel_size: 3, padding: 1}}
  - slice: {{name: second, axis: {axis}, start: 4}}
  - concat: {{from: [first, second], axis: {axis}}}
""")
    along, across = fields(network)[-1].axes[axis - 1], fields(network)[-1].axes[2 - axis]
    assert along is not None
    assert across is not None
    halves = [(o - 1, o + 1) for o in range(4)] + [(o - 2, o + 2) for o in range(4, 8)]
    assert intervals(along, 8) == halves
    assert intervals(across, 8) == [(o - 2, o + 2) for o in range(8)]


def test_a_tensor_repeated_along_an_axis_sees_all_of_it_there() -> None:
    report = analyze(
        load("""
input: [4, 8, 8]
layers:
  - adaptive_avg_pool: {name: rows, output_size: [null, 1]}
  - add: {from: [input, rows]}
""")
    )
    assert report.layers[0].receptive_field.size == (1, 8)
    assert report.layers[1].receptive_field.size == (1, 8)
    assert not report.layers[1].receptive_field.is_global


def test_the_report_of_a_network_is_that_of_the_last_layer_with_a_local_path() -> None:
    report: Report = analyze(load("input: [4, 9]\nlayers: [{max_pool: 3}, global_avg_pool, {linear: 2}]\n"))
    assert report.receptive_field is not None
    assert report.receptive_field.size == (3,)


def test_axes_that_are_cut_and_laid_out_again_and_again_are_named_no_more_often() -> None:
    """What an axis carries doubled with every window: of 60 as here, nothing held it."""
    block = """
  - reshape: [4, 2, 4, 2, 4]
  - permute: [0, 2, 1, 3, 4]
  - reshape: [64, 4]
  - linear: 4
  - reshape: [8, 8, 4]
  - concat: {axis: 0, branches: [[slice: {start: 1}], [slice: {end: 1}]]}"""
    text = "input: [4, 8, 8]\nlayers:\n  - permute: [1, 2, 0]" + block * 60
    with steps.run():
        assert analyze(loads(Source("windows.yaml", text))).totals.params == 60 * 20
