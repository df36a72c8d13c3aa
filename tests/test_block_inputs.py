"""Blocks that several tensors enter: decoders, gates and merges, against the same networks written flat."""

from __future__ import annotations

from textwrap import dedent

import jsonschema  # type: ignore[import-untyped]
import pytest

import convcalc
from convcalc.language import Source, SpecError, loads
from convcalc.language.rewrite import Rewriter
from convcalc.language.schema import schema
from convcalc.language.variants import parsed

GATE = """\
  gate:
    inputs: [x, skip]
    parameters: {inner: channels_of(skip) // 2}
    layers:
      - conv: {name: of_skip, from: skip, out_channels: inner, kernel_size: 1, stride: 2}
      - conv: {name: of_x, from: x, out_channels: inner, kernel_size: 1}
      - add: {from: [of_skip, of_x]}
      - relu
      - conv: {out_channels: 1, kernel_size: 1}
      - sigmoid
      - upsample: {size: size_of(skip), mode: bilinear}
      - mul: {from: [previous, skip]}
"""
"""The additive gate of Oktay et al. 2018: the coarse map decides which positions of the skip pass."""

DECODER = """\
  decoder:
    inputs: [x, skip]
    layers:
      - gate: {name: gated, from: [x, skip]}
      - conv_transpose: {from: x, out_channels: input_channels // 2, kernel_size: 2, stride: 2}
      - concat: {from: [previous, gated]}
      - conv: {out_channels: channels_of(skip), kernel_size: 3, padding: 1}
      - relu
"""

ATTENTION_UNET = f"""\
input: [1, 32, 32]
blocks:
{GATE}{DECODER}
  encoder:
    parameters: {{channels: required, pooled: required}}
    layers:
      - max_pool: {{kernel_size: 2, when: pooled}}
      - conv: {{out_channels: channels, kernel_size: 3, padding: 1}}
      - relu
layers:
  - encoder: {{name: "encoder{{index}}", repeat: 3, channels: 8 * 2 ** index, pooled: index > 0}}
  - decoder: {{name: "decoder{{index}}", repeat: 2, from: [previous, "encoder{{1 - index}}"]}}
"""


def flat_attention_unet() -> tuple[int, int]:
    """The params and MACs of the same network, layer by layer: (taps, inputs, outputs, positions, groups of it)."""
    layers = [(9, 1, 8, 32), (9, 8, 16, 16), (9, 16, 32, 8)]  # the encoders
    for skip, coarse, side in ((16, 32, 8), (8, 16, 16)):
        inner = skip // 2
        layers += [(1, skip, inner, side), (1, coarse, inner, side), (1, inner, 1, side)]  # a gate
        layers += [(4, coarse, coarse // 2, side), (9, coarse // 2 + skip, skip, 2 * side)]
    params = sum(taps * inputs * outputs + outputs for taps, inputs, outputs, _ in layers)
    return params, sum(taps * inputs * outputs * side * side for taps, inputs, outputs, side in layers)


def network(text: str) -> convcalc.Network:
    return loads(Source("net.yaml", dedent(text)))


def problems(text: str) -> list[tuple[str, int, str]]:
    with pytest.raises(SpecError) as caught:
        network(text)
    return [(problem.code, problem.line, problem.message) for problem in caught.value.diagnostics]


def test_an_attention_unet_costs_what_its_layers_cost_one_by_one() -> None:
    report = convcalc.analyze(network(ATTENTION_UNET))
    assert (report.totals.params, report.totals.macs) == flat_attention_unet()
    assert report.layers[-1].output_shape == (8, 32, 32)


def test_a_network_with_such_blocks_is_measured_as_claimed() -> None:
    assert convcalc.verify(network(ATTENTION_UNET)).agrees


def test_the_unet_of_the_zoo_in_two_lines() -> None:
    text = """
        input: [1, 572, 572]
        blocks:
          double_conv:
            parameters: {channels: required}
            layers:
              - conv: {out_channels: channels, kernel_size: 3}
              - relu
              - conv: {out_channels: channels, kernel_size: 3}
              - relu
          encoder:
            parameters: {channels: required, pooled: required}
            layers: [max_pool: {kernel_size: 2, when: pooled}, double_conv: channels]
          decoder:
            inputs: [x, skip]
            layers:
              - conv_transpose: {name: up, out_channels: in_channels // 2, kernel_size: 2, stride: 2}
              - crop: {name: cropped, from: skip, size: size_of(up)}
              - concat: {from: [cropped, up]}
              - double_conv: channels_of(skip)
        layers:
          - encoder: {name: "encoder{index}", repeat: 5, channels: 64 * 2 ** index, pooled: index > 0}
          - decoder: {name: "decoder{index}", repeat: 4, from: [previous, "encoder{3 - index}"]}
          - conv: {out_channels: 2, kernel_size: 1}
    """
    report = convcalc.analyze(network(text))
    totals = report.totals
    assert (totals.params, totals.macs) == (31_030_658, 150_428_424_448)  # counted on the published network
    assert report.layers[-1].receptive_field.size == (204, 204)


TWO = "input: [4, 8, 8]\nblocks: {both: {inputs: [x, skip], layers: [LAYERS]}}\nlayers: [relu, CALL]\n"


@pytest.mark.parametrize(
    ("layers", "reads"),
    {
        "the first layer starts from the first input": (
            "tanh, add: {from: [previous, skip]}",
            "tanh1 x, add1 tanh1 skip",
        ),
        "previous too": ("add: {from: [previous, skip]}", "add1 x skip"),
        "in branches as well": (
            "add: {name: a, repeat: 2, branches: [[tanh], [sigmoid: {from: skip}]]}",
            "a.0.tanh1 x, a.0.sigmoid1 skip, a.0 a.0.tanh1 a.0.sigmoid1, "  # noqa: ISC004  # one text
            "a.1.tanh1 a.0, a.1.sigmoid1 skip, a.1 a.1.tanh1 a.1.sigmoid1",
        ),
        "a name that is worked out": ("""add: {from: ["{'x'}", "sk{'ip'}"]}""", "add1 x skip"),
    }.values(),
)
def test_what_the_names_of_inputs_stand_for(layers: str, reads: str) -> None:
    built = network(TWO.replace("LAYERS", layers).replace("CALL", "both: {name: b, from: [relu1, input]}"))
    names = {"relu1": "x", "input": "skip"}
    shown = [
        " ".join([node.name[2:], *(names.get(built.nodes[i].name, built.nodes[i].name[2:]) for i in node.inputs)])
        for node in built.layers[1:]
    ]
    assert ", ".join(shown) == reads


def test_an_input_may_be_called_input_and_the_only_one_always_is() -> None:
    both = "input: [4, 8, 8]\nblocks: {b: {inputs: [skip, input], layers: [add: {from: [input, skip]}]}}\n"
    built = network(both + "layers: [relu, b: {from: [relu1, input]}]")
    assert [built.nodes[source].name for source in built.nodes[-1].inputs] == ["input", "relu1"]
    alone = "input: [4, 8, 8]\nblocks: {b: {inputs: [x], layers: [relu, add: {from: [previous, input, x]}]}}\n"
    built = network(alone + "layers: [b]")
    assert [built.nodes[source].name for source in built.nodes[-1].inputs] == ["b1.relu1", "input", "input"]


def test_repetitions_get_what_from_says_each_time() -> None:
    call = "both: {name: b, repeat: 2, from: [previous, input]}"
    built = network(TWO.replace("LAYERS", "add: {from: [x, skip]}").replace("CALL", call))
    entering = [[built.nodes[source].name for source in node.inputs] for node in built.layers[1:]]
    assert entering == [["relu1", "input"], ["b.0.add1", "input"]]


def test_shared_weights_are_those_of_the_like_layer_within() -> None:
    text = f"""\
input: [8, 16, 16]
blocks:
{GATE}layers:
  - conv: {{name: a, out_channels: 4, kernel_size: 3, stride: 2, padding: 1}}
  - gate: {{name: first, from: [a, input]}}
  - gate: {{name: second, share: first, from: [a, first]}}
"""
    rows = convcalc.analyze(network(text)).layers
    assert sum(row.params for row in rows if row.name.startswith("second")) == 0
    assert sum(row.macs for row in rows if row.name.startswith("second")) > 0


WRONG = {
    "too few": ("add: {from: [x, skip]}", "both", "both takes 2 inputs (x, skip), found 1; name them: from: [x, skip]"),
    "too many": (
        "add: {from: [x, skip]}",
        "both: {from: [relu1, input, input]}",
        "both takes 2 inputs (x, skip), found 3",
    ),
    "several, and `input`": (
        "add: {from: [x, skip]}, relu: {from: input}",
        "both: {from: [relu1, input]}",
        "there are several inputs; name one in `from`: x, skip",
    ),
    "an unused one": ("relu", "both: {from: [relu1, input]}", "block both: no layer uses its input `skip`"),
    "the first unused": (
        "relu: {from: skip}",
        "both: {from: [relu1, input]}",
        "block both: no layer uses its input `x`",
    ),
    "a layer of that name": (
        "add: {name: skip, from: [x, skip]}",
        "both: {from: [relu1, input]}",
        "the name `skip` is given twice, first as an input",
    ),
    "one to share": (
        "add: {from: [x, skip]}, relu: {share: x}",
        "both: {from: [relu1, input]}",
        "share: expected the name of a layer above, found",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_mistakes(name: str) -> None:
    layers, call, message = WRONG[name]
    reported = problems(TWO.replace("LAYERS", layers).replace("CALL", call))
    assert len(reported) == 1
    assert message in reported[0][2]


def test_names_where_fields_are_expected_are_told_of_from() -> None:
    spec = "input: [4, 8, 8]\nblocks:\n  both: {inputs: [x, skip], PARAMETERSlayers: [add: {from: [x, skip]}]}\n"
    for parameters, more in (("", ""), ("parameters: {c: required}, ", ", c: ...")):
        with pytest.raises(SpecError) as caught:
            network(spec.replace("PARAMETERS", parameters) + "layers: [relu, both: [relu1, input]]\n")
        [problem] = caught.value.diagnostics
        assert problem.help == f"write `- both: {{from: [relu1, input]{more}}}`"


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ("x", "inputs: expected the names of what enters, as [x, skip], found"),
        ("[]", "inputs: expected the names of what enters, as [x, skip], found"),
        ("[x, x]", "inputs: the name `x` is given twice"),
        ("[x, 3]", "inputs: expected a text without dots"),
        ("[previous]", "inputs: expected a text without dots"),
        ("[a.b]", "inputs: expected a text without dots"),
        ("['a{b}']", "inputs: expected a text without dots"),
    ],
)
def test_names_that_cannot_be_of_an_input(inputs: str, message: str) -> None:
    reported = problems(f"input: [4, 8, 8]\nblocks: {{b: {{inputs: {inputs}, layers: [relu]}}}}\nlayers: [relu]\n")
    assert reported[0][0] in {"CC002", "CC011"}
    assert message in reported[0][2]


def test_a_wrong_number_is_marked_where_the_tensors_are_named() -> None:
    with pytest.raises(SpecError) as caught:
        network("input: [4, 8, 8]\nlayers:\n  - relu\n  - squeeze_excite: {from: [relu1, input]}\n")
    [problem] = caught.value.diagnostics
    assert (problem.line, problem.column) == (4, 29)
    assert problem.message == "squeeze_excite1: squeeze_excite takes 1 input, found 2"


def test_the_schema_knows_them() -> None:
    valid = {"input": [4, 8, 8], "layers": ["relu"]}
    block = {"inputs": ["x", "skip"], "layers": [{"add": {"from": ["x", "skip"]}}]}
    jsonschema.validate({**valid, "blocks": {"both": block}}, schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**valid, "blocks": {"both": {**block, "inputs": []}}}, schema())


def test_a_variant_is_written_into_a_copy_of_such_a_block() -> None:
    source = Source(
        "net.yaml",
        "input: [4, 8, 8]\n"
        "blocks:\n"
        "  both: # of two\n"
        "    inputs: [x, skip]\n"
        "    layers:\n"
        "      - conv: {out_channels: channels_of(skip), kernel_size: 3, padding: 1}\n"
        "      - add: {from: [previous, skip]}\n"
        "layers:\n"
        "  - relu\n"
        "  - both: {name: first, from: [relu1, input]}\n"
        "  - both: {name: second, from: [first, relu1]}\n",
    )
    rewriter = Rewriter(source, loads(source), {})
    [variant] = parsed("separable", rewriter.outline, {})
    chosen, _ = rewriter.chosen(variant, ["second"])
    written = rewriter.rewritten(variant, chosen)
    assert "inputs: [x, skip]" in written.text.partition("  both_separable:")[2]
    params = [row.params for row in convcalc.analyze(loads(written)).layers]
    assert params == [0, 4 * 4 * 9 + 4, 0, 4 * 9, 4 * 4 + 4, 0]
