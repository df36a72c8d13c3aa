"""Variants where not every layer can have them: which layers stay, why, and that the others are as if alone."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from command_line import application
from typer.testing import CliRunner

import convcalc
from convcalc.analysis.sides import Candidate
from convcalc.analysis.variants import variants
from convcalc.language import document


def written(folder: Path, text: str) -> str:
    path = folder / "net.yaml"
    path.write_text(dedent(text), "utf-8")
    return str(path)


def entry(path: str, variant: str, *layers: str, excluded: tuple[str, ...] = ()) -> Candidate:
    (entry_,) = variants(convcalc.load(path), variant, layers=layers, excluded=excluded).candidates
    return entry_


def replaced(entry_: Candidate) -> set[str]:
    return {change.name for change in entry_.replaced}


def skipped(entry_: Candidate) -> dict[str, str]:
    return {name: layer.reason for layer in entry_.skipped for name in layer.names}


CHAIN = """
    input: [3, 16, 16]
    layers:
      - conv: {name: rgb, out_channels: 8, kernel_size: 3, padding: 1}
      - conv: {name: even, out_channels: 8, kernel_size: 3, padding: 1}
      - conv: {name: odd, out_channels: 9, kernel_size: 3, padding: 1}
      - conv: {name: last, out_channels: 12, kernel_size: 3, padding: 1}
    """


def test_layers_whose_channels_do_not_divide_stay(tmp_path: Path) -> None:
    outcome = entry(written(tmp_path, CHAIN), "grouped:groups=4")
    assert replaced(outcome) == {"even"}
    assert set(skipped(outcome)) == {"rgb", "odd", "last"}
    assert "groups 4 does not divide both in_channels 3 and out_channels 8" in skipped(outcome)["rgb"]
    assert "in_channels 9" in skipped(outcome)["last"]
    assert outcome.comparison is not None
    assert outcome.comparison.totals.params.delta == -(8 * 8 * 9 - 8 * 8 * 9 // 4)


def test_a_field_that_the_variant_lacks_keeps_one_layer(tmp_path: Path) -> None:
    text = CHAIN.replace("name: even,", "name: even, padding_mode: reflect,")
    outcome = entry(written(tmp_path, text), "separable")
    assert set(skipped(outcome)) == {"even"}
    assert "no `padding_mode`" in skipped(outcome)["even"]


def test_a_layer_that_breaks_an_add_further_on_stays(tmp_path: Path) -> None:
    text = """
        input: [4, 16, 16]
        layers:
          - conv: {name: stem, out_channels: 4, kernel_size: 3, padding: 1}
          - add:
              branches:
                - - conv: {name: left, out_channels: 4, kernel_size: 3, stride: 2, padding: 1}
                - - conv: {name: right, out_channels: 4, kernel_size: 1, stride: 2}
          - conv: {name: same, out_channels: 4, kernel_size: 3, padding: 1}
          - conv: {name: head, out_channels: 4, kernel_size: 3, stride: 2, padding: 1}
        """
    outcome = entry(written(tmp_path, text), "transposed")
    assert replaced(outcome) == {"stem", "same", "head"}
    assert list(skipped(outcome)) == ["left"]
    assert "add1" in skipped(outcome)["left"]


def test_of_layers_that_do_not_go_together_the_first_is_replaced(tmp_path: Path) -> None:
    """Alone, `b` breaks the add; `a` does too, so both stay; `free` comes before them and changes both paths alike."""
    text = """
        input: [4, 16, 16]
        layers:
          - conv: {name: free, out_channels: 4, kernel_size: 3}
          - conv: {name: a, out_channels: 4, kernel_size: 3}
          - conv: {name: b, from: free, out_channels: 4, kernel_size: 3}
          - add: {from: [a, b]}
        """
    assert replaced(entry(written(tmp_path, text), "pointwise")) == {"free", "a", "b"}  # together they fit
    text = text.replace("name: b, from: free, out_channels: 4, kernel_size: 3", "name: b, from: free, out_channels: 4,"
                        " kernel_size: 3, groups: 2")  # fmt: skip
    outcome = entry(written(tmp_path, text), "pointwise")
    assert (replaced(outcome), set(skipped(outcome))) == ({"free"}, {"a"})


def test_weights_that_are_shared_are_replaced_on_both_sides_or_not_at_all(tmp_path: Path) -> None:
    text = """
        input: [4, 16, 16]
        layers:
          - conv: {name: a, out_channels: 4, kernel_size: 3, padding: 1}
          - conv: {name: b, share: a}
          - conv: {name: c, out_channels: 6, kernel_size: 3, padding: 1}
        """
    outcome = entry(written(tmp_path, text), "grouped:groups=4")
    assert (replaced(outcome), set(skipped(outcome))) == ({"a", "b"}, {"c"})
    text = text.replace("input: [4", "input: [3").replace("out_channels: 4", "out_channels: 3")
    text = text.rstrip() + "\n          - conv: {name: d, out_channels: 8, kernel_size: 3, padding: 1}\n"
    outcome = entry(written(tmp_path, text), "grouped:groups=2")
    assert (replaced(outcome), set(skipped(outcome))) == ({"d"}, {"a", "b", "c"})


def test_what_is_written_is_what_was_compared(tmp_path: Path) -> None:
    path, out = written(tmp_path, CHAIN), tmp_path / "out.yaml"
    arguments = ["compare", path, "--variant", "grouped", "-o", str(out), "--format", "json"]
    result = CliRunner().invoke(application(), arguments)
    assert result.exit_code == 0, result.output
    outcome = json.loads(result.stdout)
    assert convcalc.analyze(convcalc.load(out)).totals.macs == outcome["head"]["totals"]["macs"]
    assert {node.name: getattr(node.config, "groups", 0) for node in convcalc.load(out).layers} == {
        "rgb": 1, "even": 2, "odd": 1, "last": 1
    }  # fmt: skip
    assert [layer["names"] for layer in outcome["skipped"]] == [["rgb"], ["odd"], ["last"]]


def test_how_many_are_replaced_is_said_in_every_format(tmp_path: Path) -> None:
    path = written(tmp_path, CHAIN)
    texts = {
        name: CliRunner()
        .invoke(application(), ["compare", path, "--variant", "grouped,ghost,grouped:groups=7", "--format", name])
        .stdout
        for name in ("table", "markdown", "csv")
    }
    reason = "groups 2 does not divide both in_channels 3 and out_channels 8"
    for name in ("table", "markdown"):
        assert f"grouped: 3 of 4 layers stay as they are: rgb, odd, last ({reason})" in texts[name]
        assert "1 of 4" in texts[name]
        assert "4 of 4" in texts[name]
    rows = {row["label"]: row for row in csv.DictReader(io.StringIO(texts["csv"]))}
    assert [rows["grouped"][column] for column in ("replaced", "skipped")] == ["1", "3"]
    assert "groups 7" in rows["grouped:groups=7"]["reason"]
    tables = [line for line in texts["markdown"].splitlines() if line.startswith("|")][:6]
    assert {line.count("|") for line in tables} == {9}


def test_a_variant_that_can_stand_nowhere_is_a_row_that_says_why(tmp_path: Path) -> None:
    path = written(tmp_path, CHAIN)
    several = CliRunner().invoke(application(), ["compare", path, "--variant", "standard,grouped:groups=7"])
    assert several.exit_code == 0
    assert "cannot apply: rgb: groups 7 does not divide both in_channels 3" in several.stdout
    assert "(and 3 more layers)" in several.stdout
    alone = CliRunner().invoke(application(), ["compare", path, "--variant", "grouped:groups=7"])
    assert alone.exit_code == 2


@pytest.mark.parametrize("name", ["resnet50", "mobilenet_v2", "unet", "densenet121", "googlenet", "vgg16"])
def test_the_rgb_stem_alone_cannot_be_grouped(name: str) -> None:
    """Whatever the shipped networks have of odd widths, they have it in the layer that reads the image."""
    network = convcalc.load(f"zoo:{name}")
    channels = {node.name: network.nodes[node.inputs[0]].shape[0] for node in network.layers}
    made = variants(network, "all")
    entries = {outcome.label: outcome for outcome in made.candidates}
    grouped = entries["grouped"]
    first = {name for layer in grouped.skipped for name in layer.names[:1]}
    assert all(channels[layer] in (1, 3) for layer in first)
    refused = {label for label, outcome in entries.items() if outcome.comparison is None}
    only_the_stem = {"depthwise", "grouped"} if name == "mobilenet_v2" else set()
    narrowing = {"depthwise"} if name == "densenet121" else set()  # 128 channels to 32 in every layer
    assert refused == only_the_stem | narrowing


def test_how_often_the_network_is_built_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """41 layers fail where they stand, 5 change the shape and break the add: these alone are tried one by one."""
    layers = ["conv: {out_channels: 3, kernel_size: 3, padding: 1}"] * 40
    layers += ["conv: {name: wide, out_channels: 4, kernel_size: 3, padding: 1}"]
    layers += ["conv: {out_channels: 4, kernel_size: 3}"] * 5
    layers += ["crop: {name: middle, from: wide, size: 6}", "add: {from: [middle, conv46]}"]
    layers += ["conv: {name: end, out_channels: 4, kernel_size: 3, padding: 1}"]
    path = written(tmp_path, "input: [3, 16, 16]\nlayers:\n" + "".join(f"  - {layer}\n" for layer in layers))
    built = 0
    build = document.Reading._read_in_steps

    def counted(self: Any) -> Any:
        nonlocal built
        built += 1
        return build(self)

    monkeypatch.setattr(document.Reading, "_read_in_steps", counted)
    outcome = entry(path, "grouped:groups=2:padding=1")
    assert replaced(outcome) == {"end"}
    assert len(skipped(outcome)) == 46
    assert built <= 1 + 4 + 5


def test_layers_that_are_excepted_stay(tmp_path: Path) -> None:
    path = written(tmp_path, CHAIN)
    assert replaced(entry(path, "separable", excluded=("rgb",))) == {"even", "odd", "last"}
    assert replaced(entry(path, "separable", "even", "odd", excluded=("o*",))) == {"even"}
    outcome = entry("zoo:resnet50", "separable", excluded=("layer1.0.conv2", "bottleneck.conv1"))
    assert {name.partition(".")[0] for name in replaced(outcome)} == {"stem", "layer2", "layer3", "layer4"}
    assert outcome.notes == ("layer1.0.conv2 is written once for 3 repetitions, all of which stay",)
    result = CliRunner().invoke(application(), ["compare", path, "--variant", "separable", "--except", "evn"])
    assert result.exit_code == 2
    assert "did you mean `even`" in result.stderr
    assert "--except" in result.stderr


# ---- the padding that follows the dilation ----


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("kernel_size: 3", ((1, 1), (1, 1))),
        ("kernel_size: 3, padding: 1", ((2, 2), (2, 2))),
        ("kernel_size: 5, stride: 2, padding: 2", ((4, 4), (4, 4))),
        ("kernel_size: [3, 5], padding: [1, 0]", ((2, 2), (2, 2))),
        ("kernel_size: 4", ((1, 2), (1, 2))),
        ("kernel_size: 2, padding: [[0, 1], [1, 0]]", ((0, 2), (1, 1))),
        ("kernel_size: 3, padding: valid", ((1, 1), (1, 1))),
        ("kernel_size: 3, padding: same", "same"),
        ("kernel_size: 3, dilation: 3, padding: 3", ((2, 2), (2, 2))),
    ],
)
def test_dilated_keeps_the_size(tmp_path: Path, fields: str, expected: object) -> None:
    path = written(tmp_path, f"input: [4, 20, 21]\nlayers:\n  - conv: {{out_channels: 4, {fields}}}\n")
    comparison = entry(path, "dilated").comparison
    assert comparison is not None
    before, after = (report.network.layers[0] for report in (comparison.base, comparison.head))
    assert before.shape == after.shape
    config: Any = after.config
    assert (config.dilation, config.padding) == ((2, 2), expected)


def test_dilated_with_a_padding_of_its_own_changes_the_size(tmp_path: Path) -> None:
    path = written(tmp_path, "input: [4, 20, 20]\nlayers: [conv: {out_channels: 4, kernel_size: 3, padding: 1}]\n")
    for padding, size in ((0, 16), (1, 18), (2, 20)):
        comparison = entry(path, f"dilated:rate=2:padding={padding}").comparison
        assert comparison is not None
        assert comparison.head.layers[0].output_shape == (4, size, size)


def test_dilated_in_a_block_that_is_called_with_several_kernels(tmp_path: Path) -> None:
    text = """
        input: [4, 20, 20]
        variables: {far: 3}
        blocks:
          any:
            parameters: {k: 3}
            layers: [conv: {out_channels: 4, kernel_size: k, padding: k // 2}, conv: {out_channels: 4, kernel_size: k}]
        layers: [any, any: {k: 5}, any: {k: 7}]
        """
    for variant in ("dilated", "dilated:rate=far"):
        comparison = entry(written(tmp_path, text), variant).comparison
        assert comparison is not None
        shapes = [[row.output_shape for row in report.layers] for report in (comparison.base, comparison.head)]
        assert shapes[0] == shapes[1]


def test_a_padding_below_zero_keeps_a_layer_as_it_is(tmp_path: Path) -> None:
    text = """
        input: [4, 20, 20]
        layers:
          - conv: {name: wide, out_channels: 4, kernel_size: 3, dilation: 4}
          - conv: {name: plain, out_channels: 4, kernel_size: 3}
        """
    outcome = entry(written(tmp_path, text), "dilated")
    assert replaced(outcome) == {"plain"}
    assert "below 0" in skipped(outcome)["wide"]
