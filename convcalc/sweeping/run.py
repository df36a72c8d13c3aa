"""`convcalc.sweep`: a plan is worked out, and of its points is kept what was asked for."""

from __future__ import annotations

import os
import pickle
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from convcalc import opening
from convcalc.analysis.analyze import convention
from convcalc.arithmetic.precision import Precision
from convcalc.devices import Device
from convcalc.language import Source, SpecError
from convcalc.language.named import readable
from convcalc.language.overrides import parted
from convcalc.sweeping.axes import Axis, Space
from convcalc.sweeping.driving import known
from convcalc.sweeping.kept import MOST_ROWS, KeptRows, TooManyRows, WantedRows, nothing_yet
from convcalc.sweeping.plan import Plan
from convcalc.sweeping.point_blocks import Refusal
from convcalc.sweeping.queries import keys_of
from convcalc.sweeping.ranges import axes_of
from convcalc.sweeping.record import Sweep
from convcalc.sweeping.refused import refused_points
from convcalc.sweeping.subject import VARIANT
from convcalc.sweeping.table import columns_of
from convcalc.sweeping.totals import FIELD

if TYPE_CHECKING:
    from typing import Unpack

    from convcalc.layers import Shape
    from convcalc.opening import How

MOST_POINTS = 10**12
"""Points of one run."""
_MOST_REASONS = 20
"""Reasons for which points are refused that are told apart in the end."""
Progress = Callable[[int, int, int], None]
"""Takes how many points are done, of how many, and how many of them are refused."""


def sweep(
    source: str | os.PathLike[str] | Source,
    *,
    over: Sequence[str] | Mapping[str, Sequence[Any]],
    where: str = "",
    pareto: Sequence[str] | str = (),
    sort: Sequence[str] | str = (),
    top: int | None = None,
    sample: int | None = None,
    seed: int = 0,
    refused: int = 0,
    inputs: Mapping[str, Shape] | None = None,
    variables: Mapping[str, object] | None = None,
    batch: int | None = None,
    dtype: str | Precision | None = None,
    fused: bool | None = None,
    device: str | Device | None = None,
    dask: str | None = None,
    progress: Progress | None = None,
    **how: Unpack[How],
) -> Sweep:
    """The totals of a network at the points of a design space that are worth a look.

    >>> best = convcalc.sweep(
    ...     "zoo:mobilenet_v2",
    ...     over=["width=0.25:1.5:0.05", "input=96:320:32"],
    ...     where="macs <= 300M and params <= 4M",
    ...     sort="-macs",
    ...     top=1,
    ... )
    >>> [int(best.columns[name][0]) for name in ("input", "macs")]
    [256, 292405584]

    `over` says what is swept, as ``--over`` does, or maps names to values. Of the points that satisfy `where` those are
    kept of which no other is better in all keys of `pareto`, in the order of the keys of `sort`, the first `top`. Keys
    are to be made small, but for those behind a ``-``. `sample` points are drawn by `seed` instead of taking all. So
    many `refused` points are listed with their reason.

    `dask` is the address of a scheduler, or empty for worker processes on this machine: a script that asks for these
    does it below ``if __name__ == "__main__"``, as each of them imports it. `progress` is told how far the run is. An
    interrupt (Ctrl-C) ends it with what is known so far.

    Raises:
        SpecError: the network or what is asked has mistakes, or there is more than one run may do.
        ImportError: Dask is asked for, and not installed.
    """
    started = time.perf_counter()
    axes = axes_of(over)
    _check(over, axes, sample)
    _check_counts(top=(top, 1), sample=(sample, 1), seed=(seed, 0), refused=(refused, 0))
    objectives, order = keys_of("--pareto", pareto), keys_of("--sort", sort)
    plan = Plan(
        _read(source, axes, inputs or {}, variables or {}, how), axes, where=where, pareto=objectives, sort=order,
        sample=sample, seed=seed, field=_asks_for(FIELD, (where, *objectives, *order)), inputs=inputs,
        variables=variables, run={"batch": batch, "dtype": dtype, "fused": fused, "device": device}, how=how,
    )  # fmt: skip
    wanted = WantedRows(len(objectives) + len(order), len(objectives), top, refused)
    try:
        kept, unmoved = _worked_out(plan, wanted, progress, dask)
    except TooManyRows:
        raise _too_many(over, is_front=bool(objectives)) from None
    if kept.points < plan.points:
        plan, unmoved = pickle.loads(pickle.dumps(plan)), ()  # noqa: S301  # ours; the other may be in disorder
    rows = kept.rows()
    return Sweep(
        network=plan.subject.base.name,
        axes=axes,
        convention=convention(plan.terms),
        where=where,
        pareto=objectives,
        sort=order,
        points=plan.points,
        done=kept.points,
        satisfying=kept.satisfying,
        refused=kept.refused,
        refusals=tuple(_explained(plan, refusal) for refusal in kept.refusals(_MOST_REASONS)),
        refused_points=refused_points(plan, kept.stretches, refused),
        columns=columns_of(plan, rows, (*objectives, *order)),
        like=rows.like,
        unmoved=unmoved,
        seconds=time.perf_counter() - started,
        path=source.as_named if isinstance(source, Source) else readable(os.fspath(source)),
    )


def _worked_out(
    plan: Plan, wanted: WantedRows, progress: Progress | None, dask: str | None
) -> tuple[KeptRows, tuple[str, ...]]:
    """What is kept of all points, or of those done when it was interrupted; and what is swept and changes no total."""
    if dask is not None:
        from convcalc.sweeping.cluster import known_on_dask

        return known_on_dask(plan, wanted, progress, dask)
    kept = nothing_yet(wanted)
    try:
        for kept in known(plan, wanted, 0, plan.points):
            if progress is not None:
                progress(kept.points, plan.points, kept.refused)
    except KeyboardInterrupt:
        return kept, ()
    return kept, plan.unmoved


# ---- what is asked -----------------------------------------------------------------------------------------------


def _check(over: Sequence[str] | Mapping[str, Any], axes: Sequence[Axis], sample: int | None) -> None:
    place = _place(over)
    if not axes:
        message = "expected something to sweep, found nothing"
        raise SpecError([place.diagnostic("CC011", 0, len(place.text), message, "as in width=0.25:1.5:0.05")])
    size = Space(tuple(axes)).size
    points = size if sample is None else min(sample, size)
    if points > MOST_POINTS:
        message = f"{_about(points)} points are more than the {_about(MOST_POINTS)} that one run may take"
        raise SpecError([place.diagnostic("CC011", 0, len(place.text), message, "give --sample, or narrow")])


def _place(over: Sequence[str] | Mapping[str, Any]) -> Source:
    """All that is swept, as the text in which a mistake is shown."""
    return Source("--over", over if isinstance(over, str) else " ".join(over))


def _about(count: int) -> str:
    """1.2e15, and never more than there are."""
    digits = str(count)
    return f"{digits[0]}{'.' if digits[1:2].strip('0') else ''}{digits[1:2].strip('0')}e{len(digits) - 1}"


def _check_counts(**counts: tuple[int | None, int]) -> None:
    for name, (count, least) in counts.items():
        if count is not None and count < least:
            raise SpecError(
                [Source(f"--{name}", str(count)).diagnostic("CC011", 0, len(str(count)), f"expected at least {least}")]
            )


def _too_many(over: Sequence[str] | Mapping[str, Any], *, is_front: bool) -> SpecError:
    place = _place(over)
    of, advice = ("", "--where narrows it, as do fewer keys of --pareto")
    if is_front:
        of = " of the front"
    else:
        advice = "--top keeps the first, --pareto the best, --where those that satisfy it"
    message = f"more than the {MOST_ROWS:,} points{of} that are kept"
    return SpecError([place.diagnostic("CC011", 0, len(place.text), message, advice)])


def _asks_for(name: str, texts: Sequence[str]) -> bool:
    return any(re.search(rf"\b{name}\b", text) for text in texts)


def _read(
    source: str | os.PathLike[str] | Source,
    axes: Sequence[Axis],
    inputs: Mapping[str, Shape],
    variables: Mapping[str, object],
    how: How,
) -> str | Source:
    """What is swept as a text, which workers need not read again; a model whose inputs are swept is read for each."""
    if isinstance(source, Source):
        return source
    path = os.fspath(source)
    text = opening.read(path, inputs, variables, **how)
    if text.converted and not all(axis.name == VARIANT or parted(axis.name) for axis in axes):
        return path
    return replace(text, origin=None)


# ---- what is told ------------------------------------------------------------------------------------------------


def _explained(plan: Plan, refusal: Refusal) -> Refusal:
    """With the words of its first point, and the number that this has in the product of all axes."""
    number = refusal.first
    if plan.draws is not None:
        number = 0
        for (place,), axis in zip(plan.draws.places_of(_array(refusal.first)), plan.space.axes, strict=True):
            number = number * len(axis.values) + int(place)
    return Refusal(refusal.code, plan.reason(refusal.first) or refusal.message, number, refusal.count)


def _array(number: int) -> Any:
    import numpy as np

    return np.asarray([number], dtype=np.int64)
