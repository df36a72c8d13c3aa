"""Explanations: every formula's text says the value that is printed, and that is what analyze counts."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import random
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from brute_force import worth
from conftest import MANY, draws, load
from hypothesis import given, settings
from rich.cells import cell_len
from test_cli import run
from test_kinds import written
from view_texts import piped

import convcalc
from convcalc import layers
from convcalc.analysis import explain as explaining
from convcalc.analysis.analyze import as_written, receptive_fields
from convcalc.analysis.explain import (
    ARRIVING,
    COSTS,
    IRREGULAR,
    UNCOSTED,
    BlockExplanation,
    LayerExplanation,
    NetworkExplanation,
    NoSuchLayer,
    Work,
    explain,
)
from convcalc.analysis.report import Row
from convcalc.analysis.symbolic import explain_kind
from convcalc.arithmetic.number import Term, TracedNumber, ceil_div, greatest_common_divisor, maximum
from convcalc.language import Source, loads
from convcalc.layers import field_types
from convcalc.views.explain import json as json_view
from convcalc.views.explain import latex, markdown
from convcalc.views.explain.shared import Explained
from convcalc.views.formulas import formula_latex, formula_text

ROOT = Path(__file__).parent.parent
SPECS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "specs").rglob("*.yaml"))
RESNET, SEPARABLE, UNET = "specs/zoo/resnet50.yaml", "specs/seeds/separable_12x12.yaml", "specs/zoo/unet.yaml"
every_kind = pytest.mark.parametrize("name", layers.names())
few = settings(max_examples=MANY or 8)


@pytest.fixture(autouse=True)
def _from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture
def analysed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each layer of a network is explained from one analysis of it."""
    for function in (as_written, receptive_fields):
        known: dict[int, tuple[convcalc.Network, Any]] = {}

        def once(network: convcalc.Network, function: Any = function, known: Any = known) -> Any:
            if id(network) not in known:
                known[id(network)] = network, function(network)  # with the network, whose id is then nobody else's
            return known[id(network)][1]

        monkeypatch.setattr(explaining, function.__name__, once)


@cache
def network(path: str) -> convcalc.Network:
    return convcalc.load(ROOT / path)


def layer(path: str, name: str) -> LayerExplanation:
    explanation = explain(network(path), name)
    assert isinstance(explanation, LayerExplanation)
    return explanation


def block(path: str, name: str) -> BlockExplanation:
    explanation = explain(network(path), name)
    assert isinstance(explanation, BlockExplanation)
    return explanation


def formula(explained: LayerExplanation, quantity: str) -> str:
    (match,) = [formula for formula in explained.formulas if formula.quantity == quantity]
    numbers = convcalc.formula_text(match.term, numbers=True)
    return f"{match.symbol} = {convcalc.formula_text(match.term)} = {numbers} = {match.value}".removeprefix(" = ")


# ---- what is printed is what is counted ------------------------------------------------------------------------------


def true(explained: LayerExplanation, row: Row) -> None:
    """Every text evaluates to its value, every value is the report's, and nothing is missing."""
    values = {symbol.symbol: symbol.value for symbol in explained.legend}
    assert len(values) == len(explained.legend)
    for formula in explained.formulas:
        assert worth(formula_text(formula.term), values) == formula.value, formula
        assert worth(formula_text(formula.term, numbers=True), {}) == formula.value, formula
        assert values.setdefault(formula.symbol, formula.value) == formula.value or not formula.symbol, formula
    result = {
        formula.quantity: formula.value
        for formula in explained.formulas
        if not formula.axes and formula.quantity != "padding"
    }
    if row.costed:
        assert {"buffers": 0, **result} == {cost: getattr(row, cost) for cost in COSTS}
    else:
        assert (result, UNCOSTED in explained.notes) == ({}, True)
    assert by_axis(explained, "output") == dict(enumerate(row.output_shape))
    seen, local = row.receptive_field, explained.receptive_field
    assert local == seen
    if set(seen.size or ()) == {0}:
        assert by_axis(explained, "field") == {}  # nothing of an input is seen, which has no formula
        return
    if ARRIVING in explained.notes:
        return  # what arrives is followed position by position, and its formulas are of something else
    for part in ("size", "stride", "start"):
        numbers = dict(enumerate(getattr(seen, part) or ()))
        assert by_axis(explained, f"field {part}").items() <= numbers.items()
        irregular = IRREGULAR in explained.notes
        if not irregular:
            assert set(by_axis(explained, f"field {part}")) == {axis for axis in numbers if numbers[axis] is not None}


def by_axis(explained: LayerExplanation, quantity: str) -> dict[int, int]:
    held = [
        (axis, formula.value)
        for formula in explained.formulas
        if formula.quantity.startswith(quantity)
        for axis in formula.axes
    ]
    assert len(dict(held)) == len(held)
    return dict(held)


@every_kind
@few
@given(draw=draws)
def test_every_formula_of_every_kind_says_its_value(name: str, draw: random.Random) -> None:
    config, inputs = load(name).case(draw)
    fields = {field: getattr(config, field) for field in field_types(load(name))}
    if fields.get("scale_factor"):
        fields["scale_factor"] = tuple(f"{top} / {bottom}" for top, bottom in fields["scale_factor"])
    text = "".join(f", {field}: {written(value)}" for field, value in fields.items())
    sources = [f"in{index}" for index in range(len(inputs))]
    given_inputs = ", ".join(f"{source}: {list(x)}" for source, x in zip(sources, inputs, strict=True))
    spec = f"inputs: {{{given_inputs}}}\nlayers:\n  - {name}: {{name: it, from: [{', '.join(sources)}]{text}}}\n"
    network = loads(Source("case.yaml", spec))
    explained = explain(network, "it")
    assert isinstance(explained, LayerExplanation)
    true(explained, convcalc.analyze(network).layers[0])
    balanced(latex.text(explained))


@pytest.mark.parametrize("path", SPECS)
@pytest.mark.usefixtures("analysed_once")
def test_every_formula_of_every_spec_says_its_value(path: str) -> None:
    full = network(path)
    seen = set()
    for row, node in zip(convcalc.analyze(full).layers, full.layers, strict=True):
        key = node.config, row.input_shapes
        if key not in seen:  # repeated blocks are alike but for the field that enters, and there are many
            seen.add(key)
            true(layer(path, row.name), row)


@pytest.mark.parametrize("path", SPECS)
@pytest.mark.usefixtures("analysed_once")
def test_every_block_of_every_spec_adds_up(path: str) -> None:
    net = network(path)
    report = convcalc.analyze(net)
    seen = set()
    for group in net.groups:
        inside = net.nodes[group.first : group.last]
        key = group.kind, group.times, tuple((node.config, node.shape) for node in inside)
        if key in seen:  # repeated blocks are alike, and there are many
            continue
        seen.add(key)
        result = block(path, group.name)
        rows = report.layers[group.first - net.input_count : group.last - net.input_count]
        for cost in COSTS:
            total = sum(getattr(row, cost) for row in rows)
            assert getattr(result, cost) == sum(getattr(part, cost) for part in result.parts) == total
        assert bool(result.parts) == bool(rows)
        assert result.times is None or len(result.parts) >= result.times


def test_the_overview_has_the_macs_of_every_layer() -> None:
    explanation = explain(network(RESNET))
    assert isinstance(explanation, NetworkExplanation)
    assert (explanation.layers[0].name, explanation.layers[0].kind, explanation.layers[0].summary) == (
        "stem",
        "conv",
        "7x7 /2",
    )
    rows = convcalc.analyze(network(RESNET)).layers
    known = [(line.name, line.macs) for line in explanation.layers if line.macs is not None]
    assert [(name, macs.value) for name, macs in known] == [(row.name, row.macs) for row in rows]
    assert all(worth(formula_text(macs.term, numbers=True), {}) == macs.value for _, macs in known)


OF_A_MATRIX = {"affine_grid": 1, "fold": 1}
"""Kinds that take a matrix, whose second axis counts as a spatial one."""


@every_kind
def test_the_formulas_of_a_kind_use_what_is_explained(name: str) -> None:
    explanation = explain_kind(name, load(name))
    known = {entry.symbol for entry in explanation.legend} | {"max", "min", "gcd", "ceil"}
    for formula in explanation.formulas:
        assert set(re.findall(r"[^\W\d]\w*", formula_text(formula.term))) <= known | {formula.symbol}, formula
        known |= {formula.symbol}
    costs = {"params", "macs", "elementwise_ops"} & {formula.quantity for formula in explanation.formulas}
    assert costs == ({"params", "macs", "elementwise_ops"} if load(name).costed else set())
    assert explanation.description
    axes = OF_A_MATRIX.get(name, 2)
    assert explanation.axes == axes
    balanced(latex.text(explanation))
    assert markdown.text(explanation).startswith(f"### {name}, on {axes} spatial ax{'i' if axes == 1 else 'e'}s\n")


@every_kind
def test_a_symbol_means_one_thing(name: str) -> None:
    for seed in range(30):
        config, inputs = load(name).case(random.Random(seed))
        work = Work(config, inputs)
        known = [*work.layer.legend, *(item.symbol for item in work.output if not item.is_trivial)]
        assert len(set(known)) == len(known)


# ---- as people write it ----------------------------------------------------------------------------------------------


def test_the_stem_of_resnet() -> None:
    stem = layer(RESNET, "stem")
    assert formula(stem, "output size") == (
        "o = (i + 2·p - d·(k - 1) - 1) // s + 1 = (224 + 2·3 - 1·(7 - 1) - 1) // 2 + 1 = 112"
    )
    assert formula(stem, "params") == "C_out·(C_in // g)·k·k = 64·(3 // 1)·7·7 = 9408"
    assert formula(stem, "macs") == "C_out·(C_in // g)·k·k·o·o = 64·(3 // 1)·7·7·112·112 = 118013952"
    assert formula(stem, "field size") == "r = r_in + d·(k - 1)·j_in = 1 + 1·(7 - 1)·1 = 7"
    assert formula(stem, "field stride") == "j = j_in·s = 1·2 = 2"
    assert formula(stem, "field start") == "a = a_in - p·j_in = 0 - 3·1 = -3"
    assert stem.description.startswith("Convolution: standard, grouped")
    assert stem.source.startswith("Dumoulin and Visin 2016")
    assert stem.choices == {"bias": False, "padding_mode": "zeros"}
    assert "k = kernel_size = 7" in [f"{entry.symbol} = {entry.meaning} = {entry.value}" for entry in stem.legend]
    assert "buffers" not in {item.quantity for item in stem.formulas}
    assert formula(layer(RESNET, "batch_norm1"), "buffers") == "2·C_in = 2·64 = 128"
    assert formula(layer(RESNET, "layer1.0.add"), "field size") == (
        "r = max(a_in1 + r_in1, a_in2 + r_in2) - min(a_in1, a_in2) = max(-9 + 19, -5 + 11) - min(-9, -5) = 19"
    )


def explained(text: str, name: str, entering: str = "[3, 12, 9]") -> LayerExplanation:
    explanation = explain(loads(Source("net.yaml", f"input: {entering}\nlayers:\n  - {text}\n")), name)
    assert isinstance(explanation, LayerExplanation)
    return explanation


def test_axes_have_symbols_of_their_own_only_where_they_differ() -> None:
    explanation = explained("conv: {name: it, out_channels: 4, kernel_size: [3, 5], padding: [[1, 2], [1, 2]]}", "it")
    assert formula(explanation, "macs") == "C_out·(C_in // g)·k_0·k_1·o_0·o_1 = 4·(3 // 1)·3·5·13·8 = 18720"
    sizes = [formula_text(item.term) for item in explanation.formulas if item.quantity == "output size"]
    assert sizes == [f"(i_{axis} + p_before + p_after - d·(k_{axis} - 1) - 1) // s + 1" for axis in (0, 1)]
    assert "p_before = padding before" in [f"{entry.symbol} = {entry.meaning}" for entry in explanation.legend]


def test_same_padding_is_worked_out_once() -> None:
    explanation = explained(
        "conv: {name: it, out_channels: 4, kernel_size: 3, stride: 2, padding: same}", "it", "[3, 9, 9]"
    )
    assert formula(explanation, "padding").startswith("p_total = max(s·(ceil(i / s) - 1) + d·(k - 1) + 1 - i, 0) = ")
    assert formula(explanation, "output size") == (
        "o = (i + p_total - d·(k - 1) - 1) // s + 1 = (9 + 2 - 1·(3 - 1) - 1) // 2 + 1 = 5"
    )
    assert formula(explanation, "field start") == "a = a_in - (p_total // 2)·j_in = 0 - (2 // 2)·1 = -1"


def test_a_field_without_a_letter_goes_by_its_name() -> None:
    explanation = explained("linear: {name: it, out_features: 10}", "it", "[512]")
    assert formula(explanation, "params") == "out_features·C_in + out_features = 10·512 + 10 = 5130"


def test_behind_an_upsampling_there_are_numbers_and_a_sentence() -> None:
    explanation = explained("upsample: {name: it, scale_factor: 2}", "it")
    assert not [formula for formula in explanation.formulas if formula.quantity.startswith("field")]
    assert "no formula" in explanation.notes[0]
    assert explanation.receptive_field.size == (1, 1)


def test_shared_weights_are_counted_where_they_are() -> None:
    text = "conv: {name: one, out_channels: 3, kernel_size: 3, padding: 1}\n  - conv: {name: it, share: one}"
    explanation = explained(text, "it")
    assert (formula(explanation, "params"), explanation.notes) == (
        "0 = 0 = 0",
        ("the weights are those of one, and counted there",),
    )


def test_inputs_that_differ_are_numbered() -> None:
    text = "conv: {name: one, out_channels: 5, kernel_size: 1}\n  - concat: {name: it, from: [input, one]}"
    assert formula(explained(text, "it"), "output channels") == "C_out = C_in1 + C_in2 = 3 + 5 = 8"


def test_a_block_says_what_it_is_and_how_it_adds_up() -> None:
    result = block(SEPARABLE, "separable_conv1")
    assert [(part.name, part.macs) for part in result.parts] == [
        ("separable_conv1.depthwise", 4800), ("separable_conv1.pointwise", 49152),
    ]  # fmt: skip
    assert result.macs == 53952
    assert result.description.startswith("Depthwise separable convolution")
    assert result.source == 'Sifre 2014; Howard et al., "MobileNets", 2017.'
    repeated = block(RESNET, "layer1")
    assert ([part.name for part in repeated.parts], repeated.times) == (["layer1.0", "layer1.1", "layer1.2"], 3)
    assert (
        repeated.description == block(RESNET, "layer1.0").description == "The residual block of ResNet-50 and deeper."
    )


def test_repeats_of_a_kind_and_of_once_and_of_nothing() -> None:
    text = "input: [3, 8, 8]\nlayers:\n" + "".join(
        f"  - {what}: {{name: {name}, out_channels: 3, kernel_size: 1, repeat: {times}}}\n"
        for what, name, times in (("conv", "a", 2), ("separable_conv", "b", 1), ("conv", "c", 0))
    )
    network = loads(Source("net.yaml", text))
    explanation: Any = {name: explain(network, name) for name in ("a", "b", "b.0", "c")}
    assert [[part.name for part in explanation[name].parts] for name in explanation] == [
        ["a.0", "a.1"], ["b.0"], ["b.0.depthwise", "b.0.pointwise"], [],
    ]  # fmt: skip
    assert explanation["a"].description.startswith("Convolution")
    assert explanation["b"].description.startswith("Depthwise separable")
    assert (explanation["c"].params, explanation["c"].receptive_field) == (0, None)


def test_a_block_of_ones_own_is_told_of() -> None:
    text = "input: [3, 8, 8]\nblocks: {mine: {about: 'What I made. Source: me.', layers: [relu]}}\nlayers: [mine]\n"
    explanation = explain(loads(Source("net.yaml", text)), "mine1")
    assert isinstance(explanation, BlockExplanation)
    assert (explanation.description, explanation.source) == ("What I made.", "me.")


def test_an_unknown_name_is_an_error_that_knows_the_names() -> None:
    with pytest.raises(NoSuchLayer) as error:
        convcalc.explain(network(SEPARABLE), "separable")
    assert error.value.known == ["separable_conv1", "separable_conv1.depthwise", "separable_conv1.pointwise"]


# ---- formats ---------------------------------------------------------------------------------------------------------


def balanced(text: str) -> None:
    """Brackets and environments close in the order they open, and nothing has a meaning by accident."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    opened = []
    marks = re.findall(r"\\left|\\right|\\begin\{[^}]*\}|\\end\{[^}]*\}|\\[\\{}%$#&_]|\\[a-zA-Z]+|[{}$%#&_^~]", lines)
    pairs = {"\\right": "\\left", "}": "{", "$": "$"}
    for mark in marks:
        if mark.startswith("\\begin"):
            opened.append(mark)
        elif mark.startswith("\\end"):
            assert opened.pop() == mark.replace("end", "begin")
        elif mark in {"\\left", "{"} or (mark == "$" and "$" not in opened):
            opened.append(mark)
        elif mark in pairs:
            assert opened.pop() == pairs[mark]
        elif mark in {"&", "_", "\\frac"}:
            assert opened, mark
        else:
            assert mark not in {"%", "#", "^", "~"}, mark
    assert opened == []
    assert "·" not in lines
    assert "//" not in lines


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (lambda i, p, d, k, s: (i + p + p - (d * (k - 1) + 1)) // s + 1,
         r"\left\lfloor \frac{i + 2 \cdot p - d \cdot \left(k - 1\right) - 1}{s} \right\rfloor + 1"),
        (lambda C_out, C_in, g, k_0, o_1: C_out * (C_in // g) * k_0 * o_1,  # noqa: N803  # the symbols
         r"C_{\mathrm{out}} \cdot \left\lfloor \frac{C_{\mathrm{in}}}{g} \right\rfloor \cdot k_{0} \cdot o_{1}"),
        (lambda a_in1, s: maximum(ceil_div(a_in1, s), 0),
         r"\max\left(\left\lceil \frac{a_{\mathrm{in}, 1}}{s} \right\rceil, 0\right)"),
        (lambda a, b, c: a - (b - c), r"a - \left(b - c\right)"),
        (lambda a, b: a - -3 * b, r"a - \left(-3\right) \cdot b"),
        (lambda num_heads, i1_0: num_heads * i1_0, r"\mathrm{num\_heads} \cdot i_{1, 0}"),
        (lambda p_before_1, i, o: p_before_1 + greatest_common_divisor(i, o),
         r"p_{\mathrm{before}, 1} + \gcd\left(i, o\right)"),
    ],
)  # fmt: skip
def test_latex_of_formulas(formula: Callable[..., Any], expected: str) -> None:
    names = signature(formula).parameters
    assert (
        formula_latex(formula(*(TracedNumber(Term(value, name)) for value, name in enumerate(names, start=7))).term)
        == expected
    )


def test_latex_escapes_what_a_name_may_hold() -> None:
    text = 'input: [3, 8, 8]\nlayers:\n  - conv: {name: "50%_#$&~^\\\\", out_channels: 3, kernel_size: 1}\n'
    network = loads(Source("net.yaml", text))
    for name in (None, network.layers[0].name):
        balanced(latex.text(explain(network, name)))


@pytest.mark.parametrize("path", [RESNET, UNET, SEPARABLE])
def test_every_format_shows_every_layer_and_block(path: str) -> None:
    net = network(path)
    for name in [None, *{group.name: None for group in net.groups}, *(node.name for node in net.layers[::5])]:
        explanation = explain(net, name)
        balanced(latex.text(explanation))
        rows = [line for line in markdown.text(explanation).splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in rows}) <= 1


def test_json_holds_the_records() -> None:
    document = json.loads(run("explain", RESNET, "stem", "--format", "json").out)
    assert (document["schema_version"], document["model"], document["spec"]) == (1, "resnet50", RESNET)
    assert document["convention"] == {"batch": 1}
    macs = next(formula for formula in document["layer"]["formulas"] if formula["quantity"] == "macs")
    assert (macs["symbols"], macs["value"]) == ("C_out·(C_in // g)·k·k·o·o", 118013952)
    assert document["layer"]["receptive_field"]["size"] == [7, 7]
    assert json.loads(run("explain", RESNET, "layer1", "--format", "json").out)["block"]["macs"] == 667942912
    assert len(json.loads(run("explain", RESNET, "--format", "json").out)["layers"]) == len(network(RESNET).layers)
    assert json.loads(run("explain", "--kind", "conv", "--format", "json").out)["kind"]["kind"] == "conv"
    assert (
        json.loads(piped(json_view, Explained(explained("upsample: {name: u, scale_factor: 2}", "u"))))["layer"]["name"]
        == "u"
    )


# ---- the command line ------------------------------------------------------------------------------------------------


def test_a_layer_in_text() -> None:
    out = run("explain", RESNET, "stem").out
    assert "MACs              C_out·(C_in // g)·k·k·o·o = 64·(3 // 1)·7·7·112·112 = 118,013,952\n" in out
    assert "\nk = kernel_size = 7\n" in out
    assert "\nwith bias = false, padding_mode = zeros\n" in out
    assert "MACs              4,800 + 49,152 = 53,952\n" in run("explain", SEPARABLE, "separable_conv1").out
    assert "118,013,952  = 64·(3 // 1)·7·7·112·112\n" in run("explain", RESNET).out


def test_other_sizes_and_variables() -> None:
    assert "= 64·(3 // 1)·7·7·16·16 = " in run("explain", RESNET, "stem", "--input", "3x32x32").out
    text = "variables: {width: 4}\ninput: [2, 4, 4]\nlayers: [conv: {name: it, out_channels: width, kernel_size: 1}]\n"
    assert "C_out = out_channels = 9\n" in run("explain", "-", "it", "--set", "width=9", given=text).out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name a spec"),
        ((RESNET, "stm"), "did you mean `stem`?"),
        (
            (RESNET, "nothing like it"),
            "there is stem, batch_norm1, relu1, max_pool1, layer1, layer2, layer3, layer4, global_avg_pool1, fc",
        ),
        (("--kind", "conf"), "did you mean `conv`?"),
        (("--kind", "zzz"), "convcalc kinds"),
        (("--kind", "separable_conv"), "it is a block"),
        ((RESNET, "--kind", "conv"), "without a spec"),
        (("--kind", "conv", "--set", "a=1"), "without --input and --set"),
        (("no/such/file.yaml",), "no/such/file.yaml"),
        ((RESNET, "--input", "3x"), "3x224x224"),
    ],
)
def test_bad_input_is_said_and_exits_with_2(arguments: tuple[str, ...], message: str) -> None:
    result = run("explain", *arguments)
    assert (result.code, result.out) == (2, "")
    assert message in re.sub(r"[\s│]+", " ", result.err)


def test_a_wrong_spec_gets_its_diagnostics() -> None:
    result = run("explain", "-", "conv1", given="input: [2, 4, 4]\nlayers:\n  - conv: {out_channels: 3}\n")
    assert (result.code, result.out) == (2, "")
    assert "error[CC012]" in result.err


@pytest.mark.parametrize("width", [20, 40, 70, 120])
def test_a_narrow_terminal_cuts_no_number(width: int) -> None:
    names = ("stem", "layer1.0.add", "layer1", "layer1.0", "")
    texts = on_terminal(width, *(f"explain {RESNET} {name}" for name in names))
    for name, text in zip(names, texts, strict=True):
        plain = [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()]
        assert max(map(cell_len, plain)) <= width, plain
        joined = "".join(plain).replace(" ", "")
        for number in {"stem": ["118,013,952"], "layer1": ["667,942,912"]}.get(name, []):
            assert number in joined
            assert any(number in line for line in plain)


COMMANDS = """
import sys
from convcalc.cli import main

for command in sys.argv[1:]:
    sys.argv = ["convcalc", *command.split()]
    try:
        main()
    except SystemExit as end:
        assert not end.code
    print(end="\\f", flush=True)
"""


def on_terminal(width: int, *commands: str) -> list[str]:
    """What a process prints there for each command in turn."""
    main, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 60, width, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "LINES", "NO_COLOR"}}
    process = subprocess.Popen(
        [sys.executable, "-c", COMMANDS, *commands], stdout=end, stderr=end, env={**environment, "TERM": "xterm"}
    )
    os.close(end)
    result = b""
    try:
        while block_ := os.read(main, 65536):
            result += block_
    except OSError:  # the other end is closed
        pass
    os.close(main)
    assert process.wait() == 0
    return result.decode().split("\f")[:-1]


def test_no_colour_where_it_is_piped_and_a_closed_pipe_is_no_fault() -> None:
    assert "\x1b" not in run("explain", RESNET, "stem").out
    for arguments in ([RESNET], [RESNET, "--format", "latex"], [RESNET, "--format", "json"]):
        command = f"'{sys.executable}' -m convcalc explain {' '.join(arguments)} | head -c 10"
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr
        assert "internal error" not in done.stderr


def test_starting_another_command_needs_nothing_of_explain() -> None:
    code = f"import sys, convcalc.cli; sys.argv = ['convcalc', 'analyze', {RESNET!r}]; convcalc.cli.main()"
    listing = "import atexit, sys; atexit.register(lambda: print([name for name in sys.modules if 'explain' in name]));"
    done = subprocess.run([sys.executable, "-c", listing + code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
