"""compare: variants of a spec, two specs layer by layer, and what both look like."""

from __future__ import annotations

import csv
import difflib
import io
import json
import os
import re
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from typing import Any

import msgspec
import pytest
import yaml
from command_line import application
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from spec_reports import DATA, SPECS, field_of, report_of, rows, shape, unmet
from typer.testing import CliRunner
from view_texts import on_console, piped

import convcalc
from convcalc.analysis import align
from convcalc.analysis.align import common
from convcalc.analysis.compare import Change, Comparison
from convcalc.analysis.sides import Candidate, Sides, of_specs
from convcalc.analysis.variants import NothingToReplace, variants
from convcalc.language import Source, loads, read, replacing
from convcalc.language.rewrite import CannotApply, Rewriter
from convcalc.language.variants import VARIANTS, VariantError, parsed
from convcalc.views.compare import markdown, table
from convcalc.views.compare.shared import Compared, theory_texts

ROOT = Path(__file__).parent.parent
SEEDS: dict[str, dict[str, Any]] = yaml.safe_load((DATA / "seeds.yaml").read_text("utf-8"))
STANDARD, RESNET = "specs/seeds/standard_12x12.yaml", "specs/zoo/resnet50.yaml"
VGG = "specs/zoo/vgg16.yaml"
TRACEBACK = re.compile(r"Traceback|internal error|Exception|File \"")


@pytest.fixture(autouse=True)
def _from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


class Result(msgspec.Struct):
    code: int
    out: str
    err: str


def run(*arguments: str, text: str = "") -> Result:
    result = CliRunner().invoke(application(), ["compare", *arguments], input=text)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Result(result.exit_code, result.stdout, re.sub(r"[\s│]+", " ", result.stderr))


def as_json(*arguments: str, text: str = "") -> Any:
    result = run(*arguments, "--format", "json", text=text)
    assert (result.code, result.err) == (0, "")
    return json.loads(result.out)


def sides(path: str, variant: str, *layers: str, **values: str) -> Sides:
    return variants(convcalc.load(path, variables=values), variant, layers=layers)


def variant(path: str, wanted: str, *layers: str, **values: str) -> Comparison:
    (entry,) = sides(path, wanted, *layers, **values).candidates
    assert entry.comparison is not None, entry.reason
    return entry.comparison


def of_text(folder: Path, text: str) -> str:
    path = folder / "net.yaml"
    path.write_text(dedent(text), "utf-8")
    return str(path)


def one_layer(folder: Path, input_: list[int], layer: str) -> str:
    return of_text(folder, f"input: {input_}\nlayers:\n  - conv: {{{layer}}}\n")


def compared(base: str, head: str) -> Comparison:
    first, second = (loads(Source("net.yaml", dedent(text))) for text in (base, head))
    return convcalc.compare(first, second)


# ---- the worked figures ------------------------------------------------------------------------------------------


def seed(name: str) -> dict[str, Any]:
    result: dict[str, Any] = SEEDS[name]["expect"]
    return result


@pytest.mark.parametrize(
    ("base", "wanted", "head"),
    [
        ("standard_5x5_1024", "depthwise", "depthwise_5x5_1024"),
        ("standard_5x5_1024", "depthwise:depth_multiplier=1", "depthwise_5x5_1024"),
        ("standard_5x5_1024", "standard", "standard_5x5_1024"),
        ("standard_7x7_256", "spatial_separable", "spatial_separable_7x7_256"),
        ("standard_5x5_256", "grouped:groups=32", "grouped_5x5_256_g32"),
    ],
)
def test_params_and_shapes_of_the_seeds(base: str, wanted: str, head: str) -> None:
    comparison = variant(f"specs/seeds/{base}.yaml", wanted)
    assert comparison.base.totals.params == seed(base)["params"]
    assert comparison.head.totals.params == seed(head)["params"]
    assert list(comparison.head.layers[-1].output_shape) == seed(head)["output"]


def test_grouped_seed_of_which_groups_are_a_variable() -> None:
    comparison = variant("specs/seeds/grouped_3x3_64_g2.yaml", "grouped", groups="1")
    assert [comparison.base.totals.params, comparison.head.totals.params] == seed("grouped_3x3_64_g2")["params"]


def test_separable_12x12() -> None:
    (entry,) = sides(STANDARD, "separable").candidates
    assert entry.comparison is not None
    (change,) = entry.replaced
    assert change.base is not None
    assert change.head is not None
    expected = seed("separable_12x12")
    assert change.base.macs == seed("standard_12x12")["macs"]
    assert [part.macs for part in change.head_parts] == expected["macs"]
    assert [list(part.output_shape or ()) for part in change.head_parts] == expected["outputs"]
    assert change.head.macs == entry.comparison.totals.macs.head == expected["total_macs"]
    assert round(change.base.macs / change.head.macs, 2) == expected["ratio"]
    assert entry.theory is not None
    texts = theory_texts(entry.theory)
    assert (texts.formula, texts.numbers) == ("1/N + 1/K^2", "1/256 + 1/25")
    assert entry.theory.expected == pytest.approx(float(Fraction(1, 256) + Fraction(1, 25)))
    assert entry.theory.measured == pytest.approx(entry.theory.expected)


def test_separable_12x12_as_printed() -> None:
    output = run(STANDARD, "--variant", "separable").out
    lines = [line.split() for line in output.splitlines()]
    assert ["conv1", "conv", "5x5", "256x8x8", "19,200", "1,228,800", "5"] in lines
    assert ["conv1.depthwise", "conv", "5x5,", "3", "groups", "3x8x8", "75", "4,800", "5"] in lines
    assert ["conv1.pointwise", "conv", "1x1", "256x8x8", "768", "49,152", "5"] in lines
    (total,) = [line for line in output.splitlines() if "separable_conv" in line]
    assert "53,952" in total
    assert "22.8x fewer MACs, 22.8x fewer params" in total
    assert "theory 1/N + 1/K^2 = 1/256 + 1/25 = 0.0439, measured 0.0439" in output


def test_spatial_separable_seed() -> None:
    comparison = variant("specs/seeds/spatial_separable_kernel.yaml", "spatial_separable").totals.macs
    assert [comparison.base // 64, comparison.head // 64] == seed("spatial_separable_kernel")["mults_a_position"]
    (entry,) = sides("specs/seeds/standard_7x7_256.yaml", "spatial_separable").candidates
    assert entry.theory is not None
    assert theory_texts(entry.theory).numbers == "2/7"
    assert entry.theory.measured == pytest.approx(2 / 7)


def test_dilated_seeds() -> None:
    path = "specs/seeds/dilated_field.yaml"
    comparisons = [variant(path, f"dilated:rate={rate}", dilation="1") for rate in (1, 2, 4)]
    assert [field_of(item.head)[0] for item in comparisons] == seed("dilated_field")["field"]
    assert all(item.totals.params.delta == item.totals.macs.delta == 0 for item in comparisons)
    stack = variant("specs/seeds/standard_stack_field.yaml", "dilated")
    assert [field_of(stack.base, name)[0] for name in ("first", "second")] == seed("standard_stack_field")["field"]
    assert [field_of(stack.head, name)[0] for name in ("first", "second")] == seed("dilated_stack_field")["field"]


def test_the_dilated_unet_is_a_variant_of_the_plain_one() -> None:
    comparison = variant("specs/zoo/unet_keras.yaml", "dilated", "encoder4", "bottom")
    assert comparison.totals.params.delta == comparison.totals.macs.delta == 0
    assert comparison.head.totals == report_of("zoo/unet_keras_dilated").totals
    assert comparison.head.receptive_field == report_of("zoo/unet_keras_dilated").receptive_field


@pytest.mark.parametrize(("name", "parts"), [("deformable_v1", ["offset"]), ("deformable_v2", ["offset", "mask"])])
def test_deformable_seeds(tmp_path: Path, name: str, parts: list[str]) -> None:
    expected = seed("deformable_v1_v2")
    path = one_layer(tmp_path, SEEDS["deformable_v1_v2"]["input"], "out_channels: 16, kernel_size: 3")
    values = {row.name: list(row.output_shape) for row in variant(path, name).head.layers}
    assert values["conv1.sample"] == expected["output"]
    assert [values[f"conv1.{part}"] for part in parts] == [expected[part] for part in parts]


def test_full_padding_seed(tmp_path: Path) -> None:
    path = one_layer(tmp_path, SEEDS["full_padding"]["input"], "out_channels: 1, kernel_size: 3, padding: 2")
    comparison = variant(path, "transposed:padding=0")
    for report in (comparison.base, comparison.head):
        assert list(report.layers[-1].output_shape) == seed("full_padding")["output"]


def test_keras_separable_classifier(tmp_path: Path) -> None:
    convolutions = [
        f"  - conv: {{out_channels: {channels}, kernel_size: 3, padding: same}}" for channels in (32, 64, 128)
    ]
    body = "\n".join(f"{line}\n  - relu\n{line}\n  - relu\n  - max_pool: 2" for line in convolutions)
    path = of_text(tmp_path, f"input: [1, 28, 28]\nlayers:\n{body}\n  - flatten\n  - linear: 128\n  - linear: 10\n")
    comparison = variant(path, "separable")
    expected = seed("keras_separable_classifier")
    assert comparison.head.totals.params == expected["total_params"]
    params = [change.head.params for change in comparison.layers if change.head and "relu" not in change.name]
    assert params == expected["params"]


def test_separable_block_of_mobilenet(tmp_path: Path) -> None:
    layer = "out_channels: 128, kernel_size: 3, stride: 2, padding: 1, bias: false"
    comparison = variant(one_layer(tmp_path, [64, 112, 112], layer), "separable")
    assert comparison.head.totals.macs == report_of("seeds/separable_block_mobilenet").totals.macs


def test_squeeze_excite_seed(tmp_path: Path) -> None:
    path = one_layer(tmp_path, SEEDS["squeeze_excite"]["input"], "out_channels: 64, kernel_size: 3, padding: 1")
    for option in ("reduction=4", "squeeze_channels=16"):
        comparison = variant(path, f"squeeze_excite:{option}")
        assert comparison.totals.params.delta == seed("squeeze_excite")["params"]
        assert comparison.totals.macs.delta == seed("squeeze_excite")["macs"]
        assert comparison.head.layers[-1].output_shape == comparison.base.layers[-1].output_shape
        assert comparison.head.layers[-1].receptive_field.is_global


def test_pointwise_bottleneck_and_ghost_by_hand(tmp_path: Path) -> None:
    path = one_layer(tmp_path, [32, 10, 10], "out_channels: 64, kernel_size: 3, padding: 1, bias: false")
    assert variant(path, "pointwise").head.totals.params == 32 * 64
    narrow = variant(path, "bottleneck").head.totals
    assert narrow.params == 32 * 16 + 9 * 16 * 16 + 16 * 64
    assert narrow.macs == 100 * narrow.params
    ghost = variant(path, "ghost").head
    assert ghost.totals.params == 9 * 32 * 32 + 9 * 32
    assert [row.name for row in ghost.layers] == ["conv1.primary", "conv1.cheap", "conv1.ghost"]
    thirds = variant(path, "ghost:ratio=3").head
    assert thirds.totals.params == 9 * 32 * 22 + 9 * 44  # 22 of 64, rounded up, and two copies of each
    assert thirds.layers[-1].kind == "slice"
    assert thirds.layers[-1].output_shape == (64, 10, 10)


# ---- whole networks ----------------------------------------------------------------------------------------------


def test_mobilenet_v1_against_full_convolutions() -> None:
    full, separable = report_of("zoo/mobilenet_v1_standard"), report_of("zoo/mobilenet_v1")
    assert unmet(full) == {}
    totals = convcalc.compare(full, separable).totals
    assert (totals.params.base, totals.params.head) == (29_294_088, 4_231_976)
    assert totals.macs.head == 568_740_352
    assert round((totals.macs.base - 1_024_000) / 1e4) == 486_627  # 4,866.27 M in convolutions
    # Made separable, all but the stem have the MACs of MobileNetV1: the convolutions are the same.
    made = variant("specs/zoo/mobilenet_v1_standard.yaml", "separable", "stage*")
    assert made.head.totals.macs == totals.macs.head


def test_resnet50_with_32_groups_in_its_3x3s() -> None:
    layers = [row for row in rows("layers.csv") if row["model"] == "resnet50"]
    params = macs = 0
    count = 0
    for row in layers:
        own, work = int(row["params"]), int(row["macs"])
        in_channels, out_channels = shape(row["input"])[0], shape(row["output"])[0]
        if row["kind"] == "conv" and own == 9 * in_channels * out_channels:
            assert own % 32 == work % 32 == 0
            own, work, count = own // 32, work // 32, count + 1
        params, macs = params + own, macs + work
    assert count == 16
    comparison = variant(RESNET, "grouped:groups=32", "layer*.conv2")
    assert (comparison.head.totals.params, comparison.head.totals.macs) == (params, macs)
    assert {change.name.rpartition(".")[2] for change in comparison.changes} == {"conv2"}
    for pattern in ("bottleneck.conv2", "layer?.conv2", "layer*"):
        assert variant(RESNET, "grouped:groups=32", pattern).head.totals == comparison.head.totals


ZOO = sorted(str(path.relative_to(ROOT)) for path in (SPECS / "zoo").glob("*.yaml"))


def vars_of(config: Any) -> dict[str, Any]:
    return msgspec.structs.asdict(config)


@pytest.mark.parametrize("path", ZOO)
def test_a_variant_replaces_what_it_says_and_nothing_else(path: str, tmp_path: Path) -> None:
    """Names stay, comments stay, only lines with something to say otherwise change, and the text has the numbers."""
    text = (ROOT / path).read_text("utf-8")
    variants = ("separable,ghost", "squeeze_excite,deformable_v2")[ZOO.index(path) % 2]
    for entry in sides(path, variants).candidates:
        if entry.comparison is None or entry.source is None:
            continue
        comparison = entry.comparison
        replaced = {change.base.name for change in entry.replaced if change.base is not None}
        network = comparison.base.network
        offsets = {index for group in network.groups if group.kind.startswith("deform_conv_v")
                   for index in range(group.first, group.last)}  # fmt: skip  # part of a composite
        standard = {
            node.name
            for index, node in enumerate(network.nodes)
            if node.kind == "conv"
            and index not in offsets
            and vars_of(node.config)["groups"] == 1
            and max(vars_of(node.config)["kernel_size"], default=1) > 1
        }
        assert replaced | {name for layer in entry.skipped for name in layer.names} == standard
        assert {change.mark for change in comparison.changes} <= {"edited", "affected"}
        assert {change.name for change in comparison.changes if change.mark == "edited"} == replaced
        out = entry.source.text
        assert convcalc.analyze(loads(Source("out.yaml", out))).totals == comparison.head.totals
        assert re.findall(r"#.*", text) == re.findall(r"#.*", out)
        gone = [line[2:] for line in difflib.ndiff(text.splitlines(), out.splitlines()) if line.startswith("- ")]
        assert all(
            re.search(r"conv|: \{name|bottleneck|block|inception|relu|stage|groups|padding", line) for line in gone
        )


def test_written_spec_analyses_to_the_same_numbers(tmp_path: Path) -> None:
    out = tmp_path / "out.yaml"
    for path in ("specs/zoo/unet.yaml", RESNET, "specs/seeds/standard_12x12.yaml"):
        head = as_json(path, "--variant", "separable", "--output", str(out), "--force")["head"]
        report = convcalc.analyze(convcalc.load(out))
        assert msgspec.structs.asdict(report.totals) == head["totals"]
        assert unmet(report) == {}  # what it expects is brought up to date
        assert run(str(out), "--variant", "separable").code == 1  # there is nothing left to replace


ODD = """\
# first
name: odd   # trailing
input: [8, 32, 32]
variables: {w: 16}
expect:
  params: 1    # wrong on purpose
  receptive_field: 7
blocks:
  mine:   # a block of mine
    parameters:
      channels: required
      k: 3
    layers:
      - conv:   # written once
          out_channels: channels
          kernel_size: k   # taps
          padding: k // 2
          groups: 1
      - relu

layers:
  - conv: {out_channels: "max(w, 4)", kernel_size: 3, padding: [1, 1], groups: 1, bias: false}
  - conv: {out_channels: 16, kernel_size: 1}   # stays
  - mine: 16
  - mine: {channels: 16, k: 1}   # a kernel of 1
  - conv:
      # within
      groups: 1
      out_channels: 16
      kernel_size: 3
      padding: same
  - add: {from: [conv2, previous]}
  - add:
      repeat: 2
      branches:
        - - conv: {name: inner, out_channels: 16, kernel_size: 3, padding: 1}
        - []
  - conv: &anchor {out_channels: 16, kernel_size: 3, padding: 1}
  - conv: *anchor
  - conv: {<<: *anchor, bias: false}
  - {conv: {"out_channels": 16, kernel_size: [3, 1], groups: 1, padding: same}}
# last
"""
WRITTEN = """\
# first
name: odd   # trailing
input: [8, 32, 32]
variables: {w: 16}
expect:
  params: 3960    # wrong on purpose
  receptive_field: [19, 17]
blocks:
  mine:   # a block of mine
    parameters:
      channels: required
      k: 3
    layers:
      - conv:   # written once
          out_channels: channels
          kernel_size: k   # taps
          padding: k // 2
          groups: 1
      - relu

  mine_separable:
    about: "mine, separable where it was a standard convolution"
    parameters:
      channels: required
      k: 3
    layers:
      - separable_conv:
          name: conv1
          out_channels: channels
          kernel_size: k
          padding: k // 2
      - relu

layers:
  - separable_conv: {name: conv1, out_channels: "max(w, 4)", kernel_size: 3, padding: [1, 1], bias: false}
  - conv: {name: conv2, out_channels: 16, kernel_size: 1}   # stays
  - mine_separable: {name: mine1, channels: 16}
  - mine: {name: mine2, channels: 16, k: 1}   # a kernel of 1
  - separable_conv:
      # within
      name: conv3
      out_channels: 16
      kernel_size: 3
      padding: same
  - add: {from: [conv2, previous]}
  - add:
      repeat: 2
      branches:
        - - separable_conv: {name: inner, out_channels: 16, kernel_size: 3, padding: 1}
        - []
  - separable_conv: &anchor {name: conv4, out_channels: 16, kernel_size: 3, padding: 1}
  - separable_conv: {name: conv5, out_channels: 16, kernel_size: 3, padding: 1}
  - separable_conv: {name: conv6, <<: *anchor, bias: false}
  - {separable_conv: {name: conv7, "out_channels": 16, kernel_size: [3, 1], padding: same}}
# last
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_written_spec_keeps_what_it_does_not_replace(tmp_path: Path, newline: str) -> None:
    given, out = tmp_path / "odd.yaml", tmp_path / "out.yaml"
    given.write_bytes(ODD.replace("\n", newline).encode())
    assert run(str(given), "--variant", "separable", "--output", str(out)).code == 0
    assert out.read_bytes().decode().replace(newline, "\n") == WRITTEN
    assert out.read_bytes().count(b"\r") == (WRITTEN.count("\n") if newline == "\r\n" else 0)


def test_standard_writes_the_spec_itself(tmp_path: Path) -> None:
    out = tmp_path / "out.yaml"
    assert run(RESNET, "--variant", "standard", "--output", str(out)).code == 0
    assert out.read_bytes() == (ROOT / RESNET).read_bytes()


# ---- what is replaced --------------------------------------------------------------------------------------------


def replaced(path: str, *layers: str, wanted: str = "separable") -> set[str]:
    (entry,) = sides(path, wanted, *layers).candidates
    return {change.name for change in entry.replaced}


def test_layers_by_name_and_glob(tmp_path: Path) -> None:
    path = of_text(tmp_path, ODD)
    everything = {"conv1", "mine1.conv1", "conv3", "add2.0.inner", "add2.1.inner", *(f"conv{n}" for n in (4, 5, 6, 7))}
    assert replaced(path) == replaced(path, "*") == everything
    assert replaced(path, "conv1") == {"conv1"}
    assert replaced(path, "conv[37]", "conv1") == {"conv1", "conv3", "conv7"}
    assert replaced(path, "mine1") == replaced(path, "mine") == replaced(path, "mine.conv1") == {"mine1.conv1"}
    assert replaced(path, "add2.inner") == {"add2.0.inner", "add2.1.inner"}


def test_a_repetition_cannot_be_replaced_alone(tmp_path: Path) -> None:
    (entry,) = sides(of_text(tmp_path, ODD), "separable", "add2.0.inner").candidates
    assert {change.name for change in entry.replaced} == {"add2.0.inner", "add2.1.inner"}
    assert entry.notes == ("add2.0.inner is written once for 2 repetitions, all of which are replaced",)


def test_calls_of_a_block_are_told_apart() -> None:
    assert {name.partition(".")[0] for name in replaced(RESNET, "layer2.*")} == {"layer2"}
    comparison = variant(RESNET, "separable", "layer2.*.conv2", "stem")
    assert {change.name.partition(".")[0] for change in comparison.changes if change.mark == "edited"} == {
        "layer2",
        "stem",
    }


def test_blocks_within_blocks(tmp_path: Path) -> None:
    path = of_text(tmp_path, """
        input: [4, 8, 8]
        blocks:
          inner: {parameters: {k: 3}, layers: [conv: {out_channels: 4, kernel_size: k, padding: same}]}
          outer: {parameters: {k: 3}, layers: [inner: {k: k}, inner: 1, relu]}
        layers: [outer, outer: {name: small, k: 1}, outer: {name: large, k: 5, repeat: 2}]
        """)  # fmt: skip
    assert replaced(path) == {"outer1.inner1.conv1", "large.0.inner1.conv1", "large.1.inner1.conv1"}
    assert replaced(path, "large") == {"large.0.inner1.conv1", "large.1.inner1.conv1"}


def test_convolutions_that_share_weights_are_replaced_together(tmp_path: Path) -> None:
    text = """
        input: [4, 8, 8]
        layers:
          - conv: {name: a, out_channels: 4, kernel_size: 3, padding: same}
          - conv: {name: b, share: a}
        """
    for wanted in ("separable", "grouped", "depthwise", "ghost"):
        comparison = variant(of_text(tmp_path, text), wanted)
        assert {change.name for change in comparison.changes} == {"a", "b"}
        changes = {change.name: change.head for change in comparison.changes}
        assert changes["b"] is not None
        assert changes["b"].params == 0
    assert "share" in run(of_text(tmp_path, text), "--variant", "separable", "--layer", "b").err


def test_what_a_variant_is_made_of_is_not_replaced(tmp_path: Path) -> None:
    text = "input: [4, 8, 8]\nlayers: [deform_conv_v1: {out_channels: 4, kernel_size: 3}]\n"
    assert run(of_text(tmp_path, text), "--variant", "all").code == 1
    assert run("specs/zoo/inception_v3.yaml", "--variant", "conv_bn_relu").code == 1


def test_a_block_of_the_spec_is_a_variant(tmp_path: Path) -> None:
    path = of_text(tmp_path, """
        input: [4, 8, 8]
        blocks:
          twice:
            parameters: {out_channels: required, kernel_size: required, padding: same, times: 2}
            layers: [conv: {out_channels: out_channels, kernel_size: kernel_size, padding: padding, repeat: times}]
        layers: [conv: {out_channels: 4, kernel_size: 3}, conv: {out_channels: 4, kernel_size: 3, padding: 1}]
        """)  # fmt: skip
    comparison = variant(path, "twice:times=3")
    assert [row.output_shape for row in comparison.head.layers] == [
        (4, s, s) for s in (6, 4, 2, 2, 2, 2)
    ]  # padding 0 stays


def test_blocks_of_a_file(tmp_path: Path) -> None:
    blocks = tmp_path / "blocks.yaml"
    blocks.write_text(dedent("""
        # two blocks, one in the other
        slim:
          parameters: {out_channels: required, kernel_size: required, padding: 0, bias: true}
          layers:
            - conv: &narrow {out_channels: 2, kernel_size: 1}
            - part: {out_channels: out_channels, kernel_size: kernel_size, padding: padding}
        part:
          parameters: {out_channels: required, kernel_size: required, padding: 0}
          layers:
            - conv:  # the kernel
                out_channels: out_channels
                kernel_size: kernel_size
                padding: padding
            - conv: {<<: *narrow, out_channels: out_channels}
        unused: {layers: [relu]}
        """), "utf-8")  # fmt: skip
    nets = {
        "block": "input: [4, 8, 8]\nlayers:\n  - conv: {out_channels: 8, kernel_size: 3}\n",
        "braces": "{input: [4, 8, 8], layers: [conv: {out_channels: 8, kernel_size: 3}]}\n",
        "empty": "input: [4, 8, 8]\nblocks: {}\nlayers: [conv: {out_channels: 8, kernel_size: 3}]\n",
        "one": "input: [4, 8, 8]\nblocks: {a: {layers: []}}\nlayers: [a, conv: {out_channels: 8, kernel_size: 3}]\n",
    }
    for text in nets.values():
        path, out = of_text(tmp_path, text), tmp_path / "out.yaml"
        result = run(
            path, "--variant", "slim", "--blocks", str(blocks), "--format", "json", "--output", str(out), "--force"
        )
        assert result.code == 0, result.err
        written = convcalc.load(out)
        assert [node.name for node in written.layers][-3:] == [
            "conv1.conv1", "conv1.part1.conv1", "conv1.part1.conv2"
        ]  # fmt: skip
        assert "unused" not in out.read_text("utf-8")
        assert convcalc.analyze(written).totals.params == json.loads(result.out)["head"]["totals"]["params"]
    both = of_text(tmp_path, "input: [4, 8, 8]\nblocks: {slim: {layers: [relu]}}\nlayers: [slim]\n")
    assert "both in" in run(both, "--variant", "slim", "--blocks", str(blocks)).err
    blocks.write_text("slim: {layers: [convv]}\nconv: {layers: []}\n", "utf-8")
    result = run(path, "--variant", "slim", "--blocks", str(blocks))
    assert result.code == 2
    assert "did you mean `conv`" in result.err
    assert "`conv` is the name of a layer kind" in result.err


@pytest.mark.parametrize(
    ("layer", "wanted", "reason"),
    [
        ("out_channels: 6, kernel_size: 3", "grouped:groups=4", "groups 4 does not divide"),
        ("out_channels: 6, kernel_size: 3, padding: 1, padding_mode: reflect", "separable", "no `padding_mode`"),
        ("out_channels: 6, kernel_size: 3", "depthwise", "does not divide"),
        ("out_channels: 6, kernel_size: 3", "dilated:rate=9:padding=0", "does not fit"),
        ("out_channels: 4, kernel_size: 3, bias: false", "conv_bn_relu", "conv_bn_relu has no `bias`"),
        ("out_channels: 4, kernel_size: 3", "grouped:groups=nothing", "nothing"),
        ("out_channels: 4, kernel_size: 3", "deform_conv", "takes 2 to 5 inputs"),
    ],
)
def test_a_variant_that_cannot_apply_says_why(tmp_path: Path, layer: str, wanted: str, reason: str) -> None:
    path = one_layer(tmp_path, [4, 8, 8], layer)
    result = run(path, "--variant", wanted)
    assert result.code == 2
    assert "cannot apply" in result.err
    assert reason in result.err
    among = run(path, "--variant", f"standard,{wanted}")
    assert among.code == 0
    assert reason in among.out


def test_an_anchor_that_others_use_is_not_edited(tmp_path: Path) -> None:
    path = of_text(tmp_path, """
        input: [4, 8, 8]
        layers:
          - conv: &a {out_channels: 4, kernel_size: 3, padding: same}
          - conv: *a
          - &b {conv: {out_channels: 4, kernel_size: 3, padding: same, name: x}}
        """)  # fmt: skip
    assert "anchor" in run(path, "--variant", "dilated", "--layer", "conv1").err
    assert variant(path, "dilated", "conv2").head.layers[0].receptive_field.size == (3, 3)
    assert run(path, "--variant", "dilated").code == 0


@given(st.sampled_from(sorted(VARIANTS)), st.sampled_from(ZOO), st.data())
def test_any_variant_of_any_layers_of_any_network(name: str, path: str, data: st.DataObject) -> None:
    """Either it says why not, or names stay, what was not chosen stays, and the text has the numbers."""
    network = convcalc.load(path)
    layers = data.draw(st.lists(st.sampled_from([node.name for node in network.layers]), max_size=3))
    source = read(path)
    rewriter = Rewriter(source, network, {})
    (chosen_variant,) = parsed(name, rewriter.outline, {})
    chosen, _ = rewriter.chosen(chosen_variant, layers)
    try:
        done = replacing.replaced(rewriter, chosen_variant, chosen)
    except CannotApply:
        return
    head, names = done.network, set(done.replaced)
    before = {node.name: node.config for node in network.layers if node.name not in names}
    after = {node.name: node.config for node in head.layers}
    sized = {node.name for node in network.layers if node.kind == "upsample"}  # as large as another map, which may grow
    assert {pair for pair in before.items() if pair[0] not in sized} <= set(after.items())
    assert before.keys() <= after.keys()
    assert all(any(new == old or new.startswith(f"{old}.") for old in {*before, *names}) for new in after)


SAME = """
same:  # a convolution by another name, with other defaults
  parameters: {out_channels: required, kernel_size: required, stride: 3, padding: same, dilation: 2, bias: false,
    groups: 1, padding_mode: reflect}
  layers:
    - conv:
        out_channels: out_channels
        kernel_size: kernel_size
        stride: stride
        padding: padding
        dilation: dilation
        groups: groups
        bias: bias
        padding_mode: padding_mode
"""
EVERY = sorted(str(path.relative_to(ROOT)) for path in SPECS.rglob("*.yaml"))


@pytest.mark.parametrize("path", [*EVERY, "odd"])
def test_the_same_convolution_by_another_name_costs_the_same(path: str, tmp_path: Path) -> None:
    blocks = tmp_path / "same.yaml"
    blocks.write_text(SAME, "utf-8")
    # The fields that are written for one are not those for one that merges it and has a bias of its own.
    path = of_text(tmp_path, ODD.replace("{<<: *anchor, bias: false}", "*anchor")) if path == "odd" else path
    try:
        made = variants(convcalc.load(path), "same", blocks=read(blocks))
    except NothingToReplace:
        return
    (entry,) = made.candidates
    assert entry.comparison is not None, entry.reason
    comparison = entry.comparison
    assert comparison.head.totals == comparison.base.totals
    assert comparison.head.receptive_field == comparison.base.receptive_field
    assert {change.mark for change in comparison.changes} == {"edited"}
    assert all(change.delta("macs").delta == 0 for change in comparison.changes)


# ---- two networks ------------------------------------------------------------------------------------------------

LAYERS = [
    "relu", "batch_norm", "tanh", "conv: {out_channels: 4, kernel_size: 3, padding: 1}",
    "conv: {out_channels: 4, kernel_size: 1}", "conv: {out_channels: 8, kernel_size: 1}",
    "add: {branches: [[], [relu]]}", "b: {}", "b: {repeat: 2}", "b: {k: 1}",
    "separable_conv: {out_channels: 4, kernel_size: 1}",
]  # fmt: skip


@st.composite
def nets(draw: st.DrawFn) -> convcalc.Network:
    inner = "conv: {out_channels: 4, kernel_size: k, padding: same}"
    text = ["input: [4, 6, 6]", f"blocks: {{b: {{parameters: {{k: 3}}, layers: [{inner}, relu]}}}}", "layers:"]
    names: list[str] = draw(st.lists(st.sampled_from("abcdefgh"), max_size=8, unique=True))
    flags: st.SearchStrategy[bool] = st.booleans()
    for layer in draw(st.lists(st.sampled_from(LAYERS), max_size=12)):
        kind, _, body = layer.partition(": ")
        named = bool(names) and draw(flags)
        fields = ", ".join(filter(None, [f"name: {names.pop()}" if named else "", body[1:-1]]))
        text.append(f"  - {kind}: {{{fields}}}")
    if text[-1] == "layers:":
        text[-1] = "layers: []"
    return loads(Source("net.yaml", "\n".join(text)))


@given(nets())
def test_a_network_against_itself_is_no_change(network: convcalc.Network) -> None:
    comparison = convcalc.compare(network, network)
    assert comparison.changes == ()
    assert len(comparison.layers) == len(network.layers)


def mirrored(change: Change) -> Change:
    marks: dict[Any, Any] = {"added": "removed", "removed": "added"}
    return Change(marks.get(change.mark, change.mark), change.head, change.base, change.head_parts, change.base_parts)


@given(nets(), nets())
def test_there_and_back(first: convcalc.Network, second: convcalc.Network) -> None:
    there, back = convcalc.compare(first, second), convcalc.compare(second, first)
    assert sorted(map(repr, there.layers)) == sorted(repr(mirrored(change)) for change in back.layers)
    for name in there.totals.__struct_fields__:
        there_total, back_total = getattr(there.totals, name), getattr(back.totals, name)
        if name == "bound_ps":  # of a device alone
            assert there_total is back_total is None
            continue
        assert (there_total.base, there_total.head, there_total.delta) == (
            back_total.head,
            back_total.base,
            -back_total.delta,
        )
    for cost in ("params", "macs", "elementwise_ops"):  # every layer is in it once
        assert sum(change.delta(cost).delta for change in there.layers) == getattr(there.totals, cost).delta
    for side, report in (("base", there.base), ("head", there.head)):
        lines = [line for change in there.layers if (line := getattr(change, side)) is not None]
        assert sum(line.layers for line in lines) == len(report.layers)


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_common_is_a_longest_common_subsequence(left: list[str], right: list[str]) -> None:
    pairs = common(left, right)
    assert pairs == sorted(pairs)
    assert all(left[mine] == right[theirs] for mine, theirs in pairs)
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(pairs))

    def longest(i: int, j: int) -> int:
        table = [[0] * (j + 1) for _ in range(i + 1)]
        for x in range(i):
            for y in range(j):
                same = left[x] == right[y]
                table[x + 1][y + 1] = table[x][y] + 1 if same else max(table[x][y + 1], table[x + 1][y])
        return table[i][j]

    assert len(pairs) == longest(len(left), len(right))


def marks(comparison: Comparison) -> dict[str, str]:
    return {change.name: change.mark for change in comparison.layers}


def net(*layers: str) -> str:
    return "input: [4, 8, 8]\nlayers:\n" + "".join(f"  - {layer}\n" for layer in layers)


WIDE, NARROW = "conv: {out_channels: 8, kernel_size: 3}", "conv: {out_channels: 4, kernel_size: 3}"


def test_a_layer_put_before_the_others_is_one_addition() -> None:
    rest = (NARROW, "relu", WIDE, "relu")
    comparison = compared(net(*rest), net("conv: {out_channels: 4, kernel_size: 1}", "tanh", *rest))
    assert marks(comparison) == {
        "conv1": "added", "tanh1": "added", "conv2": "same", "relu1": "same", "conv3": "same", "relu2": "same"
    }  # fmt: skip


def test_edited_and_affected() -> None:
    comparison = compared(net(NARROW, "relu", NARROW, "relu"), net(WIDE, "relu", NARROW, "relu"))
    assert marks(comparison) == {"conv1": "edited", "relu1": "affected", "conv2": "affected", "relu2": "same"}


def test_names_go_before_places() -> None:
    first = net("conv: {name: a, out_channels: 4, kernel_size: 1}", "conv: {name: b, out_channels: 4, kernel_size: 3}")
    second = net("conv: {name: b, out_channels: 4, kernel_size: 3}", "conv: {name: a, out_channels: 4, kernel_size: 1}")
    values = {change.name: change for change in compared(first, second).layers}
    assert set(values) == {"a", "b"}
    assert all(change.base and change.head and change.base.name == change.head.name for change in values.values())


def test_a_layer_that_is_renamed_is_edited_and_one_that_is_rewired_too() -> None:
    assert marks(compared(net("relu: {name: a}"), net("relu: {name: b}"))) == {"b": "edited"}
    layers = ["relu: {name: a}", "tanh: {name: b}", "sigmoid: {name: c}"]
    first, second = (net(*layers, f"add: {{from: [a, {other}]}}") for other in "bc")
    assert marks(compared(first, second))["add1"] == "edited"


def test_reports_and_networks_can_be_compared() -> None:
    network = convcalc.load(STANDARD)
    assert convcalc.compare(network, convcalc.analyze(network)).changes == ()
    with pytest.raises(convcalc.Incomparable, match="batch 1 against batch 2"):
        convcalc.compare(network, convcalc.analyze(network, batch=2))
    comparison = convcalc.compare(network, convcalc.analyze(network, batch=2), allow_convention_change=True)
    assert comparison.totals.macs.percent == 100
    with pytest.raises(AttributeError):
        comparison.totals = comparison.totals  # type: ignore[misc]  # that is what is tried


def test_other_input_sizes_are_refused() -> None:
    result = run(STANDARD, "specs/seeds/standard_5x5_256.yaml")
    assert result.code == 2
    assert "[3, 12, 12] against [256, 64, 64]" in result.err
    assert run(STANDARD, "specs/seeds/standard_5x5_256.yaml", "--allow-input-change").code == 0


# ---- what it looks like ------------------------------------------------------------------------------------------


def test_json() -> None:
    document = as_json(STANDARD, "--variant", "separable")
    assert document["schema_version"] == 1
    assert set(document) >= {"convention", "base", "head", "diff", "variant", "replaced"}
    assert (document["base"]["totals"]["macs"], document["head"]["totals"]["macs"]) == (1228800, 53952)
    assert document["diff"]["totals"]["macs"]["delta"] == 53952 - 1228800
    (layer,) = document["diff"]["layers"]
    assert [part["macs"] for part in layer["head_parts"]] == [4800, 49152]
    pair = as_json("specs/zoo/resnet18.yaml", RESNET)
    assert (pair["base"]["model"], pair["head"]["model"]) == ("resnet18", "resnet50")
    three = as_json("specs/zoo/resnet18.yaml", RESNET, "specs/zoo/vgg16.yaml")
    assert [head["label"] for head in three["heads"]] == [RESNET, "specs/zoo/vgg16.yaml"]


def test_options_of_analyze() -> None:
    document = as_json(STANDARD, "--variant", "separable", "--batch", "4", "--dtype", "int8", "--input", "3x16x16")
    assert document["convention"]["batch"] == 4
    assert document["head"]["totals"]["weight_bytes"] == 843
    assert document["base"]["inputs"] == {"input": [3, 16, 16]}
    small = as_json("specs/zoo/mobilenet_v1.yaml", "--variant", "separable", "--set", "width=0.5")
    assert small["base"]["totals"]["params"] < 4231976


def test_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(run("specs/zoo/resnet18.yaml", RESNET, "--format", "csv").out)))
    report = report_of("zoo/resnet50").totals.macs - report_of("zoo/resnet18").totals.macs
    assert sum(int(row["macs_delta"]) for row in rows) == report
    several = run(STANDARD, "--variant", "all", "--format", "csv").out
    table_ = {row["label"]: row for row in csv.DictReader(io.StringIO(several))}
    assert table_["separable"]["macs"] == "53952"
    assert "groups 2" in table_["grouped"]["reason"]


def test_several_variants_are_sorted_and_the_smallest_is_marked() -> None:
    lines = run(STANDARD, "--variant", "all").out.splitlines()
    macs = [
        int(match[1].replace(",", ""))
        for line in lines
        if (match := re.search(r" ([\d,]+)(?: \*)?   +[\d.]+ (?:[KM]i)?B", line))
    ]
    assert macs == sorted(macs)
    assert len(macs) == 11
    assert re.search(r"^separable .* 53,952 \* ", "\n".join(lines), re.MULTILINE)
    assert re.search(r"^pointwise +768 \* ", "\n".join(lines), re.MULTILINE)
    assert any(line.startswith("grouped   cannot apply: conv1: groups 2 does not divide") for line in lines)


def test_markdown_for_a_pull_request() -> None:
    text = run("specs/zoo/resnet18.yaml", RESNET, "--format", "markdown").out
    lines = text.splitlines()
    assert lines[0] == f"<!-- convcalc:compare:{RESNET} -->"
    assert "MACs 1.81 G -> 4.09 G, +125.4 %; params 11.7 M -> 25.6 M, +118.6 %; field 435 -> 427" in lines[1]
    assert text.count("<details>") == text.count("</details>") == 2
    same = run(RESNET, RESNET, "--format", "markdown").out
    assert "MACs 4.09 G unchanged; params 25.6 M unchanged; field 427 unchanged" in same
    assert "No layer was edited, added or removed." in same


def test_markdown_is_cut_to_whole_rows(tmp_path: Path) -> None:
    layers = [f"  - conv: {{name: {'long' * 20}{n}, out_channels: {4 + n % 3}, kernel_size: 1}}" for n in range(900)]
    path = of_text(tmp_path, "name: a|b\ninput: [4, 8, 8]\nlayers:\n" + "\n".join(layers) + "\n")
    other = tmp_path / "other.yaml"
    other.write_text(Path(path).read_text("utf-8").replace("kernel_size: 1", "kernel_size: 1, bias: false"), "utf-8")
    result = run(path, str(other), "--format", "markdown")
    assert result.code == 0
    assert 60_000 < len(result.out) < 65_000
    assert re.search(r"\d+ more rows are left out", result.out)
    tables = [line for line in result.out.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in tables} == {6, 11}
    itself = run(path, str(path), "--format", "markdown").out
    assert len(itself) < 65_000
    assert itself.rstrip().splitlines()[-1].startswith("1 MAC =")


NUMBER = r"[\d,.]*\d"


@pytest.mark.parametrize("width", [24, 40, 60, 80, 120])
def test_numbers_are_never_cut(width: int) -> None:
    known: set[str] = set()
    shown = [sides(RESNET, "separable"), sides(STANDARD, "all")]
    several = ([RESNET, VGG], [RESNET, VGG, STANDARD])
    shown += [of_specs(paths, convcalc.load, allow_input_change=True) for paths in several]
    for compared in map(Compared, shown):
        texts = [on_console(table, compared, columns) for columns in (1000, width)]
        known = set(re.findall(NUMBER, texts[0]))
        for line in texts[1].splitlines():
            assert cell_len(line.rstrip()) <= width
            assert set(re.findall(NUMBER, re.sub(r"…\S*|\S*…", "", line))) <= known, line


def test_piped_output_has_no_colour() -> None:
    for arguments in (
        (RESNET, "--variant", "separable"),
        (STANDARD, "--variant", "all"),
        (ZOO[-1], RESNET, "--allow-input-change"),
    ):
        output = run(*arguments).out
        assert "\x1b" not in output
        assert "…" not in output


def test_a_pipe_that_closes_is_no_error() -> None:
    command = [sys.executable, "-m", "convcalc", "compare", RESNET, "--variant", "separable"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_names_without_end_are_cut_in_markdown() -> None:
    network = convcalc.load(STANDARD)
    comparison = convcalc.compare(network, network)
    long = Sides(comparison.base, "base", "p" * 9000, (Candidate("x" * 70_000, comparison),), variants=True)
    text = piped(markdown, Compared(long))
    assert len(text) < 65_000


# ---- what goes wrong ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((RESNET, "--variant", "seperable"), 2, "did you mean `separable`?"),
        ((RESNET, "--variant", "something"), 2, "there are standard, depthwise, pointwise"),
        ((RESNET, "--variant", ""), 2, "expected a name"),
        ((RESNET, "--variant", "grouped:group=2"), 2, "did you mean `groups`?"),
        ((RESNET, "--variant", "grouped:groups"), 2, "expected grouped:key=value"),
        ((RESNET, "--variant", "separable", "--layer", "layer9"), 2, "no layer is called `layer9`; did you mean"),
        ((RESNET, "--variant", "separable", "--layer", "fc"), 1, "no layer to replace among fc"),
        (("specs/seeds/separable_12x12.yaml", "--variant", "all"), 1, "no layer to replace"),
        ((RESNET,), 2, "compare with what?"),
        ((RESNET, STANDARD, "--variant", "separable"), 2, "--variant takes a single spec"),
        ((RESNET, STANDARD, "--layer", "x"), 2, "are for a --variant"),
        (("-", "--base", "HEAD"), 2, "--base compares files"),
        (("-", "-"), 2, "read once"),
        ((RESNET, "nothing.yaml"), 2, "nothing.yaml: error[CC001]: cannot be read"),
        ((RESNET, "--variant", "separable", "--blocks", "nothing.yaml"), 2, "cannot be read"),
        ((RESNET, "--variant", "separable,ghost", "--output", "x.yaml"), 2, "one variant can be written"),
        ((RESNET, "--variant", "separable", "--set", "nothing=1"), 2, "no variable `nothing`"),
    ],
)
def test_bad_input(arguments: tuple[str, ...], code: int, message: str) -> None:
    result = run(*arguments)
    assert (result.code, result.out) == (code, "")
    assert message in result.err
    assert not TRACEBACK.search(result.err)


def test_mistakes_of_all_specs_are_shown(tmp_path: Path) -> None:
    bad = of_text(tmp_path, "input: [4]\nlayers: [reluu]\n")
    result = run(bad, "nothing.yaml")
    assert result.code == 2
    assert "did you mean `relu`" in result.err
    assert "nothing.yaml" in result.err


def test_a_folder_that_cannot_be_written_to() -> None:
    result = run(STANDARD, "--variant", "separable", "--output", "no/such/file")
    assert result.code == 2
    assert "cannot write no/such/file: No such file or directory" in result.err


# ---- git ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith("GIT_"):
            monkeypatch.delenv(name)
    folder = tmp_path / "repository"
    (folder / "nets").mkdir(parents=True)
    (folder / "nets" / "net.yaml").write_text(net(NARROW, "relu"), "utf-8")
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"], ["tag", "first"]):
        subprocess.run(["git", *identity, *command], cwd=folder, check=True, capture_output=True)
    (folder / "nets" / "net.yaml").write_text(net(WIDE, "relu"), "utf-8")
    return folder


@pytest.mark.parametrize("revision", ["HEAD", "first"])
def test_the_base_of_a_revision(repository: Path, monkeypatch: pytest.MonkeyPatch, revision: str) -> None:
    for place, path in (
        (repository, "nets/net.yaml"),
        (repository / "nets", "net.yaml"),
        (ROOT, str(repository / "nets/net.yaml")),
    ):
        monkeypatch.chdir(place)
        document = as_json("--base", revision, path)
        assert (document["base"]["totals"]["params"], document["head"]["totals"]["params"]) == (148, 296)
        assert document["base"]["spec"] == f"{revision}:{path}"
    text = run("--base", revision, path, "--format", "markdown").out
    assert text.startswith(f"<!-- convcalc:compare:{path} -->\n")


def test_bad_revisions(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    outside = of_text(tmp_path, net("relu"))
    for arguments, text in (
        (("--base", "nothing", "nets/net.yaml"), "there is no revision `nothing`"),
        (("--base=--all", "nets/net.yaml"), "there is no revision `--all`"),
        (("--base", "HEAD:nets", "nets/net.yaml"), "there is no revision"),
        (("--base", "", "nets/net.yaml"), "there is no revision"),
        (("--base", "HEAD", "nowhere.yaml"), "there is no file nowhere.yaml at revision HEAD"),
        (("--base", "HEAD", outside), "is in no git repository"),
    ):
        result = run(*arguments)
        assert result.code == 2
        assert text in result.err
    monkeypatch.setenv("PATH", "")
    assert "git cannot be run" in run("--base", "HEAD", "nets/net.yaml").err


def test_large_networks_are_compared_in_no_time() -> None:
    text = "input: [4, 8, 8]\nlayers:\n" + "  - relu\n  - conv: {out_channels: 4, kernel_size: 1}\n" * 2000
    other = text.replace("kernel_size: 1}\n", "kernel_size: 1}\n  - tanh\n", 5)
    comparison = compared(text, other)
    assert [change.mark for change in comparison.changes].count("added") == 5
    assert len(comparison.changes) < 20


def test_a_repeat_that_one_network_lacks_is_walked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every access to the layers of a network copies them: a line must not need one."""
    accesses = 0
    layers = convcalc.Network.layers.fget  # type: ignore[attr-defined]  # a property

    def counted(network: convcalc.Network) -> Any:
        nonlocal accesses
        accesses += 1
        return layers(network)

    text = "input: [4, 8, 8]\nlayers: [relu, tanh]\n"
    base, head = (loads(Source("net.yaml", body)) for body in (text, text.replace("tanh", "relu6: {repeat: 3000}")))
    monkeypatch.setattr(convcalc.Network, "layers", property(counted))
    assert len(convcalc.compare(base, head).changes) == 3001
    assert accesses < 100


@pytest.mark.parametrize("kind", ["relu", "linear", "batch_norm", "depthwise_conv"])
def test_what_has_no_fields_of_a_convolution_is_no_variant(kind: str) -> None:
    result = run("specs/seeds/standard_12x12.yaml", "--variant", kind)
    assert result.code == 2
    assert "out_channels" in result.err


@pytest.mark.parametrize("option", [("--set", "width=8"), ("--input", "3x64x64")])
def test_what_is_written_is_what_is_shown(option: tuple[str, str], tmp_path: Path) -> None:
    path = tmp_path / "out.yaml"
    result = run("specs/zoo/resnet50.yaml", "--variant", "separable", *option, "--output", str(path))
    assert (result.code, path.exists()) == (2, False)


@pytest.mark.parametrize("wanted", ["separable,", ",", "grouped:groups=2:groups=4", "dilated:rate=2:dilation=3"])
def test_variants_that_are_written_wrongly(wanted: str) -> None:
    assert run("specs/seeds/standard_12x12.yaml", "--variant", wanted).code == 2


def test_variants_none_of_which_applies_are_rows_all_the_same() -> None:
    result = run("specs/seeds/standard_12x12.yaml", "--variant", "grouped,depthwise")
    assert result.code == 0
    assert result.out.count("cannot apply") == 2
    assert "1,228,800" in result.out


def test_several_variants_as_csv_are_ranked_and_the_smallest_named() -> None:
    result = run("specs/zoo/resnet18.yaml", "--variant", "all", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.out)))
    macs = [int(row["macs"]) for row in rows if row["macs"]]
    assert macs == sorted(macs)
    assert len({row["label"] for row in rows}) == len(rows)
    assert "macs" in rows[0]["smallest"]
    assert all(row["reason"] for row in rows if not row["macs"])


@given(st.lists(st.sampled_from("abcd"), max_size=40), st.lists(st.sampled_from("abcd"), max_size=40))
def test_long_sequences_are_matched_as_short_ones_are(left: list[str], right: list[str]) -> None:
    result = align._few_edits(left, right)
    assert result is not None
    assert all(left[first] == right[second] for first, second in result)
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(result))
    assert len(result) == len(align._longest(left, right))


def test_few_changes_of_a_large_network_are_few_changes() -> None:
    layers = ["abcd"[place % 4] for place in range(1300)]
    changed = [*layers[:5], "x", *layers[5:600], "x", *layers[600:1290], "x", *layers[1290:]]
    assert len(align.common(layers, changed)) == 1300
    ends = ["x", *layers[1:-1], "y"]
    assert len(align.common(layers, ends)) == 1298


def test_layers_of_a_renamed_block_are_edited(tmp_path: Path) -> None:
    paths = []
    for name in ("layer1", "stage1"):
        paths.append(str(tmp_path / f"{name}.yaml"))
        Path(paths[-1]).write_text(
            f"input: [8, 8, 8]\nlayers: [basic_block: {{name: {name}, channels: 8, repeat: 2}}]\n"
        )
    changes = as_json(*paths)["diff"]["layers"]
    assert {change["mark"] for change in changes} == {"edited"}
    assert len(changes) == 2 * 7
    assert run(paths[0], paths[0]).out.count("no layer changed") == 1


def test_other_outputs_are_said(tmp_path: Path) -> None:
    paths = []
    for number, outputs in enumerate(("[a, b]", "[b]")):
        paths.append(str(tmp_path / f"{number}.yaml"))
        layers = "[relu: {name: a}, linear: {name: b, out_features: 4}]"
        Path(paths[-1]).write_text(f"input: [8]\noutputs: {outputs}\nlayers: {layers}\n")
    assert "outputs a, b -> b" in run(*paths).out
    assert "outputs a, b -> b" in run(*paths, "--format", "markdown").out
    assert as_json(*paths)["diff"]["outputs"] == [["a", "b"], ["b"]]
    assert "outputs a" not in run(paths[0], paths[0]).out


def test_why_nothing_is_replaced(tmp_path: Path) -> None:
    """The one convolution that is standard has its bias from another layer."""
    spec = tmp_path / "net.yaml"
    shared = "conv: {name: b, out_channels: 4, kernel_size: 3, share: {bias: a.bias}}"
    spec.write_text(
        f"input: [4, 8, 8]\nlayers:\n  - conv: {{name: a, out_channels: 4, kernel_size: 1}}\n  - {shared}\n", "utf-8"
    )
    refused = run(str(spec), "--variant", "separable")
    assert (refused.code, refused.out) == (1, "")
    assert "no layer to replace: b stays: it has an array in common with another layer" in refused.err


# ---- in Python -----------------------------------------------------------------------------------------------------


def test_variants_in_python_are_those_of_the_command() -> None:
    network = convcalc.load(STANDARD)
    result = convcalc.variants(network, "all", batch=2)
    heads = {head["label"]: head for head in as_json(STANDARD, "--variant", "all", "--batch", "2")["heads"]}
    assert {candidate.label for candidate in result.candidates} == set(heads)
    for candidate in result.candidates:
        head = heads[candidate.label]
        if candidate.report is None:
            assert head["reason"] == candidate.reason
            continue
        assert head["head"]["totals"]["macs"] == candidate.report.totals.macs
        assert len(head["diff"]["layers"]) == len(candidate.changes)
        assert head["skipped"] == [msgspec.to_builtins(layer) for layer in candidate.skipped]


def test_variants_keep_the_sizes_and_variables_that_a_network_was_loaded_with() -> None:
    network = convcalc.load("zoo:mobilenet_v1_standard", inputs={"input": (3, 64, 64)}, variables={"width": "0.5"})
    (candidate,) = convcalc.variants(network, "standard").candidates
    assert candidate.report is not None
    assert candidate.report.totals == convcalc.analyze(network).totals


def test_where_a_network_comes_from_is_no_part_of_it() -> None:
    network = convcalc.load("zoo:alexnet")
    assert network == convcalc.load(SPECS / "zoo" / "alexnet.yaml")
    with pytest.raises(VariantError, match="not read from a spec"):
        convcalc.variants(msgspec.structs.replace(network, origin=None), "separable")


def test_a_source_is_as_good_as_its_network() -> None:
    source = read(STANDARD)
    sides = convcalc.variants(source, "separable"), convcalc.variants(loads(source), "separable")
    assert [side.candidates[0].report for side in sides] == [sides[0].candidates[0].report] * 2
    assert sides[0].candidates[0].report is not None
    with pytest.raises(TypeError, match="expected a network"):
        convcalc.variants(STANDARD, "separable")  # type: ignore[arg-type]  # what is tried
