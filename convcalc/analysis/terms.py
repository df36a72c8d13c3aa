"""On what terms a network is counted: its batch, the formats of its numbers, whether it is fused, its device."""

from __future__ import annotations

from typing import TypedDict

import msgspec

from convcalc.arithmetic.precision import Precision, precision
from convcalc.devices import Device
from convcalc.devices import load as load_device
from convcalc.network import Network, Node


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What the numbers of a report are for. `fused`: the network that is counted has been merged into kernels."""

    batch: int = 1
    precision: Precision = Precision()
    fused: bool = False
    device: Device | None = None

    def formats(self, node: Node) -> Precision:
        """The formats of a layer's numbers: its own, or else the network's."""
        return self.precision if node.precision is None else node.precision.over(self.precision)


class HowRun(TypedDict, total=False):
    """How a network runs, as a caller asks for it: the arguments of `convcalc.analyze`, None as if it were left out."""

    batch: int | None
    dtype: str | Precision | None
    fused: bool | None
    device: str | Device | None


def terms_of(
    network: Network,
    *,
    batch: int | None = None,
    dtype: str | Precision | None = None,
    fused: bool | None = None,
    device: str | Device | None = None,
) -> Terms:
    """What is asked for, or else what the network's spec says in `deploy`, or else batch 1, float32, as written.

    Raises:
        ValueError: a batch below 1, a dtype that there is not.
        SpecError: a device that there is not, or a file that cannot be read as one.
    """
    said = network.deployment
    batch = batch if batch is not None else said.batch or 1
    if batch < 1:
        raise ValueError(f"batch: expected a whole number from 1, found {batch}")
    try:
        formats = precision(dtype) if isinstance(dtype, str) else dtype
    except ValueError as error:
        raise ValueError(f"dtype: {error}") from None
    device = device if device is not None else said.device
    return Terms(
        batch=batch,
        precision=formats or said.precision or Precision(),
        fused=bool(said.fused if fused is None else fused),
        device=load_device(device) if isinstance(device, str) and device else device or None,
    )


def merged(network: Network) -> Network:
    """The network as a runtime runs it: see `convcalc.fusing`."""
    from convcalc.fusing import fuse

    return fuse(network).network
