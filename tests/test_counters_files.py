"""What onnx-tool counts of ONNX files, and Keras of models: by our rules, and by these themselves.

`tests/data/counters/onnx_tool.json` has layers that were drawn, and some by hand, exported to ONNX by PyTorch's two
exporters with random weights, with what onnx-tool counts of the file. `keras_summary.json.gz` has models that were
drawn, as Keras writes them, with what `model.summary()` prints.
"""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

import convcalc
from convcalc.analysis.counts import ToolCount, count
from convcalc.counters import choose
from convcalc.language import Source, loads

DATA = Path(__file__).parent / "data" / "counters"
ONNX: dict[str, Any] = json.loads((DATA / "onnx_tool.json").read_text())
KERAS: dict[str, Any] = json.loads(gzip.decompress((DATA / "keras_summary.json.gz").read_bytes()))["drawn"]

OTHERWISE: dict[tuple[str, str], dict[str, str]] = {
    ("torchscript", "MACs"): {
        r"padding: 1, ceil_mode: true\}$": "the last of the file, whose size stands in it: no window too many there",
        r"- channel_shuffle": "our own export counts an axis from the end, which takes two operations",
        r"split: \{sections: 4": "parts of which none is the second, where the sizes are counted",
    },
    ("torchscript", "params"): {r"share: c": "folding makes weights of its own", r"name: e": "two norms are folded"},
    ("dynamo", "MACs"): {r"share: c": "what is shared is not folded"},
    ("dynamo", "params"): {
        r"share: c|name: e": "what is shared is not folded, two norms are",
        r"- rnn|- rms_norm": "layers whose count is not known; what they are made of has numbers of its own",
    },
}
"""By exporter and figure: specs of which the rules say something else, with the cause."""
UNSEEN: dict[str, dict[str, str]] = {
    "torchscript": {
        **dict.fromkeys(("add", "mul", "max", "min"), "more than two tensors of unlike shapes"),
        "adaptive_avg_pool": "cells of unlike sizes, which are not exported, or none",
        "adaptive_max_pool": "cells of unlike sizes, which are not exported, or none",
        "avg_pool": "padding that does not count, written as two pools",
        "batch_norm": "a norm behind a norm",
        "conv_transpose": "cropped at one end alone",
        "global_lp_pool": "of another norm than 2",
        "lp_pool": "three axes, or padding",
        "max_pool": "unlike dilations of three axes",
        "scaled_dot_product_attention": "values of other sizes than queries",
    },
    "dynamo": {
        "max": "more than two tensors of unlike shapes",
        **dict.fromkeys(("rnn", "rms_norm", "local_response_norm", "affine_grid", "threshold"), "of the newer alone"),
        **dict.fromkeys(("l2_norm", "softplus"), "otherwise than by the older"),
        "batch_norm": "a norm behind a norm",
        "conv_transpose": "cropped at one end alone",
        "scaled_dot_product_attention": "values of other sizes than queries",
    },
}
"""Kinds that are unknown in some case, with the case."""


def counts(exporter: str, spec: str) -> dict[str, ToolCount]:
    """Of the network of a spec."""
    words = ("MACs", "params")
    choices = [choose(f"onnx-tool:exporter={exporter},figure={word}") for word in words]
    return dict(zip(words, count(loads(Source("net.yaml", spec)), choices), strict=True))


@pytest.mark.parametrize("exporter", UNSEEN)
def test_files_of_single_layers(exporter: str) -> None:
    """Every figure to the unit, but those whose cause is named, each of which is another."""
    unknown, known = set(), 0
    different: dict[str, set[str]] = {"MACs": set(), "params": set()}
    for spec, *printed in ONNX[exporter]:
        for (word, result), figure in zip(counts(exporter, spec).items(), printed, strict=True):
            if word == "MACs":
                unknown |= {layer.kind for layer in result.layers if layer.count is None}
            known += not result.unknown
            if not result.unknown and result.count != figure:
                causes = [pattern for pattern in OTHERWISE[exporter, word] if re.search(pattern, spec.strip())]
                assert causes, (word, spec, figure, result.count)
                different[word].update(causes)
    assert all(patterns == OTHERWISE[exporter, word].keys() for word, patterns in different.items())
    assert unknown == UNSEEN[exporter].keys()
    assert known > {"torchscript": 1400, "dynamo": 140}[exporter]


def test_models_of_keras(tmp_path: Path) -> None:
    """Both totals; a Normalization layer keeps a count beside its means and variances, which is no part of the net."""
    choices = [choose("keras-summary"), choose("keras-summary:figure=trainable params")]
    for number, case in KERAS.items():
        path = tmp_path / "model.json"
        path.write_text(json.dumps(case["model"]))
        total, trainable = count(convcalc.load(path), choices)
        layers = [layer["class_name"] for layer in case["model"]["config"]["layers"]]
        assert total.count + layers.count("Normalization") == case["total"], (number, layers)
        assert trainable.count == case["trainable"], (number, layers)


PUBLISHED = {"k3_MobileNetV2.to_json.json.gz": (3_538_984, 3_504_872)}
"""Of keras.applications, as its documentation has them."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_total_of_keras(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_bytes(gzip.decompress((DATA.parent / "formats" / "keras" / name).read_bytes()))
    choices = [choose("keras-summary"), choose("keras-summary:figure=trainable params")]
    assert tuple(figure.count for figure in count(convcalc.load(path), choices)) == PUBLISHED[name]


def test_what_onnx_tool_gets_wrong_is_named() -> None:
    spec = """
input: [4, 8, 8, 8]
layers:
  - conv: {out_channels: 4, kernel_size: 3, padding: same}
  - max_pool: 2
  - conv_transpose: {out_channels: 2, kernel_size: 2, stride: 2}
  - relu
"""
    conv, pool, transposed, relu = (layer.faults for layer in counts("torchscript", spec)["MACs"].layers)
    assert conv == ("sizes three axes by the first alone where the padding is a word",)
    assert pool == ("counts the kernel on the first of three axes alone",)
    assert transposed == ("counts output positions and channels in place of input positions and channels",)
    assert relu == ()


def test_a_rule_asks_the_layer_before_and_may_say_that_nobody_knows(tmp_path: Path) -> None:
    """`before` is the layer that is read by this one alone; null makes a layer unknown, and no mistake."""
    path = tmp_path / "mine.yaml"
    path.write_text(
        "figures: {MACs: {unit: macs, others: 0, count: {"
        "batch_norm: 'out_elements if before == \"conv\" and before_bias else null',"
        "relu: '5 if after == \"conv\" and after_out_channels == 3 else 7'}}}"
    )
    spec = """
input: [2, 4, 4]
layers:
  - conv: {out_channels: 3, kernel_size: 1, bias: BIAS}
  - batch_norm
  - relu
  - conv: {out_channels: 3, kernel_size: 1, name: last}
  - relu
"""
    for bias, figures in (("true", [0, 48, 5, 0, 7]), ("false", [0, None, 5, 0, 7])):
        (result,) = count(loads(Source("net.yaml", spec.replace("BIAS", bias))), [choose(str(path))])
        assert [layer.count for layer in result.layers] == figures
        assert result.unknown == (("batch_norm1",) if bias == "false" else ())
