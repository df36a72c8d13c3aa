"""Names and references that hold expressions: what a repeated layer can be called, and what it can refer to."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import jsonschema  # type: ignore[import-untyped]
import pytest
from typer.testing import CliRunner

import convcalc
from convcalc import steps
from convcalc.cli import application
from convcalc.language import Source, SpecError, loads
from convcalc.language.rewrite import Rewriter
from convcalc.language.schema import schema
from convcalc.language.variants import parsed
from convcalc.network import Network

PYRAMID = """\
input: [3, 64, 64]
variables: {levels: 4, width: 16}
blocks:
  lateral:
    inputs: [coarse, fine]
    parameters: {channels: required}
    layers:
      - upsample: {name: up, size: size_of(fine)}
      - conv: {name: side, from: fine, out_channels: channels, kernel_size: 1}
      - add: {from: [up, side]}
layers:
  - conv: {name: "c{index + 2}", repeat: levels, out_channels: 8 * 2 ** index, kernel_size: 3, stride: 2, padding: 1}
  - conv: {name: "m{levels + 1}", out_channels: width, kernel_size: 1}
  - lateral: {name: "m{levels - index}", repeat: levels - 1, from: [previous, "c{levels - index}"], channels: width}
  - conv: {name: "p{index + 2}", repeat: levels, from: "m{index + 2}", out_channels: width, kernel_size: 3, padding: 1}
outputs: [p2, p3, p4, p5]
"""
"""A feature pyramid (Lin et al. 2017): laterals of 1x1, from the coarsest map down, and a 3x3 on each level."""

FLAT = """\
input: [3, 64, 64]
layers:
  - conv: {name: c2, out_channels: 8, kernel_size: 3, stride: 2, padding: 1}
  - conv: {name: c3, out_channels: 16, kernel_size: 3, stride: 2, padding: 1}
  - conv: {name: c4, out_channels: 32, kernel_size: 3, stride: 2, padding: 1}
  - conv: {name: c5, out_channels: 64, kernel_size: 3, stride: 2, padding: 1}
  - conv: {name: m5, out_channels: 16, kernel_size: 1}
  - upsample: {name: up4, size: 8}
  - conv: {name: side4, from: c4, out_channels: 16, kernel_size: 1}
  - add: {name: m4, from: [up4, side4]}
  - upsample: {name: up3, size: 16}
  - conv: {name: side3, from: c3, out_channels: 16, kernel_size: 1}
  - add: {name: m3, from: [up3, side3]}
  - upsample: {name: up2, size: 32}
  - conv: {name: side2, from: c2, out_channels: 16, kernel_size: 1}
  - add: {name: m2, from: [up2, side2]}
  - conv: {name: p2, from: m2, out_channels: 16, kernel_size: 3, padding: 1}
  - conv: {name: p3, from: m3, out_channels: 16, kernel_size: 3, padding: 1}
  - conv: {name: p4, from: m4, out_channels: 16, kernel_size: 3, padding: 1}
  - conv: {name: p5, from: m5, out_channels: 16, kernel_size: 3, padding: 1}
outputs: [p2, p3, p4, p5]
"""


def network(text: str) -> Network:
    return loads(Source("net.yaml", dedent(text)))


def edges(text: str) -> list[str]:
    built = network(text)
    return [" ".join([node.name, *(built.nodes[source].name for source in node.inputs)]) for node in built.layers]


def test_a_pyramid_of_repeated_lines_is_the_one_written_out() -> None:
    short, long = network(PYRAMID), network(FLAT)
    assert convcalc.analyze(short).totals == convcalc.analyze(long).totals
    same = ("c2", "c3", "c4", "c5", "m5", "p2", "p3", "p4", "p5")
    names = {"m2": "m2.add1", "m3": "m3.add1", "m4": "m4.add1"}
    of_long = {node.name: node for node in long.nodes}
    for node in short.nodes:
        if node.name in same:
            entering = [long.nodes[source].name for source in of_long[node.name].inputs]
            assert [short.nodes[source].name for source in node.inputs] == [names.get(name, name) for name in entering]
    assert [short.nodes[index].name for index in short.outputs] == ["p2", "p3", "p4", "p5"]


def test_each_repetition_is_a_layer_of_its_own() -> None:
    """No row stands for all of them, as none does where they are written out."""
    groups = [group.name for group in network(PYRAMID).groups]
    assert groups == ["m4", "m3", "m2"]
    rows = convcalc.analyze(network(PYRAMID)).layers
    assert [row.name for row in rows if row.name.startswith("m3")] == ["m3.up", "m3.side", "m3.add1"]
    assert convcalc.explain(network(PYRAMID), "p4").name == "p4"


NETWORKS = {
    "a repetition of a named repeat, by number": (
        'relu: {name: r, repeat: 3}, add: {name: a, repeat: 2, from: [previous, "r.{1 - index}"]}',
        ["r.0 input", "r.1 r.0", "r.2 r.1", "a.0 r.2 r.1", "a.1 a.0 r.0"],
    ),
    "a layer inside of it": (
        'block: {name: b, repeat: 2}, add: {from: [previous, "b.{index}.t"], repeat: 2}',
        [
            *("b.0.t input", "b.0.relu1 b.0.t", "b.1.t b.0.relu1", "b.1.relu1 b.1.t"),
            *("add1.0 b.1.relu1 b.0.t", "add1.1 add1.0 b.1.t"),
        ],
    ),
    "a text": (
        "relu: {name: \"{['x', 'y'][index]}\", repeat: 2}, add: {from: [x, y]}",
        ["x input", "y x", "add1 x y"],
    ),
    "a variable, without a repeat": (
        'relu: {name: "stage{depth}"}, tanh: {from: "stage{2 + 1}"}',
        ["stage3 input", "tanh1 stage3"],
    ),
    "two expressions": (
        'relu: {name: "s{depth}_{index}", repeat: 2}, add: {from: [s3_0, s3_1]}',
        ["s3_0 input", "s3_1 s3_0", "add1 s3_0 s3_1"],
    ),
    "a name stands for what is before where a repetition is left out": (
        'relu: {name: "r{index}", repeat: 3, when: index != 1}, add: {from: [r0, r1, r2]}',
        ["r0 input", "r2 r0", "add1 r0 r0 r2"],
    ),
    "in a repeated merge, in whose branches index has a value": (
        'relu: {name: "r{index}", repeat: 2}, add: {repeat: 2, branches: [[tanh: {from: "r{index}"}], []]}',
        [
            *("r0 input", "r1 r0", "add1.0.tanh1 r0", "add1.0 add1.0.tanh1 r1"),
            *("add1.1.tanh1 r1", "add1.1 add1.1.tanh1 add1.0"),
        ],
    ),
    "in a block, whose names are its own": (
        "chain: {times: 2}, chain: {times: 1}, relu: {from: chain1.r1}",
        ["chain1.r0 input", "chain1.r1 chain1.r0", "chain2.r0 chain1.r1", "relu1 chain1.r1"],
    ),
    "a star behind a name that is worked out": (
        'block: {name: "b{index}", repeat: 1}, outer: {name: "o{1}"}, add: {from: "o{1}.r.*"}',
        ["b0.t input", "b0.relu1 b0.t", "o1.r.0 b0.relu1", "o1.r.1 o1.r.0", "add1 o1.r.0 o1.r.1"],
    ),
    "no repetition, no name": ('relu: {name: "r{index}", repeat: 0}, tanh', ["tanh1 input"]),
    "automatic numbers count on": ('relu: {name: "r{index}", repeat: 2}, relu', ["r0 input", "r1 r0", "relu2 r1"]),
}
HEAD = """\
input: [4, 8, 8]
variables: {depth: 3}
blocks:
  block: {layers: [tanh: {name: t}, relu]}
  chain: {parameters: {times: required}, layers: [relu: {name: "r{index}", repeat: times}]}
  outer: {layers: [relu: {name: r, repeat: 2}]}
"""


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str) -> None:
    layers, expected = NETWORKS[name]
    assert edges(f"{HEAD}layers: [{layers}]\n") == expected


def test_weights_are_shared_repetition_by_repetition() -> None:
    text = """
    input: [4, 8, 8]
    layers:
      - conv: {name: "a{index}", repeat: 2, out_channels: 4, kernel_size: 3, padding: 1}
      - conv: {name: "b{index}", repeat: 2, share: "a{1 - index}"}
    """
    built = network(text)
    assert [node.shared for node in built.layers] == [None, None, 2, 1]
    assert convcalc.analyze(built).totals.params == 2 * (4 * 4 * 9 + 4)


WRONG = {
    "not unique": ('relu: {name: «"r{index // 2}"», repeat: 2}', "CC002", "the name `r0` is given twice"),
    "not unique among others": (
        'relu: {name: r1}, tanh: {name: «"r{index}"», repeat: 2}',
        "CC002",
        "the name `r1` is given twice",
    ),
    "taken before": (
        'tanh: {name: "r{index}", repeat: 2}, relu: {name: «r1»}',
        "CC002",
        "the name `r1` is given twice",
    ),
    "an automatic name": ('tanh: {name: "relu{1}"}, «relu»', "CC002", "the name `relu1` is given twice"),
    "not defined": (
        'relu: {name: "r{index}", repeat: 2}, tanh: {from: «"r{2}"»}',
        "CC013",
        "there is no layer `r2` above",
    ),
    "not defined, written out": (
        'relu: {name: "r{index}", repeat: 2}, tanh: {from: «r2»}',
        "CC013",
        "there is no layer `r2` above",
    ),
    "below zero": (
        'relu: {name: r, repeat: 2}, tanh: {repeat: 2, from: «"r.{0 - index}"»}',
        "CC013",
        "there is no layer `r.-1` above",
    ),
    "a fraction": (
        'relu: {name: «"r{index / 2}"», repeat: 2}',
        "CC011",
        "expected a whole number or a text from index / 2, found 0.5",
    ),
    "a list": ('relu: {name: «"r{[1]}"»}', "CC011", "expected a whole number or a text from [1], found [1]"),
    "a dot": ("relu: {name: «\"r{'a.b'}\"»}", "CC011", "expected a text without dots"),
    "input": ("relu: {name: «\"{'input'}\"»}", "CC011", "found 'input'"),
    "index where nothing is repeated": ('relu: {name: "r{«index»}"}', "CC013", "`index`, which has no value here"),
    "an unknown name": ('relu: {name: "r{«dpeth»}"}', "CC013", "`dpeth`, which has no value here"),
    "what enters": ('relu: {name: "r{«in_channels»}"}', "CC011", "`in_channels`, which has no value here"),
    "no expression": ('relu: {name: "r{«1 +»}"}', "CC011", "neither a number nor an expression"),
    "an open brace": ('relu: {name: «"r{index"», repeat: 2}', "CC011", "a brace without its other"),
    "a closing brace": ('relu, tanh: {from: «"relu1}"»}', "CC011", "a brace without its other"),
    "a repeat that fails": (
        'relu: {name: "r{index}", repeat: «0 - 1»}, tanh: {from: r0}',
        "CC011",
        "expected a whole number from 0",
    ),
    "a name that fails is no more missed": (
        'relu: {name: «"r{1 / 2}"»}, tanh: {from: r1}, crop: {size: size_of(r1)}',
        "CC011",
        "found 0.5",
    ),
    "a value that cannot be read": ('relu: {name: "r{«dpeth»}"}, tanh: {from: r1}', "CC013", "has no value here"),
}


@pytest.mark.parametrize("name", WRONG)
def test_mistakes(name: str) -> None:
    layers, code, message = WRONG[name]
    text = f"{HEAD}layers: [{layers}]\n"
    start, end = text.index("«"), text.index("»") - 1
    with pytest.raises(SpecError) as caught:
        network(text.replace("«", "").replace("»", ""))
    reported = caught.value.diagnostics
    assert len(reported) == 1, reported
    line = text[:start].count("\n") + 1
    column = start - text.rfind("\n", 0, start)
    assert (reported[0].code, reported[0].line, reported[0].column) == (code, line, column)
    assert reported[0].end_column in {column + end - start, column + 1}
    assert message in reported[0].message


def test_braces_without_quotes_are_told_of_quotes() -> None:
    with pytest.raises(SpecError) as caught:
        network("input: [4, 8, 8]\nlayers: [relu: {name: r{index}, repeat: 2}]\n")
    [problem] = caught.value.diagnostics
    assert (problem.code, problem.help) == ("CC001", "a name that holds an expression in braces is put in quotes")


def test_they_are_counted_among_the_steps() -> None:
    with steps.run(), pytest.raises(SpecError) as caught:
        network('input: [4]\nlayers: [relu: {name: "r{index}", repeat: 1000000}]\n')
    assert [problem.code for problem in caught.value.diagnostics] == ["CC008"]


def test_a_variant_finds_them_by_name() -> None:
    source = Source("net.yaml", PYRAMID)
    rewriter = Rewriter(source, loads(source), {})
    [variant] = parsed("separable", rewriter.outline, {})
    chosen, notes = rewriter.chosen(variant, ["p3"])
    assert notes == ("p3 is written once for 4 repetitions, all of which are replaced",)
    written = rewriter.rewritten(variant, chosen)
    assert '- separable_conv: {name: "p{index + 2}", repeat: levels, from: "m{index + 2}",' in written.text
    rows = {row.name: row for row in convcalc.analyze(loads(written)).layers}
    assert rows["p4.depthwise"].params + rows["p4.pointwise"].params == 16 * 9 + 16 * 16 + 16


def test_a_variant_that_a_stem_cannot_have_is_tried_on_them(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(
        "input: [3, 16, 16]\nlayers:\n"
        "  - conv: {out_channels: 8, kernel_size: 3, padding: 1}\n"
        '  - conv: {name: "p{index}", repeat: 2, out_channels: 8, kernel_size: 3, padding: 1}\n'
        '  - conv: {name: "odd{index}", repeat: 2, out_channels: 9, kernel_size: 3, padding: 1}\n',
        "utf-8",
    )
    shown = CliRunner().invoke(application(), ["compare", str(path), "--variant", "grouped,standard"]).stdout
    assert "2 of 5" in shown
    reason = "groups 2 does not divide both in_channels 3 and out_channels 8"
    assert f"grouped: 3 of 5 layers stay as they are: conv1, odd* ({reason})" in shown


def test_networks_are_compared_by_these_names() -> None:
    wider = network(PYRAMID.replace('m{index + 2}", out_channels: width', 'm{index + 2}", out_channels: 2 * width'))
    changes = convcalc.compare(network(FLAT), wider).changes
    edited = [change.name for change in changes if change.mark == "edited"]
    assert {"p2", "p3", "p4", "p5"} <= set(edited)


def test_the_schema_allows_them() -> None:
    layer = {"conv": {"name": "p{index + 0.5 * 2}", "from": "m{index}", "out_channels": 2, "kernel_size": 1}}
    jsonschema.validate({"input": [3, 8, 8], "layers": [layer]}, schema())
    for name in ("a.b", "a{", "a}", "{}"):
        layer["conv"]["name"] = name
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"input": [3, 8, 8], "layers": [layer]}, schema())
