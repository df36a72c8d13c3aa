"""What verifying a network yields: every number claimed and measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from convcalc.analysis.report import Report, meets
from convcalc.fusing import Fusion
from convcalc.network import Network
from convcalc.presenting import Presented
from convcalc.reference.against import ValueCheck
from convcalc.reference.fields.field_checks import FieldCheck
from convcalc.reference.model_file import FileCheck


class Figure(msgspec.Struct, frozen=True):
    """One number, or shape: what the formulas say and what was found.

    `measured` is None where nothing came out, and where nothing was tried, for which `is_tried` is False.
    """

    claimed: Any
    measured: Any
    is_tried: bool = True

    @property
    def agrees(self) -> bool | None:
        """Whether they are the same, None where nothing was tried."""
        return bool(self.claimed == self.measured) if self.is_tried else None


class GradientCheck(msgspec.Struct, frozen=True):
    """What came of the gradients of a layer.

    `compared` counts the derivatives that were taken by differences; `wrong` says of the first that differs which it
    is, and both numbers. The MACs are those of all gradients, of what enters or is made on the way, and of the layer's
    own arrays. `reason` is why nothing was compared, `without` why the kind gives no gradient of some input.
    """

    macs_of_inputs: Figure
    macs_of_weights: Figure
    compared: int = 0
    wrong: str = ""
    reason: str = ""
    without: str = ""

    @property
    def values_agree(self) -> bool | None:
        """Whether every derivative is as it came back, None where none was taken."""
        return None if self.reason else not self.wrong

    @property
    def macs_agree(self) -> bool | None:
        """Whether as many MACs were executed on the way back as is claimed; None where none was."""
        answers = self.macs_of_inputs.agrees, self.macs_of_weights.agrees
        return False if False in answers else None if None in answers else True

    @property
    def mismatches(self) -> list[str]:
        """What is not as claimed, in sentences."""
        figures = {"of what enters": self.macs_of_inputs, "of weights": self.macs_of_weights}
        return [self.wrong] * bool(self.wrong) + [
            f"MACs of gradients {what}: {figure.claimed:,} claimed, {figure.measured:,} executed"
            for what, figure in figures.items()
            if figure.agrees is False
        ]

    @property
    def agrees(self) -> bool | None:
        """Whether nothing differs, None where nothing was compared."""
        answers = self.values_agree, self.macs_agree
        return False if False in answers else None if None in answers else True


class LayerResult(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of one layer.

    `in_place`: whether it gives its output in the memory of what it reads. `receptive_field` is None where fields were
    not asked for, `against` where no other runtime was. Of a kernel `written` is its tensor held against the network as
    it is written, None where that is what runs, and `folded` its arrays, None where nothing was folded into them.
    `gradients` is None where they were not asked for, or the steps of the run did not last for them.
    `finite`: no element came out infinite or NaN. `problem` is what stopped the layer from running.
    """

    name: str
    kind: str
    line: int
    output_shape: Figure
    params: Figure
    buffers: Figure
    macs: Figure
    elementwise_ops: Figure
    in_place: Figure
    receptive_field: FieldCheck | None
    against: ValueCheck | None = None
    written: ValueCheck | None = None
    folded: ValueCheck | None = None
    gradients: GradientCheck | None = None
    finite: bool = True
    problem: str = ""

    @property
    def agrees(self) -> bool:
        """Whether all that was measured is what is claimed, and no other runtime differs."""
        figures = (self.output_shape, self.params, self.buffers, self.macs, self.elementwise_ops, self.in_place)
        held = (self.receptive_field, self.against, self.written, self.folded, self.gradients)
        checks = [check.agrees for check in held if check is not None]
        return not self.problem and False not in [*checks, *(figure.agrees for figure in figures)]

    @property
    def is_run(self) -> bool:
        """Whether the steps of the run lasted for it."""
        return self.output_shape.is_tried


class Expectation(msgspec.Struct, frozen=True):
    """A figure of the spec's `expect`. `measured` is None for what is not measured; then `claimed` is compared."""

    name: str
    expected: Any
    claimed: Any
    measured: Any

    @property
    def agrees(self) -> bool:
        """Whether the spec expects what was found."""
        return meets(self.claimed if self.measured is None else self.measured, self.expected)


class Verification(Presented, msgspec.Struct, frozen=True, kw_only=True):
    """A network's numbers, claimed and measured, for a batch of 1.

    `totals` are by name. `runtime` is what the values were held against, empty for nothing, and `outputs` what came of
    the outputs of the whole network there. Of a network that was read from a model file the runtime ran the file
    itself, and `file` is what came of that. `fusion` says how the network was merged into the kernels that ran.
    `gradients` are those of the whole network, of its first output; None where the steps of the run did not last for
    them. `has_gradients`: they were asked for.
    """

    network: Network
    report: Report
    dtype: str
    seed: int
    layers: tuple[LayerResult, ...]
    totals: dict[str, Figure]
    expectations: tuple[Expectation, ...]
    runtime: str = ""
    outputs: tuple[ValueCheck, ...] = ()
    file: FileCheck | None = None
    fusion: Fusion | None = None
    gradients: GradientCheck | None = None
    has_gradients: bool = False

    @property
    def disagreements(self) -> tuple[LayerResult, ...]:
        """The layers of which a number is not as claimed."""
        return tuple(layer for layer in self.layers if not layer.agrees)

    @property
    def agrees(self) -> bool:
        """Whether every number that was measured is what is claimed, and what the spec expects."""
        figures: list[Figure | Expectation] = [*self.totals.values(), *self.expectations]
        outputs = all(output.agrees is not False for output in self.outputs)
        outputs = outputs and (self.file is None or self.file.agrees is not False)
        outputs = outputs and (self.gradients is None or self.gradients.agrees is not False)
        return not self.disagreements and outputs and all(figure.agrees is not False for figure in figures)

    @property
    def gradient_macs(self) -> dict[str, Figure]:
        """MACs of all gradients of all layers, of what enters or is made on the way, and of the layers' own arrays.

        Not tried where a layer's were not.
        """
        checks = [layer.gradients for layer in self.layers]
        return {name: _summed([getattr(check, name, None) for check in checks]) for name in GRADIENT_MACS}


GRADIENT_MACS = ("macs_of_inputs", "macs_of_weights")
"""What is counted of gradients."""


def _summed(figures: Sequence[Figure | None]) -> Figure:
    tried = [figure for figure in figures if figure is not None and figure.is_tried]
    claimed, measured = (sum(getattr(figure, name) for figure in tried) for name in ("claimed", "measured"))
    return Figure(claimed, measured, is_tried=len(tried) == len(figures))
