"""What is known of a network's memory. Every number is an exact int."""

from __future__ import annotations

from typing import Literal

import msgspec

from convcalc.analysis.report import Convention, Peak
from convcalc.analysis.terms import Terms
from convcalc.network import Network
from convcalc.presenting import Presented

Running = Literal["written", "best"]
"""In which order the layers run: as they are written, or in the one that needs the least."""


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """While one layer runs: bytes of its output, and of all tensors that are alive, that among them."""

    layer: str
    kind: str
    line: int
    output_shape: tuple[int, ...]
    output_bytes: int
    alive_bytes: int


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """What is alive while each layer runs, with the layers in the order of `running`: a plan without an arena.

    `network` is as it runs, fused where it is to be. `peak` is when the most is alive, None where nothing is.
    """

    network: Network
    terms: Terms
    running: Running
    peak: Peak | None
    moments: tuple[Moment, ...]


class ArenaRegion(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the arena: tensors of which the next is written over the one before, from a layer to another.

    `first` and `last` are places in the order in which layers run, from 0; `since` and `until` are these layers.
    """

    tensors: tuple[str, ...]
    bytes: int
    offset: int
    first: int
    last: int
    since: str
    until: str


class Arena(msgspec.Struct, frozen=True, kw_only=True):
    """One memory for all tensors: how large it is, and where each of them lies in it."""

    bytes: int
    alignment: int
    regions: tuple[ArenaRegion, ...]


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What the order of the layers can save.

    `smallest_bytes` is the smallest peak that was met, in the order of `layers`; no order needs less than
    `at_least_bytes`. `is_exact`: these are the same.
    """

    written_bytes: int
    smallest_bytes: int
    at_least_bytes: int
    layers: tuple[str, ...]

    @property
    def is_exact(self) -> bool:
        """Whether it is known that no order needs less."""
        return self.at_least_bytes == self.smallest_bytes


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """What a device has for activations, and whether the arena goes into it, or the tensors alone would."""

    device: str
    sram: int
    arena_fits: bool
    peak_fits: bool


class MemoryPlan(Presented, msgspec.Struct, frozen=True, kw_only=True):
    """The memory of a network over time, with its layers in the order of `running`.

    `peak` is when the most is alive, None where nothing is; `room` what the device has, where it says so.
    """

    network: Network
    convention: Convention
    terms: Terms
    running: Running
    peak: Peak | None
    moments: tuple[Moment, ...]
    arena: Arena
    orders: Orders
    room: Room | None = None

    @property
    def peak_activation_bytes(self) -> int:
        """The most that is alive at one time."""
        return self.peak.bytes if self.peak else 0

    @property
    def timeline(self) -> Timeline:
        """What is alive over time, without where it lies."""
        return Timeline(
            network=self.network, terms=self.terms, running=self.running, peak=self.peak, moments=self.moments
        )
