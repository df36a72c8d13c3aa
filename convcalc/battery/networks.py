"""The small networks of `networks.yaml`, which the battery runs beside single layers and blocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

Range = tuple[int, int]
"""From least to most."""


class _SmallNetwork(msgspec.Struct, frozen=True, kw_only=True):
    layers: list[Any]
    variables: dict[str, Range]
    inputs: tuple[str, ...] = ("input",)
    channels: Range = (1, 4)
    axes: Range = (1, 2)
    sizes: Range = (4, 9)


NETWORKS = msgspec.yaml.decode(
    Path(__file__).with_suffix(".yaml").read_bytes(), type=dict[str, _SmallNetwork], strict=True
)
"""By name."""
