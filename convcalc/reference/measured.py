"""What a run measured, held against what a report claims: layer by layer, in total, and what the spec expects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from convcalc.analysis.report import Report, Row
from convcalc.arithmetic.number import product
from convcalc.layers import Shape
from convcalc.network import Network, Node
from convcalc.reference.against import ValueCheck
from convcalc.reference.execution import Step
from convcalc.reference.fields.field_checks import FieldCheck
from convcalc.reference.verified import Expectation, Figure, LayerResult

BUFFERS = ("running_mean", "running_var", "constant")
"""The arrays that are kept and not learned, by name; those of norms as PyTorch calls them."""


class Measured(msgspec.Struct):
    """What is kept of a step once its tensor is freed."""

    shape: Shape | None
    learned: int
    buffers: int
    macs: int
    elementwise_ops: int
    alive_bytes: int
    output_bytes: int
    finite: bool
    problem: str
    in_place: bool = False
    against: ValueCheck | None = None
    written: ValueCheck | None = None
    folded: ValueCheck | None = None


def kept(
    step: Step,
    against: ValueCheck | None = None,
    written: ValueCheck | None = None,
    folded: ValueCheck | None = None,
) -> Measured:
    """The numbers of a step, and what its tensor was held against: see `LayerResult`."""
    sizes = {name: product(shape) for name, shape in step.used.items()}
    output = step.output
    return Measured(
        shape=None if output is None else output.shape[1:],
        learned=sum(size for name, size in sizes.items() if name not in BUFFERS),
        buffers=sum(size for name, size in sizes.items() if name in BUFFERS),
        macs=step.multiplications,
        elementwise_ops=step.element_operations,
        alive_bytes=step.alive_bytes,
        output_bytes=step.output_bytes,
        finite=output is None or bool(np.isfinite(output).all()),
        problem=step.problem,
        in_place=step.in_place,
        against=against,
        written=written,
        folded=folded,
    )


def result(row: Row, node: Node, measured: Measured | None, check: FieldCheck | None) -> LayerResult:
    """A layer's claims beside what was measured of it, None where it was not run."""

    def figure(claimed: Any, name: str, *, is_known: bool = True) -> Figure:
        is_tried = measured is not None and is_known
        return Figure(claimed, getattr(measured, name, None) if is_tried else None, is_tried)

    return LayerResult(
        name=row.name,
        kind=row.kind,
        line=row.line,
        output_shape=figure(row.output_shape, "shape"),
        params=figure(row.params, "learned", is_known=row.costed),
        buffers=figure(row.buffers, "buffers", is_known=row.costed),
        macs=figure(row.macs, "macs", is_known=row.costed),
        elementwise_ops=figure(
            row.elementwise_ops, "elementwise_ops", is_known=row.costed and not node.config.follows_values
        ),
        in_place=figure(node.in_place is not None, "in_place"),
        receptive_field=check,
        against=measured.against if measured else None,
        written=measured.written if measured else None,
        folded=measured.folded if measured else None,
        finite=measured is None or measured.finite,
        problem=measured.problem if measured else "",
    )


def totals_of(report: Report, measured: Sequence[Measured]) -> dict[str, Figure]:
    """Those of all layers together, not tried where a layer was not run."""
    element, params = np.dtype(report.convention.dtype).itemsize, sum(layer.learned for layer in measured)
    macs, operations = (sum(getattr(layer, cost) for layer in measured) for cost in ("macs", "elementwise_ops"))
    totals = {
        "params": params,
        "buffers": sum(layer.buffers for layer in measured),
        "macs": macs,
        "elementwise_ops": operations,
        "flops": 2 * macs + operations,
        "weight_bytes": params * element,
        "activation_bytes": sum(layer.output_bytes for layer in measured),
        "peak_activation_bytes": max((layer.alive_bytes for layer in measured), default=0),
    }
    is_run = len(measured) == len(report.layers)
    is_fixed = not any(node.config.follows_values for node in report.network.layers)
    tried = {name: is_run and (is_fixed or name not in ("elementwise_ops", "flops")) for name in totals}
    return {
        name: Figure(getattr(report.totals, name), total if tried[name] else None, tried[name])
        for name, total in totals.items()
    }


def expectations(
    network: Network, report: Report, layers: Sequence[LayerResult], totals: dict[str, Figure]
) -> Iterator[Expectation]:
    """The figures that a spec expects, claimed and measured."""
    claimed = report.figures
    for name, expected in network.expect.items():
        measured = totals[name].measured if name in totals else None
        if name == "output" and network.outputs[:1] >= (network.input_count,):
            measured = layers[network.outputs[0] - network.input_count].output_shape.measured
        elif name == "receptive_field":
            rows = zip(report.layers, layers, strict=True)
            check = next(layer.receptive_field for row, layer in rows if row.receptive_field is report.receptive_field)
            measured = check.probed.size if check is not None and check.probed is not None else None
        yield Expectation(name, expected, claimed[name], measured)
