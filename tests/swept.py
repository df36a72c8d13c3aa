"""Points of a sweep held against load and analyze of each."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

import convcalc
from convcalc.analysis.terms import HowRun
from convcalc.devices import Device
from convcalc.language import Source, SpecError, loads
from convcalc.language.writing import value_text
from convcalc.sweeping.axes import Axis
from convcalc.sweeping.plan import Plan

if TYPE_CHECKING:
    from typing import Unpack

Point = dict[str, Any]


def text_of(value: Any) -> str:
    """A value as a person writes it."""
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    return f"[{', '.join(map(text_of, value))}]" if isinstance(value, tuple) else value_text(value)


def analyzed(source: Source | str, point: Point, **run: Unpack[HowRun]) -> Point | None:
    """The totals of a point, as analyze has them; None where there is no such network."""
    inputs: Point = {}
    variables: Point = {}
    try:
        base = loads(source) if isinstance(source, Source) else convcalc.load(source)
    except SpecError as error:
        base = error.network  # type: ignore[assignment]  # which has its inputs all the same
    for name, value in point.items():
        nodes = [node for node in base.inputs if name in (node.name, "input") and name not in base.variables]
        if nodes:
            inputs |= {node.name: _shape(node.shape, value) for node in nodes}
        else:
            variables[name] = text_of(value)
    try:
        if isinstance(source, Source):
            network = loads(source, inputs=inputs, variables=variables)
        else:
            network = convcalc.load(source, inputs=inputs, variables=variables)
    except SpecError:
        return None
    report = convcalc.analyze(network, **run)
    field = report.receptive_field
    is_known = field is not None and field.size is not None and None not in field.size
    totals = report.totals
    return {
        **asdict(totals),
        "sram": totals.peak_activation_bytes,
        "flash": totals.weight_bytes + totals.buffer_bytes,
        "bound_ms": None if totals.bound_ps is None else Fraction(totals.bound_ps, 10**9),
        "output": network.nodes[network.outputs[0]].shape if network.outputs else None,
        "receptive_field": max(field.size, default=0) if is_known else None,  # type: ignore[union-attr, arg-type]
    }


FORMATS = ("float32", "float16", "int8", "int5", "int4", "int3", "int1")


def drawn_run(draw: random.Random) -> HowRun:
    """How a network runs: formats by role, some less than a byte, fused or not, on a device of drawn rates or none."""
    dtype = draw.choice((None, "int8", *(f"{role}={draw.choice(FORMATS)}" for role in ("weights", "activations"))))
    if draw.random() < 0.5:
        dtype = ",".join(f"{role}={draw.choice(FORMATS)}" for role in ("weights", "activations", "bias"))
    peak = {name: draw.choice((10**9, 432 * 10**6, 312 * 10**12)) for name in FORMATS}
    bandwidth, cache = draw.choice((10**8, 1555 * 10**9)), draw.choice((None, 300))
    device = draw.choice((None, Device(name="drawn", peak=peak, bandwidth=bandwidth, cache=cache)))
    return {"dtype": dtype, "batch": draw.choice((None, 1, 3)), "fused": draw.choice((True, False)), "device": device}


def _shape(own: tuple[int, ...], value: Any) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (own[0], *(value,) * (len(own) - 1))


def differing(
    source: Source | str, axes: Sequence[Axis], draw: random.Random, count: int = 8, **run: Unpack[HowRun]
) -> list[tuple[Point, str, Any, Any]]:
    """Points whose totals are not those of analyze: the point, the total, what analyze says, what the sweep says."""
    plan = Plan(source, axes, field=True, run=run)
    numbers = [draw.randrange(plan.points) for _ in range(min(count, plan.points))]
    rows = plan.rows(numbers)
    wrong = []
    for place, number in enumerate(numbers):
        point = plan.point(number)
        expected = analyzed(source, point, **run)
        for name in ("macs", "receptive_field", *rows.keys() - point.keys()):
            wanted = None if expected is None else expected[name]
            if rows[name][place] != wanted:
                wrong.append((point, name, wanted, rows[name][place]))
    return wrong
