"""A network as it is deployed: in formats, in kernels and on a device.

These are what the command line says, or else its spec, or else the configuration.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from msgspec.structs import replace

from convcalc.analysis.analyze import on_terms
from convcalc.analysis.bounds import bound
from convcalc.analysis.report import Report
from convcalc.analysis.terms import HowRun, Terms, terms_of
from convcalc.arithmetic.precision import Precision
from convcalc.devices import Device, multiplying
from convcalc.fusing import Fusion, fuse
from convcalc.language.source import Diagnostic, SpecError
from convcalc.network import Network, Node

PICOSECONDS = 10**9
"""In a millisecond."""


class Unbounded(Exception):
    """There is no bound of time; the message says why, `advice` what to do."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


def terms_asked(network: Network, asked: HowRun, configured: HowRun) -> tuple[Terms, Diagnostic | None]:
    """The terms that are asked for, or that the spec says, or that are configured; what is wrong with its device.

    A device that cannot be read is left out.
    """
    spec = network.deployment
    own = HowRun(batch=spec.batch, dtype=spec.precision, fused=spec.fused, device=spec.device)
    left: Any = {name: value for name, value in configured.items() if own.get(name) is None}
    how: HowRun = {**left, **asked}
    try:
        return terms_of(network, **how), None
    except SpecError as error:
        return terms_of(network, **HowRun({**how, "device": ""})), error.diagnostics[0]


def in_words(mistake: Diagnostic) -> str:
    """What is wrong with a device, with its place where that is in a file."""
    if mistake.code == "CC013":  # there is no such device
        return mistake.message
    return f"{mistake.path}{f':{mistake.line}' if mistake.line else ''}: {mistake.message}"


class Deployed:
    """A network on its terms. `fusion` is there where layers are merged, and then rows are kernels."""

    def __init__(self, written: Network, terms: Terms) -> None:
        self.written = written
        self.terms = terms

    @property
    def device(self) -> Device | None:
        """What it runs on."""
        return self.terms.device

    @cached_property
    def fusion(self) -> Fusion | None:
        """How its layers are merged, None where it runs as it is written."""
        return fuse(self.written) if self.terms.fused else None

    @property
    def network(self) -> Network:
        """What runs."""
        return self.written if self.fusion is None else self.fusion.network

    @cached_property
    def report(self) -> Report:
        """What that costs, without bounds of time, which there may be none of."""
        return on_terms(self.network, replace(self.terms, fused=False, device=None))

    def rows(self, first: int, last: int) -> list[int]:
        """The rows in which the layers from one node up to another, the latter not included, run."""
        start = self.network.input_count
        if self.fusion is None:
            return list(range(first - start, last - start))
        parts = enumerate(self.fusion.parts[start:])
        return [row for row, part in parts if any(first <= index < last for index in part.nodes)]

    def index(self, row: int) -> int:
        """The node of the network as written that a row begins with."""
        place = row + self.network.input_count
        return place if self.fusion is None else self.fusion.parts[place].first

    def bounds_ps(self, rows: Sequence[int]) -> list[int]:
        """The least that each of some rows takes on the device, in picoseconds.

        Raises:
            Unbounded: there is none.
        """
        device = self.device
        if device is None:
            advice = "name it with --device, as `device` in the configuration, or in the spec: deploy: {device: NAME}"
            raise Unbounded("a bound of time is that of a device, and none is named", advice)
        if not device.peak and device.bandwidth is None:
            raise Unbounded(f"no peak and no bandwidth of {device.name} are known, and so no bound of time")
        return [self._bound_ps(row) for row in rows]

    def _bound_ps(self, place: int) -> int:
        row, node = self.report.layers[place], self.network.layers[place]
        traffic = row.input_bytes, row.weight_bytes, row.output_bytes, row.bit_operations
        try:
            least = bound(self.network, node, self.terms, row.macs, row.elementwise_ops, traffic)
        except ValueError as error:
            advice = "its formats are those of `bits` and, where it has none, of `dtype`"
            raise Unbounded(f"{row.name}: {error}", advice) from None
        return least.ps if least is not None else 0

    def factors(self, node: Node, device: Device) -> str:
        """The format in which a node multiplies on a device.

        Raises:
            ValueError: the device has none such.
        """
        formats = self.terms.formats(node)
        return multiplying(device, formats.weights, formats.activations)

    @property
    def is_plain(self) -> bool:
        """Whether it is counted as every report is that nothing is said for: float32, batch 1, as written."""
        return replace(self.terms, device=None) == Terms()

    @property
    def how(self) -> str:
        """The terms in words, those that are not as for every report."""
        return ", ".join(self._words(always_fused=False))

    def memory(self) -> str:
        """As `how`, for a figure that is about what is deployed: also that it is not fused."""
        return ", ".join(self._words(always_fused=True))

    def _words(self, *, always_fused: bool) -> list[str]:
        terms = self.terms
        words = ["fused"] if terms.fused else ["not fused"] if always_fused else []
        if terms.precision != Precision() or always_fused:
            words.append(str(terms.precision))
        return [*words, f"batch {terms.batch}"] if terms.batch != 1 else words
