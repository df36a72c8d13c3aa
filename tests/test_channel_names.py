"""`in_channels` is what enters a layer, `input_channels` what enters the block around it, in every field alike."""

from __future__ import annotations

from pathlib import Path

import pytest

import convcalc
from convcalc.language import Source, SpecError, loads

EFFICIENTNET_V2_S = """\
input: [3, 224, 224]
blocks:
  conv_bn_silu:
    parameters: {channels: required, kernel_size: 1, stride: 1, groups: 1}
    layers:
      - conv:
          out_channels: channels
          kernel_size: kernel_size
          stride: stride
          padding: kernel_size // 2
          groups: groups
          bias: false
      - batch_norm
      - silu
  fused:
    parameters: {channels: required, expansion: 4, stride: 1}
    layers:
      - conv_bn_silu:
          channels: expansion * in_channels if expansion != 1 else channels
          kernel_size: 3
          stride: stride
      - conv: {when: expansion != 1, out_channels: channels, kernel_size: 1, bias: false}
      - batch_norm: {when: expansion != 1}
      - add: {when: stride == 1 and input_channels == channels, from: [previous, input]}
  mbconv:
    parameters: {channels: required, expansion: required, stride: 1}
    layers:
      - conv_bn_silu: expansion * in_channels
      - conv_bn_silu: {channels: in_channels, kernel_size: 3, stride: stride, groups: in_channels}
      - squeeze_excite: {squeeze_channels: SQUEEZED // 4}
      - conv: {out_channels: channels, kernel_size: 1, bias: false}
      - batch_norm
      - add: {when: stride == 1 and input_channels == channels, from: [previous, input]}
layers:
  - conv_bn_silu: {channels: 24, kernel_size: 3, stride: 2}
  - fused: {channels: 24, repeat: 2, expansion: 1}
  - fused: {channels: 48, repeat: 4, stride: 2 if index == 0 else 1}
  - fused: {channels: 64, repeat: 4, stride: 2 if index == 0 else 1}
  - mbconv: {channels: 128, repeat: 6, expansion: 4, stride: 2 if index == 0 else 1}
  - mbconv: {channels: 160, repeat: 9, expansion: 6}
  - mbconv: {channels: 256, repeat: 15, expansion: 6, stride: 2 if index == 0 else 1}
  - conv_bn_silu: 1280
  - global_avg_pool
  - linear: 1000
"""
"""After Tan and Le 2021, table 4, with torchvision's counts: 21,458,488 params are those of its efficientnet_v2_s."""

SHORTCUT = """\
input: [64, 8, 8]
blocks:
  residual:
    parameters: {{channels: required}}
    layers:
      - add:
          branches:
            - - conv: {{out_channels: 4 * channels, kernel_size: 3, padding: 1, bias: false}}
            - - conv: {{when: in_channels != 4 * channels, out_channels: 4 * channels, kernel_size: 1, bias: false}}
              - batch_norm: {{{field}}}
layers:
  - residual: {{channels: 64, repeat: 2}}
"""


def params(text: str) -> int:
    return convcalc.analyze(loads(Source("net.yaml", text))).totals.params


def test_the_squeeze_of_an_expanded_block_is_measured_by_what_enters_the_block() -> None:
    assert params(EFFICIENTNET_V2_S.replace("SQUEEZED", "input_channels")) == 21_458_488
    expanded = [4 * 64, *[4 * 128] * 5, 6 * 128, *[6 * 160] * 8, 6 * 160, *[6 * 256] * 14]
    entering = [64, *[128] * 5, 128, *[160] * 8, 160, *[256] * 14]
    widened = sum((wide // 4 - narrow // 4) * (2 * wide + 1) for wide, narrow in zip(expanded, entering, strict=True))
    assert params(EFFICIENTNET_V2_S.replace("SQUEEZED", "in_channels")) == 21_458_488 + widened


def alarms(tmp_path: Path, text: str) -> list[tuple[str, int, str]]:
    path = tmp_path / "net.yaml"
    path.write_text(text)
    linted = convcalc.lint(path).findings
    return [(finding.code, finding.line, finding.message) for finding in linted if finding.code == "CC109"]


def test_a_norm_that_the_channels_of_its_own_layer_leave_out_is_found(tmp_path: Path) -> None:
    message = (
        "residual1.0.batch_norm1 is left out, because in_channels is 256, which enters the layer; by input_channels, "
        "the 64 that enter the block, it would stand"
    )
    assert alarms(tmp_path, SHORTCUT.format(field="when: in_channels != 4 * channels")) == [("CC109", 10, message)]


@pytest.mark.parametrize(
    "field",
    [
        "when: input_channels != 4 * channels",
        "when: in_channels == 4 * channels and input_channels != 4 * channels",
        "when: in_channels != 4 * channels, lint: {ignore: CC109}",
        "when: in_channels > 0",
        "when: 64 // (in_channels - 64) < 100",  # with the other it would have no value
    ],
)
def test_no_alarm_where_both_would_decide_alike_or_both_are_named(tmp_path: Path, field: str) -> None:
    assert alarms(tmp_path, SHORTCUT.format(field=field)) == []


def test_a_layer_that_stands_where_it_would_be_left_out_is_found(tmp_path: Path) -> None:
    [(_, line, message)] = alarms(tmp_path, SHORTCUT.format(field="when: in_channels == 4 * channels"))
    assert line == 10
    assert message.startswith("residual1.0.batch_norm1 stands, because in_channels is 256")
    assert message.endswith("it would be left out")


def test_outside_blocks_input_channels_are_those_of_the_network() -> None:
    network = loads(
        Source(
            "net.yaml",
            """
input: [3, 8, 8]
layers:
  - conv: {out_channels: 5, kernel_size: 1}
  - conv: {out_channels: 10 * input_channels + in_channels, kernel_size: 1}
  - relu: {when: input_channels == 3 and in_channels == 35}
""",
        )
    )
    assert [node.shape[0] for node in network.layers] == [5, 35, 35]


def test_of_several_inputs_none_is_the_one() -> None:
    text = "inputs: {a: [3, 8, 8], b: [2, 8, 8]}\nlayers:\n  - conv: {from: a, kernel_size: 1, out_channels: SIZE}\n"
    with pytest.raises(SpecError) as caught:
        loads(Source("net.yaml", text.replace("SIZE", "input_channels")))
    [problem] = caught.value.diagnostics
    assert (problem.code, problem.line) == ("CC013", 3)
    assert "`input_channels`, which has no value here" in problem.message
    assert problem.help == "there are several inputs; channels_of(NAME) are those of one of them"
    network = loads(Source("net.yaml", text.replace("SIZE", "channels_of(b) + 10 * channels_of(a)")))
    assert network.nodes[-1].shape == (32, 8, 8)
    named = text.replace("a: [3", "input: [3").replace("from: a", "from: b").replace("SIZE", "input_channels")
    assert loads(Source("net.yaml", named)).nodes[-1].shape == (3, 8, 8)
