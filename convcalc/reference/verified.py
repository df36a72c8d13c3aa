"""What verifying a network yields: every number claimed and measured."""

from __future__ import annotations

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


class LayerResult(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of one layer.

    `in_place`: whether it gives its output in the memory of what it reads. `receptive_field` is None where fields were
    not asked for, `against` where no other runtime was. Of a kernel `written` is its tensor held against the network as
    it is written, None where that is what runs, and `folded` its arrays, None where nothing was folded into them.
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
    finite: bool = True
    problem: str = ""

    @property
    def agrees(self) -> bool:
        """Whether all that was measured is what is claimed, and no other runtime differs."""
        figures = (self.output_shape, self.params, self.buffers, self.macs, self.elementwise_ops, self.in_place)
        held = (self.receptive_field, self.against, self.written, self.folded)
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
        return not self.disagreements and outputs and all(figure.agrees is not False for figure in figures)
