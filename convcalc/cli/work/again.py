"""The command that shows a point of a sweep by itself: with `analyze` where its options can say it, else a sweep of it.

What a size stands for depends on the channels and the axes of the network, which is read once more for that.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from convcalc.cli.work.given import given_options, repeated
from convcalc.language.named import INPUT
from convcalc.sweeping import values
from convcalc.views.sweep.shared import column, row_count

if TYPE_CHECKING:
    from convcalc.layers import Shape
    from convcalc.network import Network
    from convcalc.sweeping.record import Sweep

VARIANT = "variant"
"""The axis of what stands in place of convolutions."""


class Again(msgspec.Struct, dict=True):
    """A network as a sweep was asked for it; `how` are options for model files."""

    file: str
    given_inputs: Mapping[str, Shape]
    given_variables: Mapping[str, str]
    running: Mapping[str, Any]
    how: Mapping[str, Any]

    def inputs(self, sweep: Sweep) -> tuple[str, ...]:
        """What the inputs are called, of which one may be called `input` whatever its name."""
        if {axis.name for axis in sweep.axes} <= {INPUT, VARIANT}:
            return (INPUT,)
        return (INPUT, *(node.name for node in self._network.inputs)) if self._network is not None else (INPUT,)

    def command(self, sweep: Sweep) -> str:
        """The command of the first row; empty where there is none, or the network cannot be read again."""
        if not row_count(sweep) or self.file == "-":
            return ""
        point = {axis.name: column(sweep, axis.name, 1)[0] for axis in sweep.axes}
        inputs = self.inputs(sweep)
        plain = self._plain(point, inputs)
        if plain is None:
            over = [f"{name}={_written(name, value, inputs)}" for name, value in point.items()]
            words = ["convcalc", "sweep", self.file, *repeated("--over", over), *self._given({})]
        else:
            words = ["convcalc", "analyze", self.file, *plain, *self._given(point)]
        return " ".join(map(shlex.quote, words))

    def _plain(self, point: Mapping[str, Any], inputs: tuple[str, ...]) -> list[str] | None:
        """Options of `analyze`; None where it has none for something that is swept."""
        words = []
        for name, value in point.items():
            if name in inputs:
                shape = value if isinstance(value, tuple) else self._shape(name, value)
                if shape is None:
                    return None
                sizes = values.shape_text(shape)
                words += ["--input", sizes if name == INPUT else f"{name}={sizes}"]
            elif self._is_variant(name) or ("." in name and self._is_model):
                return None
            else:
                words += ["--set", f"{name}={values.text(value)}"]
        return words

    def _shape(self, name: str, size: int) -> Shape | None:
        """The shape of an input whose axes all have a size."""
        nodes = self._network.inputs if self._network is not None else ()
        shapes = [node.shape for node in nodes if node.name == name or (name == INPUT and len(nodes) == 1)]
        return (shapes[0][0], *([size] * (len(shapes[0]) - 1))) if shapes else None

    def _is_variant(self, name: str) -> bool:
        return name == VARIANT and (self._network is None or name not in self._network.variables)

    @property
    def _is_model(self) -> bool:
        return self._network is not None and self._network.imported is not None

    def _given(self, point: Mapping[str, Any]) -> Iterator[str]:
        """The options of the sweep that hold for every point."""
        left = {name: shape for name, shape in self.given_inputs.items() if name not in point}
        return given_options(left, self.given_variables, self.running, self.how)

    @cached_property
    def _network(self) -> Network | None:
        """The network at its own values; None where it has mistakes there."""
        from convcalc import opening
        from convcalc.language import SpecError

        if self.file == "-":
            return None
        try:
            return opening.load(self.file, inputs=self.given_inputs, variables=self.given_variables, **self.how)
        except SpecError:
            return None


def _written(name: str, value: Any, inputs: tuple[str, ...]) -> str:
    return values.shape_text(value) if name in inputs else values.text(value)
