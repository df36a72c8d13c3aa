"""On what terms a network is counted: its batch, the formats of its numbers, whether it is fused, its device."""

from __future__ import annotations

from typing import TypedDict

import msgspec

from convcalc import devices
from convcalc.arithmetic.precision import Precision, precision
from convcalc.devices import Device
from convcalc.language.source import SpecError, called
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
    deployed = network.deployment
    batch = batch if batch is not None else deployed.batch or 1
    if batch < 1:
        raise ValueError(f"batch: expected a whole number from 1, found {batch}")
    try:
        formats = precision(dtype) if isinstance(dtype, str) else dtype
    except ValueError as error:
        raise ValueError(f"dtype: {error}") from None
    on = _device(device) if device is not None else _deployed_on(network)
    return Terms(
        batch=batch,
        precision=formats or deployed.precision or Precision(),
        fused=bool(deployed.fused if fused is None else fused),
        device=on,
    )


def _device(named: str | Device) -> Device | None:
    return named if isinstance(named, Device) else devices.load(named) if named else None


def _deployed_on(network: Network) -> Device | None:
    """The device that a spec names.

    Raises:
        SpecError: there is none, at its place in the spec. Of a file nothing is told but that it is no device's: specs
            are from others, and may name any.
    """
    named, origin = network.deployment.device or "", network.origin
    try:
        return _device(named)
    except SpecError as error:
        if origin is None:
            raise
        from convcalc.language.deploying import place_of

        texts = [(problem.message, problem.help) for problem in error.diagnostics]
        if devices.is_file(named):
            texts = [(f"`{called(named)}` is no device's file", "`convcalc devices FILE` says what is wrong with it")]
        place = place_of(origin.source, "device")
        raise SpecError([origin.source.diagnostic("CC013", *place, *text) for text in texts]) from None


def merged(network: Network, precision: Precision = Precision()) -> Network:  # noqa: B008  # frozen
    """The network as a runtime runs it, layers that say no formats in these: see `convcalc.fusing`."""
    from convcalc.fusing import fuse

    return fuse(network, precision).network
