"""Input sizes that a message advises: followed, the error is gone, no other has come, and the network loads."""

from __future__ import annotations

import random
import re

import pytest

import convcalc
from convcalc.language import Diagnostic, SpecError
from convcalc.language.document import loads
from convcalc.language.source import Source

SIZES = re.compile(r"\d+(?:x\d+)+")


def problems(text: str, shape: tuple[int, ...] | None = None, name: str = "input") -> list[Diagnostic]:
    try:
        loads(Source("net.yaml", text), inputs={name: shape} if shape else None)
    except SpecError as error:
        return error.diagnostics
    return []


def place(problem: Diagnostic) -> tuple[int, int]:
    return problem.line, problem.column


def advised(problem: Diagnostic) -> list[tuple[int, ...]]:
    return (
        [tuple(map(int, shape.split("x"))) for shape in SIZES.findall(problem.help)] if "fits" in problem.help else []
    )


def layer(draw: random.Random, name: str, source: str) -> str:
    """A layer with a fair chance not to fit where it stands."""
    kernel = draw.choice([1, 2, 3, 5, 7])
    out_channels, padding = draw.choice([4, 4, 4, 8]), draw.randint(0, kernel - 1)
    convolution = f"kernel_size: {kernel}, stride: {draw.choice([1, 1, 2])}, padding: {padding}"
    written = draw.choice(
        [
            f"conv: {{name: {name}, out_channels: {out_channels}, {convolution}}}",
            f"conv: {{name: {name}, out_channels: 4, kernel_size: {kernel}, groups: 'size_of(input)[0] % 5 + 1'}}",
            f"max_pool: {{name: {name}, kernel_size: {draw.randint(2, 4)}}}",
            f"upsample: {{name: {name}, scale_factor: 2}}",
            f"crop: {{name: {name}, size: {draw.choice(['size_of(input)', draw.randint(2, 30)])}}}",
            f"reshape: {{name: {name}, sizes: [4, {draw.randint(2, 9)}, -1]}}",
            f"relu: {{name: {name}, repeat: 'size_of(input)[0] / 2'}}",
        ]
    )
    return written.replace("name:", f"from: {source}, name:") if draw.random() < 0.4 else written


def network(draw: random.Random) -> str:
    """A network of one input that skips over layers, whatever their sizes are."""
    sizes = ", ".join(str(draw.randint(4, 40)) for _ in range(2))
    names, lines = ["input"], [f"input: [4, {sizes}]", "layers:"]
    for number in range(draw.randint(2, 5)):
        name = f"l{number}"
        if draw.random() < 0.4:
            merge, other = draw.choice(["add", "concat"]), draw.choice(names)
            lines.append(f"  - {merge}: {{name: {name}, from: [previous, {other}]}}")
        else:
            lines.append(f"  - {layer(draw, name, draw.choice(names))}")
        names.append(name)
    return "\n".join(lines) + "\n"


def test_sizes_that_are_advised_mend_the_error_and_bring_no_other() -> None:
    draw = random.Random(11)
    seen = set()
    for _ in range(100):
        text = network(draw)
        broken = problems(text)
        for problem in broken:
            for shape in advised(problem):
                at_advice = {place(other) for other in problems(text, shape)}
                assert at_advice <= {place(other) for other in broken} - {place(problem)}, (text, problem)
                if not problem.help.startswith("this layer"):
                    kinds_of_sizes = {place(other) for other in broken if other.code in {"CC101", "CC103"}}
                    assert not at_advice & kinds_of_sizes, (text, problem)
                seen.add(problem.code)
    assert seen == {"CC101", "CC103"}


@pytest.mark.parametrize(
    "layers",
    [
        "[conv: {out_channels: 6, kernel_size: 1}, add: {from: [previous, input]}]",
        "[conv: {out_channels: 6, kernel_size: 3}, add: {from: [previous, input]}]",
        "[conv: {out_channels: 6, kernel_size: 1, stride: 2}, concat: {from: [input, previous], axis: 1}]",
        "[flatten: {name: f}, global_avg_pool: {name: g, from: input}, add: {from: [f, g]}]",
        "[conv: {out_channels: 6, kernel_size: 1, stride: 2, groups: 2}, mul: {from: [previous, input]}]",
    ],
)
def test_sizes_are_never_advised_where_channels_differ(layers: str) -> None:
    (problem,) = problems(f"input: [4, 7, 7]\nlayers: {layers}\n")
    assert problem.code == "CC103"
    assert "fits" not in problem.help
    assert "axis 0 is channels: `" in problem.help


def test_what_makes_the_channels_equal_does_so_when_it_is_written() -> None:
    for shape, kind, field in (
        ("[4, 7, 7]", "conv", "kernel_size: 1, out_channels"),
        ("[9]", "linear", "out_features"),
    ):
        layers = f"{kind}: {{name: a, {field}: 4}}, {kind}: {{name: b, {field}: 6}}"
        (problem,) = problems(f"input: {shape}\nlayers: [{layers}, add: {{from: [a, b]}}]\n")
        advice = {"conv": "conv: {out_channels: 6, kernel_size: 1}", "linear": "linear: 6"}[kind]
        assert f"`{advice}` makes 6 of 4" in problem.help
        mended = f"{kind}: {{name: a, {field}: 4}}, {advice}, relu: {{name: c}}, {kind}: {{name: b, {field}: 6}}"
        assert not problems(f"input: {shape}\nlayers: [{mended}, add: {{from: [c, b]}}]\n")


def test_sizes_that_leave_another_error_are_advised_for_the_layer_alone() -> None:
    text = """
input: [4, 8, 8]
layers:
  - conv: {out_channels: 1, kernel_size: 9}
  - max_pool: {from: input, kernel_size: 2}
  - concat: {from: [previous, input]}
"""
    assert [problem.help for problem in problems(text)] == ["this layer fits with --input 4x9x9", ""]
    assert [problem.line for problem in problems(text, (4, 9, 9))] == [6]


def test_the_advice_names_an_input_that_has_a_name() -> None:
    text = "inputs: {image: [3, 9, 9]}\nlayers: [conv: {out_channels: 1, kernel_size: 11}]\n"
    (problem,) = problems(text)
    assert problem.help == "fits with --input image=3x11x11"
    assert not problems(text, (3, 11, 11), "image")


@pytest.mark.parametrize(
    ("shape", "advice"),
    [
        ((28, 28, 1), "channels come first in a spec: write [1, 28, 28]"),
        ((784, 1), "channels come first in a spec: write [1, 784]"),
        ((28, 28, 2), "fits with --input 28x34x8"),
    ],
)
def test_an_input_with_its_channels_last_is_told_of_them(shape: tuple[int, ...], advice: str) -> None:
    """Kernels of 3, 2 and 3 need 8 positions on each axis."""
    convolution = "conv: {out_channels: 8, kernel_size: 3}"
    (problem, *_) = problems(f"input: {list(shape)}\nlayers: [{convolution}, max_pool: 2, {convolution}]\n")
    assert problem.help == advice


def test_a_network_is_built_for_advice_no_more_often_than_its_size_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many layers in all as a limit, however many mistakes there are; nothing at all where nobody reads them."""
    from convcalc.language import document

    builds = 0
    read = document.Reading._read_in_steps

    def counted(own: document.Reading) -> convcalc.Network | None:
        nonlocal builds
        builds += 1
        return read(own)

    monkeypatch.setattr(document.Reading, "_read_in_steps", counted)
    wrong = "  - conv: {from: input, out_channels: 1, padding: [0, 1], kernel_size: "
    mistakes = "".join(f"{wrong}{size}}}\n" for size in range(9, 49))
    for relus, most in ((10, 200), (1990, 10)):
        source = Source("net.yaml", f"input: [4, 8, 8]\nlayers:\n  - relu: {{repeat: {relus}}}\n{mistakes}")
        builds = 0
        with pytest.raises(SpecError) as caught:
            loads(source)
        assert builds == 1
        assert len(caught.value.diagnostics) == 40
        assert 1 < builds <= most + 1
        builds = 0
        reading = document.examine(source)
        assert len(reading.problems) == 40
        assert builds == 1
        assert reading.diagnostics == caught.value.diagnostics
        assert 1 < builds <= most + 1
