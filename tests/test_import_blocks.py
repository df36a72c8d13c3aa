"""What an import writes as blocks: like layers wherever they stand, heads, and what is wrong alone left out."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_import_spec import check, record, same

from convcalc.language import Source, loads
from convcalc.network import Network
from convcalc.readable import scattered
from convcalc.readable import text as spec
from convcalc.readable.fitting import Fitting


class Detector:
    """A detector as its exporter would have named it: a backbone, features that go up and down, and three heads."""

    def __init__(self, size: int, *, is_named: bool) -> None:
        self.size, self.is_named = size, is_named
        self.lines: list[str] = []
        self.names: list[str] = []

    def layer(self, path: str, kind: str, text: str, *sources: str) -> str:
        name = f"t{len(self.lines)}"
        inside = ", ".join(part for part in (f"name: {name}", f"from: [{', '.join(sources)}]", text) if part)
        self.lines.append(f"  - {kind}: {{{inside}}}")
        self.names.append(path if self.is_named else f"{kind}_{len(self.lines)}")
        return name

    def conv(self, path: str, x: str, channels: int, kernel: int = 1, stride: int = 1) -> str:
        text = f"out_channels: {channels}, kernel_size: {kernel}, stride: {stride}, padding: {kernel // 2}"
        x = self.layer(f"{path}.conv", "conv", text, x)
        return self.layer(f"{path}.act.mul", "mul", "", x, self.layer(f"{path}.act.sigmoid", "sigmoid", "", x))

    def stage(self, path: str, x: str, channels: int, times: int) -> str:
        """Its halves, and the sums of residuals of one of them, all joined."""
        half = channels // 2
        x = self.conv(f"{path}.cv1", x, channels)
        parts = [
            self.layer(f"{path}.split", "slice", f"end: {half}", x),
            self.layer(f"{path}.split_2", "slice", f"start: {half}", x),
        ]
        for index in range(times):
            y = self.conv(f"{path}.m.{index}.cv1", parts[-1], half, 3)
            y = self.conv(f"{path}.m.{index}.cv2", y, half, 3)
            parts.append(self.layer(f"{path}.m.{index}.add", "add", "", parts[-1], y))
        return self.conv(f"{path}.cv2", self.layer(f"{path}.concat", "concat", "", *parts), channels)

    def head(self, path: str, x: str, positions: int) -> str:
        boxes = self.conv(f"{path}.box.1", self.conv(f"{path}.box.0", x, 16, 3), 16, 3)
        boxes = self.layer(f"{path}.box.2", "conv", "out_channels: 4, kernel_size: 1", boxes)
        scores = self.conv(f"{path}.cls.1", self.conv(f"{path}.cls.0", x, 24, 3), 24, 3)
        scores = self.layer(f"{path}.cls.2", "conv", "out_channels: 80, kernel_size: 1", scores)
        joined = self.layer(f"{path}.concat", "concat", "", boxes, scores)
        return self.layer(f"{path}.reshape", "reshape", f"sizes: [84, {positions}]", joined)

    def network(self) -> Network:
        levels, x = [], "input"
        for place, channels in enumerate((16, 32, 64, 128)):
            x = self.conv(f"model.{2 * place}", x, channels, 3, 2)
            x = self.stage(f"model.{2 * place + 1}", x, channels, 1 + place % 2)
            levels.append(x)
        for place, level in enumerate(reversed(levels[1:3])):
            x = self.layer(f"up.{place}", "upsample", "scale_factor: 2", x)
            x = self.stage(f"neck.{place}", self.layer(f"cat.{place}", "concat", "", x, level), 64 >> place, 1)
            levels[2 - place] = x
        heads = [
            self.head(f"head.{place}", level, (self.size >> 2 + place) ** 2) for place, level in enumerate(levels[1:])
        ]
        self.layer("head.all", "concat", "axis: 1", *heads)
        return loads(Source("net.yaml", f"input: [3, {self.size}, {self.size}]\nlayers:\n" + "\n".join(self.lines)))


@pytest.mark.parametrize(("is_named", "most"), [(True, 0.3), (False, 0.4)])
def test_a_detector_is_written_once_a_part(is_named: bool, most: float) -> None:
    """With heads of other sizes, and reshapes that say how many positions each of them has."""
    detector = Detector(64, is_named=is_named)
    network = detector.network()
    flat, folded = check(network, record(network, detector.names))
    assert folded.count("\n") <= most * flat.count("\n")


def test_what_is_repeated_from_elsewhere_starts_there_once() -> None:
    """A `from` holds for every repetition, so that the first stands alone."""
    unit = (
        "  - conv: {name: NAME, from: SOURCE, out_channels: 8, kernel_size: 3}\n  - batch_norm\n  - relu: {name: END}\n"
    )
    lines, names = "", []
    for branch in "ab":
        source = "entry"
        for index in range(4):
            end = f"{branch}{index}"
            lines += unit.replace("NAME", f"{end}c").replace("SOURCE", source).replace("END", end)
            names += [f"net.{branch}.{index}.conv", f"net.{branch}.{index}.norm", f"net.{branch}.{index}.act"]
            source = end
    text = f"input: [3, 32, 32]\nlayers:\n  - conv: {{name: entry, out_channels: 8, kernel_size: 1}}\n{lines}"
    network = loads(Source("net.yaml", text + "  - add: {from: [a3, b3]}\noutputs: [add1, b1]\n"))
    _, folded = check(network, record(network, ["stem", *names, "sum"]))
    assert "repeat" in folded


@pytest.mark.parametrize("is_named", [True, False])
def test_heads_of_the_same_weights_are_one_block(is_named: bool) -> None:
    """Called once a level, each call after the first with the weights of that."""
    detector = Detector(64, is_named=is_named)
    levels = [detector.conv("p0", "input", 16, 3, 2)]
    levels += [detector.conv("p1", levels[-1], 16, 3, 2)]
    levels += [detector.conv("p2", levels[-1], 16, 3, 2)]
    owners: list[str] = []
    outputs = []
    for place, level in enumerate(levels):
        x = level
        for index in range(4):
            share = f"share: {owners[index]}" if place else "out_channels: 16, kernel_size: 3, padding: 1"
            x = detector.layer(f"head.{place}.conv{index}", "conv", share, x)
            owners += [] if place else [x]
            x = detector.layer(f"head.{place}.act{index}", "relu", "", x)
        outputs.append(x)
    text = "input: [3, 64, 64]\nlayers:\n" + "\n".join(detector.lines) + f"\noutputs: [{', '.join(outputs)}]\n"
    network = loads(Source("net.yaml", text))
    flat, folded = check(network, record(network, detector.names))
    assert 2 <= folded.count("share: ") <= 4  # where a head is two calls of one half, each of these
    assert folded.count("\n") < 0.7 * flat.count("\n")


def test_a_block_that_is_wrong_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should an expression not say what was meant, its block is left out, and all others stay."""
    lines, names = "", []
    for place, first in enumerate("aabbbabaa"):
        width = 8 + 4 * place
        if first == "a":
            lines += f"  - conv: {{out_channels: {width}, kernel_size: 3}}\n"
            lines += "  - gelu\n  - scale\n  - tanh\n  - sigmoid\n"
            names += [f"a{place}.{kind}" for kind in ("conv", "act", "scale", "tanh", "gate")]
        else:
            lines += (
                f"  - linear: {{out_features: {width}}}\n  - silu\n  - linear: {{out_features: {width}}}\n  - relu\n"
            )
            names += [f"b{place}.{kind}" for kind in ("fc1", "act", "fc2", "end")]
    network = loads(Source("net.yaml", f"input: [4, 64, 64]\nlayers:\n{lines}"))
    assert {"  a:", "  b:"} <= {*spec.text(record(network, names)).splitlines()}
    fitted = Fitting._fitted

    def wrong(self: Fitting, slot: object, field: str, values: list[list[object]], channels: list[list[int]]) -> str:
        text = fitted(self, slot, field, values, channels)  # type: ignore[arg-type]
        return "15" if field == "out_features" and self.parameters.is_block else text

    monkeypatch.setattr(Fitting, "_fitted", wrong)
    text = spec.text(record(network, names))
    same(network, loads(Source("net.yaml", text)))
    assert "  a:" in text.splitlines()
    assert "  b:" not in text.splitlines()


@given(seed=st.integers(0, 2**32), rows=st.integers(2, 6))
def test_like_sequences_anywhere_are_written_once(seed: int, rows: int) -> None:
    """With nothing in the names, and other layers between them; both texts say the network."""
    draw = random.Random(seed)
    unit = [
        draw.choice(["conv: {out_channels: 8, kernel_size: 3, padding: 1}", "batch_norm", "relu", "gelu", "scale"])
        for _ in range(draw.randint(3, 6))
    ]
    unit[0] = f"conv: {{out_channels: 8, kernel_size: {draw.choice([1, 3])}, padding: same}}"
    lines = ["conv: {out_channels: 8, kernel_size: 1}"]
    for row in range(rows):
        lines += unit
        lines += draw.choices(["max_pool: {kernel_size: 2, stride: 1}", "sigmoid", "tanh"], k=1 + row % 3)
    text = "input: [4, 24, 24]\nlayers:\n" + "\n".join(f"  - {line}" for line in lines)
    network = loads(Source("net.yaml", text))
    names = [f"{node.kind}_{place}" for place, node in enumerate(network.layers)]
    flat, folded = check(network, record(network, names))
    saved = (rows - 1) * (len(unit) - 1) - 4
    if saved > 0.2 * flat.count("\n"):
        assert folded.count("\n") < flat.count("\n")


def test_long_units_take_no_time_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many lengths, candidates and rounds are tried, whatever a model has."""
    network = loads(Source("net.yaml", "input: [4, 9, 9]\nlayers:\n" + "  - relu\n  - gelu\n  - sigmoid\n" * 400))
    tried = []
    modules = scattered.Scattered._modules

    def counted(self: scattered.Scattered, *arguments: Any) -> Any:
        tried.append(arguments)
        return modules(self, *arguments)

    monkeypatch.setattr(scattered.Scattered, "_modules", counted)
    spec.text(record(network))
    assert len(tried) <= scattered._MOST_ROUNDS * scattered._MOST_TRIED
