"""Channels that the hardware pads to the next multiple it works in.

Matrix units take channels so many at a time. Where they do not divide, the last group is filled with zeros, which
take as long as channels do, or the layer falls back to a slower unit.

Flagged, with a device, is a convolution whose input or output channels are no multiple of what the device takes at
once in the format of the layer: an a100 8 of float16, 4 of tf32, 16 of int8. `convcalc devices NAME` has the figures of
a device. Where none are known for the formats of the network, that is said as an info.

Not flagged: channels of the network's input and outputs, which are what they are; maps of one position, such as the
squeeze of squeeze-and-excite.

Options:
    device: what it runs on, as `deploy` in a spec says too; without one the rule says nothing.
    dtype: the formats of its numbers.

False positives: libraries that pad once for the whole net, as cuDNN and CUTLASS may.

Source: see NVIDIA, Convolutional layers user's guide; Qualcomm, HTP guidelines; Axis, Optimization tips; Texas
Instruments, NPU guidelines.

Flagged:
    # convcalc.toml: device = "a100"
    # convcalc.toml: dtype = "float16"
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 50, kernel_size: 3} # <- CC401
      - relu
      - global_avg_pool
      - linear: 10

Allowed:
    input: [3, 32, 32]
    deploy: {device: a100, dtype: float16}
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

SEVERITY = "warning"


def check(subject: Subject) -> Iterator[Problem]:
    """Convolutions with channels that do not divide."""
    device = subject.deployed.device
    if device is None or not device.channels or not subject.complete:
        return
    nodes, unknown = subject.network.nodes, set()
    learned_before = some_before(subject, lambda index: nodes[index].config.mixes_channels)
    learned_behind = some_behind(subject, lambda index: nodes[index].config.mixes_channels)
    for index, node in subject.layers:
        if not node.config.is_convolution or positions(node.shape) == 1:
            continue
        try:
            format_name = subject.deployed.factors(node, device)
            multiple = device.channels[format_name]
        except (KeyError, ValueError):
            unknown.add(str(subject.deployed.terms.formats(node).activations))
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
            f"{node.name}: {' and '.join(parts)} are no multiple of the {multiple} that {device.name} takes at "
            f"once in {format_name}: padded, {macs:,} MACs become {macs * full // (entering * leaving):,}",
            _advice(leaving if uneven_out else entering, multiple),
            field="out_channels" if uneven_out else "",
        )
    if unknown:
        yield subject.problem_at_spec(
            f"how many channels {device.name} takes at once is known for {', '.join(device.channels)}, and not for "
            f"{', '.join(sorted(unknown))}",
            "say the formats that it runs in with --dtype, or in the spec: deploy: {dtype: int8}",
            ("deploy",) if subject.network.deployment.device is not None else ("layers",),
            severity="info",
        )


def _above(channels: int, multiple: int) -> int:
    return -(-channels // multiple) * multiple


def _advice(channels: int, multiple: int) -> str:
    above = _above(channels, multiple)
    below = above - multiple
    return f"{below} or {above} channels" if below else f"{above} channels"
