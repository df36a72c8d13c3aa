"""Where a layer stands when the network is built, and how what is wrong there is reported in the user's own text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from convcalc import steps
from convcalc.arithmetic.precision import PartialPrecision
from convcalc.language.bits import BITS
from convcalc.language.source import STEPS_OF_DIAGNOSTIC, Diagnostic
from convcalc.language.template import CompiledLayer
from convcalc.language.tree import Node, span

Tensor = int | None
"""Index of the node whose output it is; None where its shape is unknown."""


class Failed(Exception):
    """The layer has no output; why has been reported, here or where its input failed."""


class Frame(msgspec.Struct, eq=False):
    """What the layers of one sequence see: values for expressions, names, and where they were called from.

    `input` is what the first layer starts from, `inputs` what enters under names.
    """

    values: dict[str, Any]
    input: Tensor
    prefixes: tuple[str, ...] = ("",)  # of the names in reach, innermost first
    inputs: Mapping[str, Tensor] = {}
    caller: Site | None = None  # the block's call
    shared: str | None = None  # prefix of the layers whose weights are used
    precision: PartialPrecision | None = None  # what is said of the formats of all layers in it


class Site(msgspec.Struct, eq=False):
    """One occurrence of a written layer: in a call, under its full name, `index` where it is repeated."""

    layer: CompiledLayer
    call: Frame
    name: str
    index: int | None = None

    @property
    def relative_name(self) -> str:
        """The name within the call."""
        return self.name.removeprefix(self.call.prefixes[0])

    def in_users_text(self, field: str = "") -> tuple[Site, str]:
        """The nearest call that the user wrote, and its argument that the field rests on.

        A layer inside a block that ships with convcalc means nothing to who called it.
        """
        site = self
        while site.layer.source.shipped and site.call.caller is not None:
            argument = getattr(getattr(site.layer.fields.get(field), "written", None), "name", None)
            site = site.call.caller
            field = argument if argument in site.layer.fields else ""
        return site, field


class Decision(msgspec.Struct, frozen=True):
    """Whether a layer stands in a block by a `when` that asks for its own input's channels, not the block's."""

    site: Site
    in_channels: int
    input_channels: int
    stands: bool


class Problems:
    """What is wrong, each said once however often a layer is repeated."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []
        self.warnings: list[Diagnostic] = []
        self.failures: dict[str, str] = {}  # what is wrong first, by the full name of the layer, repetitions too
        self._reported: set[tuple[str, int, str]] = set()

    def fail(self, site: Site, code: str, message: str, field: str = "", advice: str = "") -> Failed:
        """Report something about a layer at the field to blame; returns what to raise."""
        self.failures.setdefault(site.name, message)
        own, field = site.in_users_text(field)
        layer = own.layer
        node: Node = layer.fields[field].node if field in layer.fields else layer.key
        if field in {"repeat", "when"}:
            node = getattr(layer, field).node
        elif field == "from" and layer.sources:
            node = layer.sources[0].node
        elif field.startswith(BITS) and (role := field.rpartition(".")[2]) in layer.bits:
            node = layer.bits[role].node
        return self.fail_at(own, node, code, f"{site.name}: {message}", advice)

    def fail_at(self, site: Site, node: Node, code: str, message: str, advice: str = "") -> Failed:
        """Report something about a node of the layer's text."""
        self._add(self.found, site, node, code, message, advice)
        return Failed()

    def over_limit(self, site: Site, message: str) -> None:
        """Report that building ends at a layer, whatever else is wrong with it."""
        own = site.in_users_text()[0]
        repeat = own.layer.repeat if own is site else None
        node = own.layer.key if repeat is None else repeat.node
        self.found.append(own.layer.source.diagnostic("CC008", *span(node), f"{site.name}: {message}"))

    def warn(self, site: Site, code: str, message: str, advice: str) -> None:
        """Report something about a layer that can be built, and may not be what is meant."""
        own, _ = site.in_users_text()
        self._add(self.warnings, own, own.layer.key, code, f"{site.name}: {message}", advice, "warning")

    def _add(
        self, kept: list[Diagnostic], site: Site, node: Node, code: str, message: str, advice: str, *severity: str
    ) -> None:
        source = site.layer.source
        key = (source.path, node.start, code)
        if key not in self._reported:
            steps.spend(STEPS_OF_DIAGNOSTIC)
            self._reported.add(key)
            kept.append(source.diagnostic(code, *span(node), message, advice, *severity))
