"""The hardware that a network may be meant for: what it asks of channels, and how fast it computes and reads.

Sources: NVIDIA, Convolutional layers user's guide (channels: 8 for FP16, 4 for TF32, 16 for INT8) and the A100 data
sheet (40 GB; dense peak and 1,555 GB/s). Qualcomm AI Engine Direct, HTP guidelines, "Number of channels" (32). Axis,
ARTPEC-9 optimization tips (channels in groups of 16). Texas Instruments, MCU AI user guide, "NPU guidelines" (4; the
table of `target-unsupported`). For the last three no peak and bandwidth are published together.
"""

from __future__ import annotations

from typing import NamedTuple

from convcalc.rules._subject import Subject

_A100_BYTES_PER_SECOND = 1_555 * 10**9


class Target(NamedTuple):
    """One kind of hardware with its number format.

    Channels are worked on `channels` at a time. `peak` is operations a second, two a MAC, and `bandwidth` bytes a
    second; both are 0 where they are not published.
    """

    channels: int
    element_bytes: int
    peak: int = 0
    bandwidth: int = 0


TARGETS = {
    "nvidia-fp16": Target(8, 2, 312 * 10**12, _A100_BYTES_PER_SECOND),
    "nvidia-tf32": Target(4, 4, 156 * 10**12, _A100_BYTES_PER_SECOND),
    "nvidia-int8": Target(16, 1, 624 * 10**12, _A100_BYTES_PER_SECOND),
    "qualcomm-htp": Target(32, 1),
    "axis-dlpu": Target(16, 1),
    "ti-npu": Target(4, 1),
}
"""What `target` may be."""


def target_of(subject: Subject) -> Target | None:
    """The hardware that is configured, None if there is none."""
    return TARGETS.get(subject.settings.target)
