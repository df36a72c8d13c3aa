"""Networks over a design space, against load and analyze of each point: structure, decimals, refusals, big numbers."""

from __future__ import annotations

import random
from fractions import Fraction

from conftest import MANY, draws
from hypothesis import given, settings
from swept import differing

from convcalc.language import Source
from convcalc.sweeping.axes import Axis

NUMBERS = ("width", "depth", "ratio")
EXPRESSIONS = (
    "round_to({0} * {1}, {2})",
    "max({0} * {1}, {2})",
    "min({0} + {1}, {2} * 4)",
    "floor({0} * {1}) + {2}",
    "ceil({0} * {1} / 3) * {2}",
    "round({0} * {1}) + 1",
    "{2} if {0} > 1 and {1} < 9 else {2} * 2",
    "{1} if not ({0} == 1 or {1} == 4) else {2}",
    "{0} * {1}",
    "{0} * {1} // 1 % 5 + {2}",
    "abs({0} - {1}) // 1 + {2}",
    "sizes[{1} % len(sizes)]",
    "sum(sizes) * {2} // len(sizes)",
    "in_channels + {2}",
    "{1} ** 2 // 2 + 1",
)


def expression(draw: random.Random) -> str:
    """An amount of channels that rests on variables."""
    text = draw.choice(EXPRESSIONS)
    return text.format(draw.choice(NUMBERS), draw.choice(("depth", "4", "width", "9")), draw.randint(1, 8))


def layer(draw: random.Random, number: int, depth: int = 0) -> str:
    """A written layer, some of them only at some points, or several times."""
    when = draw.choice(("", "", "", "when: width > 1", "when: depth % 2 == 0 and ratio < 1", "when: in_channels > 16"))
    repeat = draw.choice(("", "", "repeat: depth", "repeat: len(sizes)", "repeat: 1 + depth // 3"))
    common = [f"name: l{number}", *filter(None, (when, repeat))]
    kind = draw.choice(("conv", "conv", "max_pool", "batch_norm", "linear", "unit", "conv" if depth else "branches"))
    if kind == "branches":
        ways = ", ".join("[" + layer(draw, 10 * number + way, depth + 1) + "]" for way in range(2))
        return written("concat", [*common, f"branches: [{ways}]"])
    if kind == "conv":
        stride = draw.choice(("1", "2", "2 if index == 0 else 1" if repeat else "1"))
        size = f"kernel_size: {draw.choice(('3', '1', 'depth'))}", f"padding: {draw.choice(('1', 'same', '0'))}"
        return written("conv", [*common, f"out_channels: '{expression(draw)}'", f"stride: '{stride}'", *size])
    if kind == "max_pool":
        return written(kind, [*common, "kernel_size: 2", "stride: 1"])
    if kind == "batch_norm":
        return written(kind, [*common, f"affine: {draw.choice(('true', 'width > 1'))}"])
    field = "out_features" if kind == "linear" else "channels"
    return written(kind, [*common, f"{field}: '{expression(draw)}'"])


def written(kind: str, fields: list[str]) -> str:
    return f"{{{kind}: {{{', '.join(fields)}}}}}"


def spec(draw: random.Random) -> Source:
    layers = "\n".join(f"  - {layer(draw, number)}" for number in range(1, draw.randint(3, 6)))
    return Source(
        "<spec>",
        "input: [3, 20, 20]\n"
        "variables: {width: 1, depth: 2, ratio: 0.5, sizes: [4, 6]}\n"
        "blocks:\n  unit:\n    parameters: {channels: required}\n    layers:\n"
        "    - conv: {out_channels: channels, kernel_size: 3, padding: 1}\n    - relu\n"
        "    - conv: {out_channels: in_channels, kernel_size: 1, when: channels > 8}\n"
        "    - add: {from: [previous, input], when: in_channels == input_channels}\n"
        f"layers:\n{layers}\n",
    )


AXES = (
    Axis("width", [Fraction(1, 4), Fraction(3, 4), 1, Fraction(13, 10), 2]),
    Axis("depth", [1, 2, 3, 4, 0]),
    Axis("ratio", [Fraction(1, 3), Fraction(1, 2), 2]),
    Axis("sizes", [(4, 6), (8, 8), (4, 6, 12), (9,)]),
    Axis("input", [20, 21, (3, 9, 31), 8]),
)


@settings(max_examples=MANY or 60)
@given(draw=draws)
def test_networks_of_every_structure(draw: random.Random) -> None:
    axes = draw.sample(AXES, draw.randint(2, 5))
    assert differing(spec(draw), axes, draw, batch=draw.choice((1, 3)), dtype=draw.choice(("float32", "int8"))) == []
