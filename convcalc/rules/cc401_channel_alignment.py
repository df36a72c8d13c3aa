"""Channels that the hardware pads to the next multiple it works in.

Matrix units take channels so many at a time. Where they do not divide, the last group is filled with zeros, which
take as long as channels do, or the layer falls back to a slower unit.

Flagged, with a target, is a convolution whose input or output channels are no multiple of what the target takes at
once: nvidia-fp16 8, nvidia-tf32 4, nvidia-int8 16, qualcomm-htp 32, axis-dlpu 16, ti-npu 4.

Not flagged: channels of the network's input and outputs, which are what they are; maps of one position, such as the
squeeze of squeeze-and-excite.

Options:
    target: the hardware meant; without one the rule says nothing.

False positives: libraries that pad once for the whole net, as cuDNN and CUTLASS may.

Source: see NVIDIA, Convolutional layers user's guide; Qualcomm, HTP guidelines; Axis, Optimization tips; Texas
Instruments, NPU guidelines.

Flagged:
    # convcalc.toml: target = "nvidia-fp16"
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 50, kernel_size: 3} # <- CC401
      - relu
      - global_avg_pool
      - linear: 10

Allowed:
    # convcalc.toml: target = "nvidia-fp16"
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 48, kernel_size: 3}
      - relu
      - squeeze_excite: {squeeze_channels: 3}
      - conv: {out_channels: 21, kernel_size: 1}

Allowed:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 50, kernel_size: 3}
      - conv: {out_channels: 8, kernel_size: 3}
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.rules._graph import positions, some_before, some_behind
from convcalc.rules._subject import Problem, Subject
from convcalc.rules._targets import target_of

SEVERITY = "warning"


def check(subject: Subject) -> Iterator[Problem]:
    """Convolutions with channels that do not divide."""
    target = target_of(subject)
    if target is None or not subject.complete:
        return
    nodes, multiple = subject.network.nodes, target.channels
    learned_before = some_before(subject, lambda index: nodes[index].config.mixes_channels)
    learned_behind = some_behind(subject, lambda index: nodes[index].config.mixes_channels)
    for index, node in subject.layers:
        if not node.config.is_convolution or positions(node.shape) == 1:
            continue
        entering, leaving = subject.shapes(index)[0][0], node.shape[0]
        uneven_in = entering % multiple != 0 and learned_before[index]
        uneven_out = leaving % multiple != 0 and learned_behind[index]
        if not uneven_in and not uneven_out:
            continue
        parts = [f"{entering} input channels"] * uneven_in + [f"{leaving} output channels"] * uneven_out
        full = _above(entering, multiple if uneven_in else 1) * _above(leaving, multiple if uneven_out else 1)
        macs = subject.row(index).macs
        yield subject.problem(
            index,
            f"{node.name}: {' and '.join(parts)} are no multiple of the {multiple} that {subject.settings.target} "
            f"takes at once: padded, {macs:,} MACs become {macs * full // (entering * leaving):,}",
            _advice(leaving if uneven_out else entering, multiple),
            field="out_channels" if uneven_out else "",
        )


def _above(channels: int, multiple: int) -> int:
    return -(-channels // multiple) * multiple


def _advice(channels: int, multiple: int) -> str:
    above = _above(channels, multiple)
    below = above - multiple
    return f"{below} or {above} channels" if below else f"{above} channels"
