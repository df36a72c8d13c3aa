"""Two files of one network: their layers match, and what the conversion changed is said, with figures by hand."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from command_line import application
from msgspec.structs import replace
from typer.testing import CliRunner

import convcalc
from convcalc.analysis.compare import Comparison
from convcalc.analysis.conversion import Norms, Number, Padded, Words
from convcalc.language import Source, loads

FORMATS = Path(__file__).parent / "data" / "formats"

SPEC = """
input: [3, 32, 32]
layers:
  - conv: {name: stem, out_channels: 8, kernel_size: 3, stride: 2, padding: 1, bias: false}
  - batch_norm
  - relu
  - conv: {name: wide, out_channels: 16, kernel_size: 3, padding: 1}
  - batch_norm
  - relu
  - max_pool: {kernel_size: 2}
  - dropout: 0.5
  - global_avg_pool
  - linear: {name: score, out_features: 10}
  - softmax
"""

FOLDED = """
input: [3, 32, 32]
layers:
  - conv: {name: conv_1, out_channels: 8, kernel_size: 3, stride: 2, padding: [[1, 0], [1, 0]]}
  - relu
  - conv: {name: conv_2, out_channels: 16, kernel_size: 3, padding: same}
  - relu
  - max_pool: {kernel_size: 2}
  - permute: {axes: [1, 2, 0]}
  - permute: {axes: [2, 0, 1]}
  - avg_pool: {kernel_size: 8}
  - conv: {name: conv_3, out_channels: 10, kernel_size: 1}
  - softmax
"""


def compared(base: str, head: str) -> Comparison:
    """Two texts, as if the second came from a model file."""
    first, second = (loads(Source("net.yaml", text)) for text in (base, head))
    return convcalc.compare(first, replace(second, imported="a record"))


def unpacked(path: str, folder: Path) -> str:
    """A file that is carried, without its packing."""
    source = FORMATS / path
    if source.suffix != ".gz":
        return str(source)
    target = folder / source.stem
    target.write_bytes(gzip.decompress(source.read_bytes()))
    return str(target)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(application(), ["compare", *arguments], env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    return result.stdout


def as_json(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--format", "json"))["diff"]


def test_norms_go_into_the_layers_before_them() -> None:
    """8 + 16 channels: two params and two buffers each; a bias of 8 where there was none."""
    comparison = compared(SPEC, FOLDED)
    conversion = comparison.conversion
    assert conversion is not None
    assert comparison.differences == ()
    assert conversion.is_same
    assert conversion.weighing == ({"conv": 2, "linear": 1}, {"conv": 3})
    assert conversion.matching == {"conv": 2, "linear": 1}
    assert conversion.folded == (Norms({"batch_norm": 2}, params=48, buffers=48, bias=8), Norms({}, 0, 0, 0))
    assert conversion.free == ({"dropout": 1}, {"permute": 2})
    assert conversion.words == (Words("global_avg_pool", "avg_pool", 1), Words("linear", "conv", 1))
    assert comparison.totals.params.delta == 8 - 48
    assert not comparison.totals.macs.delta


def test_the_other_way_round_is_the_other_way_round() -> None:
    there, back = compared(SPEC, FOLDED).conversion, compared(FOLDED, SPEC).conversion
    assert there is not None
    assert back is not None
    for name in ("weighing", "folded", "free", "fused", "grouped"):
        assert getattr(there, name) == getattr(back, name)[::-1]
    assert there.is_same
    assert back.is_same


def test_reasons_of_the_layers() -> None:
    reasons = {change.name: change.conversion for change in compared(SPEC, FOLDED).changes}
    assert reasons["conv_1"] == "bias of the norm"
    assert reasons["conv_2"] == "said otherwise"
    assert reasons["batch_norm1"] == "norm folded"
    assert reasons["dropout1"] == "no cost"


@pytest.mark.parametrize(
    ("before", "after", "mark", "name"),
    [
        ("out_channels: 16, kernel_size: 3, padding: same", "out_channels: 16, kernel_size: 1", "edited", "conv_2"),
        ("  - relu\n", "  - relu6\n", "edited", "relu6_1"),
        ("  - max_pool", "  - avg_pool", "edited", "avg_pool1"),
        ("  - softmax\n", "", "removed", "softmax1"),
        ("  - softmax\n", "  - softmax\n  - tanh\n", "added", "tanh1"),
        ("name: conv_2,", "name: conv_2, bias: false,", "edited", "conv_2"),
    ],
)
def test_what_differs_for_real_stays_in_sight(before: str, after: str, mark: str, name: str) -> None:
    assert before in FOLDED
    comparison = compared(SPEC, FOLDED.replace(before, after))
    assert (mark, name) in {(change.mark, change.name) for change in comparison.differences}
    assert comparison.conversion is not None
    assert not comparison.conversion.is_same


def test_a_norm_that_is_gone_without_a_bias_is_gone() -> None:
    comparison = compared(SPEC, SPEC.replace("  - batch_norm\n", "", 1))
    assert [(change.mark, change.name) for change in comparison.differences] == [("removed", "batch_norm1")]


def test_a_norm_that_others_read_past_is_not_folded() -> None:
    text = SPEC.replace("  - max_pool", "  - add: {from: [wide, relu2]}\n  - max_pool")
    head = FOLDED.replace("  - max_pool", "  - add: {from: [conv_2, relu2]}\n  - max_pool")
    gone = {change.name for change in compared(text, head).differences if change.mark == "removed"}
    assert gone == {"batch_norm2"}


def test_padding_may_be_a_layer_of_its_own() -> None:
    head = FOLDED.replace("stride: 2, padding: [[1, 0], [1, 0]]", "stride: 2").replace(
        "layers:\n", "layers:\n  - pad: {padding: [[1, 1], [1, 1]]}\n"
    )
    conversion = compared(SPEC, head).conversion
    assert conversion is not None
    assert conversion.is_same
    assert conversion.free[1] == {"pad": 1, "permute": 2}


def test_padding_at_the_other_end_is_told() -> None:
    """32 positions by 2: `same` pads one position, and puts it behind."""
    comparison = compared(SPEC, FOLDED.replace("padding: [[1, 0], [1, 0]]", "padding: same"))
    assert comparison.conversion is not None
    assert not comparison.conversion.is_same
    assert comparison.conversion.padded == (Padded((1, 1), (0, 0), ("conv_1",)),)
    assert [change.name for change in comparison.differences] == ["conv_1"]


def test_numbers_are_told_once() -> None:
    comparison = compared(SPEC, SPEC.replace("batch_norm", "batch_norm: {eps: 0.001}"))
    assert comparison.conversion is not None
    assert not comparison.conversion.is_same
    assert comparison.conversion.numbers == (Number("batch_norm", "eps", 1e-05, 0.001, 2),)
    assert comparison.differences == ()


def test_a_block_of_convolutions_may_stand_layer_by_layer() -> None:
    base = "input: [4, 9, 9]\nlayers:\n" + "  - separable_conv: {out_channels: 6, kernel_size: 3}\n  - relu\n" * 2
    head = "input: [4, 9, 9]\nlayers:\n" + "".join(
        f"  - conv: {{out_channels: {channels}, kernel_size: 3, groups: {channels}, bias: false}}\n"
        "  - conv: {out_channels: 6, kernel_size: 1}\n  - relu\n"
        for channels in (4, 6)
    )
    conversion = compared(base, head).conversion
    assert conversion is not None
    assert conversion.matching == {"conv": 4}
    assert conversion.grouped in (({"separable_conv": 2}, {}), ({}, {}))


def test_two_specs_are_compared_as_before() -> None:
    first, second = (loads(Source("net.yaml", text)) for text in (SPEC, FOLDED))
    comparison = convcalc.compare(first, second)
    assert comparison.conversion is None
    assert "converted" not in {change.mark for change in comparison.changes}


def test_a_model_and_what_it_was_converted_to(tmp_path: Path) -> None:
    """9 norms of 64 channels, folded into convolutions that have a bias before: 9 * 128 params and buffers."""
    name = "mltk_keyword_spotting"
    paths = [unpacked(f"pairs/{name}.h5.gz", tmp_path), unpacked(f"tflite/{name}.tflite.gz", tmp_path)]
    text = run(*paths)
    assert "same network: all 9 conv and 1 linear match, MACs equal\n" in text
    assert "9 batch_norm folded in head: -1,152 params, -1,152 buffers\n" in text
    assert "1 avg_pool in base is global_avg_pool in head\n" in text
    assert "activations fused with the layer before: 1 in base alone; 9 in head alone\n" in text
    assert "nothing else changed" in text
    diff = as_json(*paths)
    assert diff["totals"]["params"]["delta"] == -1152
    assert diff["conversion"]["folded"][0] == {"kinds": {"batch_norm": 9}, "params": 1152, "buffers": 1152, "bias": 0}
    assert {layer["mark"] for layer in diff["layers"]} == {"converted"}
    assert "- same network: all 9 conv and 1 linear match, MACs equal" in run(*paths, "--format", "markdown")


def test_a_signature_model(tmp_path: Path) -> None:
    name = "mltk_fingerprint_signature_generator"
    paths = [unpacked(f"pairs/{name}.h5.gz", tmp_path), unpacked(f"tflite/{name}.tflite.gz", tmp_path)]
    text = run(*paths)
    assert "same network: all 2 conv and 1 linear match, MACs equal\n" in text
    assert "2 batch_norm folded in head: -48 params, -48 buffers\n" in text


def test_two_frameworks_pad_otherwise(tmp_path: Path) -> None:
    """MobileNetV2 of torchvision and of Keras: where its stride is 2, Keras pads behind alone, and its eps is 0.001."""
    paths = [
        unpacked("torch/mobilenet_v2.pt2", tmp_path),
        unpacked("keras/k3_MobileNetV2.to_json.json.gz", tmp_path),
    ]
    diff = as_json(*paths)
    conversion = diff["conversion"]
    assert conversion["matching"] == {"conv": 52, "linear": 1}
    assert conversion["is_same"] is False
    (number,) = conversion["numbers"]
    assert (number["kind"], number["field"], number["base"], number["head"], number["layers"]) == (
        "batch_norm", "eps", 1e-05, 0.001, 52,
    )  # fmt: skip
    (padded,) = conversion["padded"]
    assert (padded["base"], padded["head"], len(padded["layers"])) == ([1, 1], [0, 0], 5)
    marks = [layer["mark"] for layer in diff["layers"] if layer["mark"] != "converted"]
    assert marks == ["edited"] * 5 + ["added"]


def test_a_long_chain() -> None:
    start = "input: [4, 3, 3]\nlayers:\n"
    base = "  - conv: {out_channels: 4, kernel_size: 1, bias: false}\n  - batch_norm\n  - identity\n"
    head = "  - conv: {out_channels: 4, kernel_size: 1}\n  - identity\n"
    comparison = compared(start + base * 1000, start + head * 1000)
    assert comparison.conversion is not None
    assert comparison.conversion.folded[0] == Norms({"batch_norm": 1000}, params=8_000, buffers=8_000, bias=4_000)
    assert comparison.differences == ()
