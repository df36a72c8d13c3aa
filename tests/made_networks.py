"""Networks of the pieces in which claims and probes meet at their edges: whoever wants many draws them here.

Each piece is a few layers on a tensor that is there: a gate, a norm over the map behind a pad, an axis of one that is
repeated, a stride beyond the size. What does not fit is left out, so that nothing here knows how shapes come about.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from math import prod
from typing import Any

from convcalc import Network, SpecError
from convcalc.language import Source, loads, writing

Item = dict[str, dict[str, Any]]
"""A layer as a spec has it."""

MOST_ELEMENTS = 6_000


class Made:
    """A network that grows: its items, and what is known of its tensors by the name of the layer."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        rank = draw.choice([1, 1, 2, 2, 2, 3])
        sizes = [draw.choice([1, 1, 2, 3, 4, 5, 7, 8]) for _ in range(rank)]
        self.inputs = {"x": [draw.choice([1, 2, 3, 4, 6, 8]), *sizes]}
        if draw.random() < 0.2:
            self.inputs["y"] = [draw.choice([1, 2, 4]), *(draw.choice([size, 1]) for size in sizes)]
        self.items: list[Item] = []
        self.shapes: dict[str, tuple[int, ...]] = {name: tuple(shape) for name, shape in self.inputs.items()}
        self.network: Network | None = None
        self.number = 0

    def named(self, kind: str, sources: list[str], fields: dict[str, Any]) -> Item:
        """A layer with a name of its own, which is the next that `last` gives."""
        self.number += 1
        return {kind: {"name": f"n{self.number}", "from": sources, **fields}}

    @property
    def last(self) -> str:
        return f"n{self.number}"

    def grown(self, items: list[Item], outputs: list[str] | None = None) -> bool:
        """Whether there is a network with these layers too, of tensors that are small enough; it is kept."""
        document = {"inputs": self.inputs, "layers": [*self.items, *items]} | ({"outputs": outputs} if outputs else {})
        try:
            network = loads(Source("made.yaml", writing.text(document)))
        except SpecError:
            return False
        nodes = {node.name: node for node in network.nodes}
        if any(prod(node.shape) > MOST_ELEMENTS for node in nodes.values()):
            return False
        self.items += items
        self.shapes |= {name: nodes[name].shape for item in items for name in [named(item)] if name in nodes}
        self.network = network
        return True


def named(item: Item) -> str:
    ((_, fields),) = item.items()
    return str(fields["name"])


def _pads(draw: random.Random, rank: int, most: int = 4) -> Any:
    words = ["same", "same_lower", "valid"]
    pairs = [[draw.randint(0, most), draw.randint(0, most)] for _ in range(rank)]
    return draw.choice([0, draw.randint(0, most), pairs, pairs, draw.choice(words)])


def _window(draw: random.Random, rank: int) -> dict[str, Any]:
    """Windows of any size, strides beyond the axis and paddings that a window does not leave among them."""
    return {
        "kernel_size": [draw.choice([1, 1, 2, 3, 4]) for _ in range(rank)],
        "stride": [draw.choice([1, 1, 2, 3, 9]) for _ in range(rank)],
        "padding": _pads(draw, rank),
        "dilation": [draw.choice([1, 1, 2, 5]) for _ in range(rank)],
    }


def _axes(draw: random.Random, shape: tuple[int, ...]) -> list[int]:
    return sorted(draw.sample(range(len(shape)), draw.randint(1, len(shape))))


def _conv(made: Made, x: str) -> Iterator[Item]:
    draw, (channels, *sizes) = made.draw, made.shapes[x]
    groups = draw.choice([1, 1, channels])
    fields = {**_window(draw, len(sizes)), "out_channels": groups * draw.randint(1, 3), "groups": groups}
    yield made.named("conv", [x], fields)


def _transposed(made: Made, x: str) -> Iterator[Item]:
    draw, rank = made.draw, len(made.shapes[x]) - 1
    fields = {**_window(draw, rank), "out_channels": draw.randint(1, 3), "padding": draw.choice([0, 1])}
    fields["stride"] = [draw.choice([1, 2, 3, 5]) for _ in range(rank)]
    yield made.named("conv_transpose", [x], fields | draw.choice([{}, {}, {"output_padding": 1}]))


def _pool(made: Made, x: str) -> Iterator[Item]:
    draw, rank = made.draw, len(made.shapes[x]) - 1
    window = _window(draw, rank) | {"ceil_mode": draw.choice([False, True, "caffe", "full"])}
    kind = draw.choice(["max_pool", "avg_pool", "lp_pool", "max_pool_indices"])
    if kind == "avg_pool":
        del window["dilation"]
    yield made.named(kind, [x], window)


def _pad(made: Made, x: str) -> Iterator[Item]:
    draw, rank = made.draw, len(made.shapes[x]) - 1
    padding = [[draw.randint(0, 3), draw.randint(0, 3)] for _ in range(rank)]
    yield made.named("pad", [x], {"padding": padding, "mode": draw.choice(["constant", "replicate", "circular"])})


def _norm(made: Made, x: str) -> Iterator[Item]:
    draw, shape = made.draw, made.shapes[x]
    yield draw.choice(
        [
            made.named("group_norm", [x], {"num_groups": draw.choice([1, shape[0]])}),
            made.named("instance_norm", [x], {}),
            made.named("layer_norm", [x], {"axes": _axes(draw, shape)}),
            made.named("rms_norm", [x], {"axes": _axes(draw, shape)}),
            made.named("softmax", [x], {"axis": draw.randrange(len(shape))}),
            made.named("normalize", [x], {"axis": draw.randrange(len(shape))}),
            made.named("local_response_norm", [x], {"size": draw.choice([1, 3, 50])}),
        ]
    )


def _gate(made: Made, x: str) -> Iterator[Item]:
    """Squeeze-and-excite, by pools, means over some axes, or as the block has it."""
    draw, shape = made.draw, made.shapes[x]
    if draw.random() < 0.3:
        yield made.named("squeeze_excite", [x], {"squeeze_channels": draw.randint(1, 2)})
        return
    if draw.random() < 0.5:
        yield made.named("global_avg_pool", [x], {"keepdim": True})
    else:
        yield made.named("reduce", [x], {"axes": _axes(draw, shape), "keepdim": True})
    if draw.random() < 0.5:
        yield made.named("conv", [made.last], {"out_channels": shape[0], "kernel_size": 1})
    yield made.named(draw.choice(["sigmoid", "hard_sigmoid", "softmax"]), [made.last], {})
    sources = [x, made.last] if draw.random() < 0.5 else [made.last, x]
    yield made.named(draw.choice(["mul", "mul", "add", "max", "sub", "div"]), sources, {})


def _paths(made: Made, x: str) -> Iterator[Item]:
    """Paths that meet with other centres, sizes or strides."""
    draw, (channels, *sizes) = made.draw, made.shapes[x]
    ends = []
    for _ in range(2):
        kernel = draw.choice([1, 2, 3, 4])
        fields = {"out_channels": channels, "kernel_size": kernel, "padding": draw.choice(["same", "same_lower"])}
        yield made.named("conv", [x], fields | {"dilation": draw.choice([1, 2])})
        ends.append(made.last)
        if draw.random() < 0.3:
            yield made.named("max_pool", [made.last], {"kernel_size": 2, "ceil_mode": True})
            yield made.named("upsample", [made.last], {"size": list(sizes), "mode": "nearest"})
            ends[-1] = made.last
    ends[0] = draw.choice([ends[0], x])
    kind = draw.choice(["add", "mul", "concat", "concat"])
    yield made.named(kind, ends, {"axis": draw.randint(0, len(sizes))} if kind == "concat" else {})


def _resized(made: Made, x: str) -> Iterator[Item]:
    draw, rank = made.draw, len(made.shapes[x]) - 1
    linear = {1: "linear", 2: "bilinear", 3: "trilinear"}[rank] if rank in (1, 2, 3) else "nearest"
    mode = draw.choice(["nearest", linear, "bicubic" if rank == 2 else "nearest"])
    fields: dict[str, Any] = {"mode": mode, "align_corners": mode != "nearest" and draw.random() < 0.4}
    if draw.random() < 0.5:
        fields["scale_factor"] = draw.choice([2, 3, 1.5, 0.5])
    else:
        fields["size"] = [draw.randint(1, 8) for _ in range(rank)]
    yield made.named("upsample", [x], fields)


def _rearranged(made: Made, x: str) -> Iterator[Item]:
    draw, shape = made.draw, made.shapes[x]
    axis = draw.randrange(len(shape))
    yield draw.choice(
        [
            made.named("pixel_shuffle", [x], {"upscale_factor": draw.choice([1, 2])}),
            made.named("pixel_unshuffle", [x], {"downscale_factor": draw.choice([1, 2])}),
            made.named("channel_shuffle", [x], {"groups": draw.choice([1, 2, 3])}),
            made.named("crop", [x], {"cropping": [[draw.randint(0, 2), draw.randint(0, 2)] for _ in shape[1:]]}),
            made.named("slice", [x], {"axis": axis, "start": draw.randint(0, 2), "step": draw.choice([1, 2])}),
            made.named("permute", [x], {"axes": draw.sample(range(len(shape)), len(shape))}),
            made.named("flatten", [x], {"start_axis": draw.choice([0, 1])}),
            made.named("adaptive_avg_pool", [x], {"output_size": [draw.randint(1, 5) for _ in shape[1:]]}),
            made.named("relu", [x], {}),
            made.named("affine", [x], {"factor": draw.choice([-2, 0, 3])}),
        ]
    )


def _tokens(made: Made, x: str) -> Iterator[Item]:
    draw, shape = made.draw, made.shapes[x]
    other = draw.choice([x, *made.shapes])
    yield draw.choice(
        [
            made.named("attention", [x], {"num_heads": draw.choice([1, shape[-1]])}),
            made.named("scaled_dot_product_attention", [draw.choice([x, other]), x, draw.choice([x, other])], {}),
            made.named("matmul", [x, other], {}),
            made.named(draw.choice(["lstm", "gru", "rnn"]), [x], {"hidden_size": draw.randint(1, 3)}),
            made.named("linear", [x], {"out_features": draw.randint(1, 4)}),
        ]
    )


def _deformed(made: Made, x: str) -> Iterator[Item]:
    draw, (_, *sizes) = made.draw, made.shapes[x]
    kernel = [draw.choice([1, 2, 3]) for _ in sizes]
    fields: dict[str, Any] = {"kernel_size": kernel, "padding": draw.choice([0, 1])}
    taps = prod(kernel)
    yield made.named("conv", [x], {**fields, "out_channels": len(sizes) * taps})
    yield made.named("deform_conv", [x, made.last], {**fields, "out_channels": draw.randint(1, 2)})


def _shared(made: Made, x: str) -> Iterator[Item]:
    """A layer whose weights another has, on another tensor."""
    owners = [named(item) for item in made.items if {*item} & {"conv", "linear", "conv_transpose", "group_norm"}]
    if owners:
        owner = made.draw.choice(owners)
        kind = next(kind for item in made.items for kind in item if named(item) == owner)
        yield made.named(kind, [x], {"share": owner})


PIECES: list[Callable[[Made, str], Iterator[Item]]] = [
    *(_conv, _transposed, _pool, _pool, _pad, _pad, _norm, _norm, _gate, _gate, _paths, _paths, _resized),
    *(_rearranged, _rearranged, _tokens, _deformed, _shared),
]


def made_network(draw: random.Random) -> tuple[str, Network]:
    """A network of some pieces, each behind any tensor before it, mostly the last; and its text, to be shown."""
    made = Made(draw)
    while made.network is None:
        for _ in range(draw.randint(2, 9)):
            names = list(made.shapes)
            x = draw.choice([names[-1], names[-1], draw.choice(names)])
            made.grown(list(draw.choice(PIECES)(made, x)))
    if draw.random() < 0.3:
        made.grown([], draw.sample(list(made.shapes), min(len(made.shapes), 3)))
    return writing.text({"inputs": made.inputs, "layers": made.items}), made.network
