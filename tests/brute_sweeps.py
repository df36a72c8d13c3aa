"""Sweeps by brute force: every point is loaded and analyzed by itself, and compared with every other."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from msgspec.structs import asdict, replace

import convcalc
from convcalc import steps
from convcalc.analysis.analyze import convention
from convcalc.analysis.terms import HowRun, terms_of
from convcalc.language.expressions import Expression
from convcalc.language.named import split
from convcalc.language.quantities import FACTORS
from convcalc.sweeping.axes import Space
from convcalc.sweeping.point_blocks import Refusal
from convcalc.sweeping.ranges import axes_of
from convcalc.sweeping.record import Sweep

Row = dict[str, Any]


def totals(source: str, point: Row, inputs: Row, variables: Row, run: HowRun) -> tuple[str, Row]:
    """The name of the network at a point, and its totals."""
    own = [node.name for node in convcalc.load(source).inputs]
    sizes, values = dict(inputs), dict(variables)
    for name, value in point.items():
        if name == "input" or name in own:
            sizes[name] = value if isinstance(value, tuple) else (3, value, value)
        else:
            values[name] = list(value) if isinstance(value, tuple) else value
    report = convcalc.analyze(convcalc.load(source, inputs=sizes, variables=values), **run)
    figures, summed = report.figures, asdict(report.totals)
    del summed["macs_by_format"]
    bound = summed.pop("bound_ps")
    summed |= {"sram": figures["peak_activation_bytes"], "flash": figures["weight_bytes"] + figures["buffer_bytes"]}
    return report.network.name, {
        **summed,
        **({} if bound is None else {"bound_ps": bound, "bound_ms": Fraction(bound, 10**9)}),
        "output": figures["output"],
        "receptive_field": max(figures["receptive_field"] or (0,)),
    }


def value_of(expression: str, names: Row) -> Any:
    """The value of an expression, in which numbers may have a suffix as in budgets."""
    plain = re.sub(r"\b([0-9.]+)([KMGT]i?B?)\b", lambda match: str(Fraction(match[1]) * FACTORS[match[2]]), expression)
    return Expression(plain).evaluate(names)


def keys_of(keys: str | Sequence[str]) -> list[str]:
    return [key.strip() for key in (split(keys, ",") if isinstance(keys, str) else keys) if key.strip()]


def ranking(keys: Sequence[str]) -> Callable[[Row], tuple[Any, ...]]:
    return lambda row: tuple(-value_of(key[1:], row) if key[0] == "-" else value_of(key, row) for key in keys)


def front(rows: list[Row], keys: Sequence[str]) -> tuple[list[Row], list[int]]:
    """The rows of which none is better in all, and for each how many others are the same."""
    rank = ranking(keys)
    ranks = list(map(rank, rows))
    kept = []
    for place, row in enumerate(rows):
        mine = ranks[place]
        is_beaten = any(other != mine and all(a <= b for a, b in zip(other, mine, strict=True)) for other in ranks)
        if not is_beaten and ranks.index(mine) == place:
            kept.append(row)
    return kept, [ranks.count(rank(row)) - 1 for row in kept]


def brute_sweep(
    source: str,
    *,
    over: Any,
    where: str = "",
    pareto: Any = (),
    sort: Any = (),
    top: int | None = None,
    sample: int | None = None,
    seed: int = 0,
    refused: int = 0,
    inputs: Any = None,
    variables: Any = None,
    batch: int | None = None,
    dtype: str | None = None,
    fused: bool | None = None,
    device: Any = None,
    dask: str | None = None,
    progress: Any = None,
    **how: Any,
) -> Sweep:
    """As `convcalc.sweep`."""
    axes, run = axes_of(over), HowRun(batch=batch, dtype=dtype, fused=fused, device=device)
    space = Space(axes)
    numbers: Sequence[int] = range(space.size)
    if sample is not None:
        numbers = sorted(random.Random(seed).sample(numbers, min(sample, space.size)))
    name, rows, refusals, reasons = "", list[Row](), dict[str, Refusal](), []
    for number in numbers:
        point = space.point(number)
        try:
            with steps.run():
                name, figures = totals(source, point, inputs or {}, variables or {}, run)
        except convcalc.SpecError as error:
            problem = error.diagnostics[0]
            kind = re.sub("[0-9]+", "0", problem.message)
            known = refusals.get(kind, Refusal(problem.code, problem.message, number, 0))
            refusals[kind] = replace(known, count=known.count + 1)
            reasons.append((point, problem.message))
            continue
        row = {**point, **figures}
        if not where or value_of(where, row):
            rows.append(row)
        if progress is not None:
            progress(len(rows), len(numbers), len(reasons))
    satisfying, like = len(rows), [0] * len(rows)
    if keys_of(pareto):
        rows, like = front(rows, keys_of(pareto))
    order = sorted(range(len(rows)), key=lambda place: ranking(keys_of(sort))(rows[place]))[:top]
    rows, like = [rows[place] for place in order], [like[place] for place in order]
    columns = {key: [row[key] for row in rows] for key in rows[0]} if rows else {}
    return Sweep(
        network=name, axes=axes, convention=convention(terms_of(convcalc.load(source), **run)),
        where=where, pareto=tuple(keys_of(pareto)), sort=tuple(keys_of(sort)), points=len(numbers), done=len(numbers),
        satisfying=satisfying, refused=len(reasons), columns=columns, like=like, unmoved=(), seconds=0.125,
        refusals=tuple(sorted(refusals.values(), key=lambda refusal: -refusal.count)),
        refused_points=tuple(reasons[:refused]),
    )  # fmt: skip
