"""What is kept of a run of points, against all of them; and sweeps of networks, against all rows of their plans."""

from __future__ import annotations

import io
import pickle
import random
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from conftest import MANY
from formula_plan import FormulaPlan, everything
from hypothesis import given, settings
from hypothesis import strategies as st

import convcalc
from convcalc.language import Source, SpecError, loads
from convcalc.sweeping import kept as keeping
from convcalc.sweeping import run as running
from convcalc.sweeping.driving import known
from convcalc.sweeping.kept import KeptRows, TooManyRows, WantedRows, nothing_yet
from convcalc.sweeping.plan import Plan
from convcalc.sweeping.point_blocks import PointBlock, Refusal
from convcalc.sweeping.ranges import axes_of
from convcalc.sweeping.record import Sweep
from convcalc.sweeping.refused import refused_points

SPEC = Source(
    "small.yaml",
    """name: small
input: [4, 24, 24]
variables: {width: 1, groups: 1, depths: [1, 1], idle: 3}
layers:
  - conv: {name: stem, out_channels: width * 8, kernel_size: 3, groups: groups, bias: false}
  - conv: {name: body, out_channels: 12, kernel_size: 3, repeat: "depths[1]", padding: 1}
  - max_pool: {kernel_size: 5}
""",
)
OVER = ("width=0.25:2:0.25", "input=5,8,12,16", "groups=1,2,3", "depths=[1,1],[2,1],[1,3]")
WANTED = {
    "front": WantedRows(2, 2, refused=7),
    "front, sorted and cut": WantedRows(2, 1, top=3, refused=7),
    "top": WantedRows(2, top=25, refused=7),
    "sorted": WantedRows(2, refused=7),
    "none": WantedRows(0, top=9),
}


# ---- what is kept ------------------------------------------------------------------------------------------------


def last(states: Iterable[KeptRows]) -> KeptRows:
    *_, state = states
    return state


def told(kept: KeptRows) -> tuple[Any, ...]:
    """All that is known, plainly."""
    rows = kept.rows()
    keys = [key.tolist() for key in rows.keys]
    return (
        kept.points,
        kept.satisfying,
        kept.refused,
        kept.refusals(20),
        rows.numbers.tolist(),
        keys,
        rows.like.tolist(),
    )


def brute_rows(points: list[tuple[int, int, int]], wanted: WantedRows) -> tuple[list[int], list[int]]:
    """The numbers that are kept, in order, and how many further points each stands for."""
    like = dict.fromkeys((number for number, *_ in points), 0)
    if wanted.objectives == 2:
        least, front, group = 10**9, [], dict[tuple[int, int], int]()
        for number, first, second in sorted(points, key=lambda point: (point[1], point[2], point[0])):
            if second < least:
                least = second
                front.append((number, first, second))
                group[first, second] = number
            elif (first, second) in group:
                like[group[first, second]] += 1
        points = front
    elif wanted.objectives == 1:
        best = min(first for _, first, _ in points)
        equal = [point for point in points if point[1] == best]
        points, like[equal[0][0]] = equal[:1], len(equal) - 1
    order = sorted(points, key=lambda point: (*point[1 + wanted.objectives :][: wanted.keys], point[0]))
    if not wanted.keys:
        order = sorted(points)
    numbers = [number for number, *_ in order[: wanted.top]]
    return numbers, [like[number] for number in numbers]


class Keyless(FormulaPlan):
    def block(self, first: int, count: int) -> PointBlock:
        block = super().block(first, count)
        return PointBlock(block.points, block.numbers, (), block.refusals)


@pytest.mark.parametrize("name", WANTED)
def test_what_is_kept_of_many_points(name: str) -> None:
    wanted = WANTED[name]
    points = 1_000_000 if name == "front" or MANY else 60_000
    plan = (FormulaPlan if wanted.keys else Keyless)(points=points, every=points // 20 + 1)
    kept = last(known(plan, wanted, 0, plan.points))
    rows = kept.rows()
    satisfying = everything(plan)
    assert (rows.numbers.tolist(), rows.like.tolist()) == brute_rows(satisfying, wanted)
    assert (kept.points, kept.satisfying) == (plan.points, len(satisfying))
    refused = [number for number in range(plan.points) if plan.reason(number)]
    assert kept.refused == len(refused)
    assert [(refusal.first, refusal.count) for refusal in kept.refusals(20)] == [
        (ours[0], len(ours)) for parity in (0, 1) if (ours := [number for number in refused if number % 2 == parity])
    ]
    expected = tuple(({"place": number}, plan.reason(number)) for number in refused[: wanted.refused])
    assert refused_points(plan, kept.stretches, wanted.refused) == expected


@settings(max_examples=30)
@given(st.data(), st.sampled_from(sorted(WANTED)), st.integers(2, 40))
def test_parts_are_merged_to_the_same_in_any_order(data: st.DataObject, name: str, every: int) -> None:
    wanted = WANTED[name]
    plan = (FormulaPlan if wanted.keys else Keyless)(points=3_000, every=every, chunk=500)
    kept = last(known(plan, wanted, 0, plan.points))
    cuts = sorted(data.draw(st.lists(st.integers(0, plan.points), max_size=5)))
    parts = [nothing_yet(wanted)]
    for first, end in zip([0, *cuts], [*cuts, plan.points], strict=True):
        if first < end:
            part = last(known(plan, wanted, first, end))
            parts.append(part.settled() if data.draw(st.booleans()) else part)
    while len(parts) > 1:
        parts = data.draw(st.permutations(parts))
        parts = [parts[0].merged(parts[1]), *parts[2:]]
    assert told(parts[0]) == told(kept)
    reasons = refused_points(plan, kept.stretches, wanted.refused)
    assert refused_points(plan, parts[0].stretches, wanted.refused) == reasons
    refused = [number for number in range(plan.points) if plan.reason(number)]
    assert [point["place"] for point, _ in reasons] == refused[: wanted.refused]


def test_what_is_kept_is_not_more_for_more_points() -> None:
    """A billion points would be as many blocks as these: each has all that is wanted anew, and some more to forget."""
    generator = random.Random(3)
    for wanted in (WantedRows(2, 2, refused=5), WantedRows(2, top=100, refused=5)):
        kept, sizes = nothing_yet(wanted), []
        for number in range(200):
            keys = tuple(np.array([generator.randrange(10**9) for _ in range(200)]) for _ in range(2))
            refusals = tuple(
                Refusal("CC1", f"layer{number}.{kind}: size {number} is no {kind}x{kind}", number * 200, 1)
                for kind in range(8)
            )
            kept = kept.added(PointBlock(208, np.arange(200) + number * 200, keys, refusals), number * 200)
            sizes.append(len(pickle.dumps(kept)))
        assert max(sizes[130:]) < 1.2 * max(sizes[:130]) + 50_000
        assert len(kept.kinds) <= keeping._MOST_KINDS
        assert kept.refused == 1_600
        assert len(kept.stretches) == 1


def test_more_rows_than_are_kept_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MOST_ROWS", 10_000)
    plan = FormulaPlan(points=100_000)
    with pytest.raises(TooManyRows):
        last(known(plan, WantedRows(2), 0, plan.points))
    with pytest.raises(TooManyRows):
        last(known(plan, WantedRows(2, top=20_000), 0, plan.points))
    assert last(known(plan, WantedRows(2, top=10_000), 0, plan.points)).rows().size == 10_000
    assert last(known(plan, WantedRows(2), 0, 14_000)).rows().size < 10_000


@pytest.mark.parametrize(
    ("messages", "kinds"),
    [
        (["a.1: size 3 of 4x5 is not 2", "a.1: size 1,003 of 4 is not -7"], 1),
        (["a.1: size 3", "a.2: size 3"], 2),
        (["conv1: no 3", "conv2: no 3"], 2),
        (["a: groups 2; legal here: 1", "a: groups 3; legal here: 1, 3"], 1),
        (["a: one of 1, 2, 3", "a: one of 7"], 1),
    ],
)
def test_reasons_that_differ_in_sizes_are_told_together(messages: list[str], kinds: int) -> None:
    kept = nothing_yet(WantedRows(0))
    for number, message in enumerate(messages):
        kept = kept.added(PointBlock(1, np.arange(0), (), (Refusal("CC1", message, number, 1),)), number)
    assert len(kept.refusals(9)) == kinds
    assert kept.refusals(9)[0].message == messages[0]


def test_a_quotient_of_nothing_is_the_worst() -> None:
    kept = nothing_yet(WantedRows(1, 1)).added(PointBlock(3, np.arange(3), (np.array([np.nan, 2.0, np.inf]),)), 0)
    assert kept.rows().numbers.tolist() == [1]


def test_blocks_grow_while_they_are_quick_and_begin_where_chunks_do() -> None:
    asked = []

    class Asked(FormulaPlan):
        def block(self, first: int, count: int) -> PointBlock:
            asked.append((first, count))
            return super().block(first, count)

    plan = Asked(points=20_000, chunk=3_000)
    last(known(plan, WantedRows(2, 2), 0, plan.points))
    assert sum(count for _, count in asked) == 20_000
    assert asked[:3] == [(0, 1_024), (1_024, 1_976), (3_000, 3_000)]
    assert all(first % 3_000 == 0 for first, _ in asked[2:])


# ---- sweeps of networks ------------------------------------------------------------------------------------------


def every_row(over: Sequence[str] = OVER, **options: Any) -> list[dict[str, Any]]:
    """All points of a sweep that are not refused, in full, with their numbers."""
    plan = Plan(SPEC, axes_of(over), field=True, **options)
    columns = plan.rows(range(plan.points))
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    return [{"number": number, **row} for number, row in enumerate(rows) if row["macs"] is not None]


KEYS: dict[str, Any] = {
    "macs": lambda row: row["macs"],
    "-params": lambda row: -row["params"],
    "peak_activation_bytes": lambda row: row["peak_activation_bytes"],
    "-receptive_field": lambda row: -row["receptive_field"],
    "-width": lambda row: -row["width"],
    "macs * 2 + params": lambda row: row["macs"] * 2 + row["params"],
}
CONDITIONS: dict[str, Any] = {
    "": lambda row: True,
    "macs <= 300K and width < 1.75": lambda row: row["macs"] <= 300_000 and row["width"] < Fraction(7, 4),
    "params < 0": lambda row: False,
}


def brute_sweep(
    where: str, pareto: Sequence[str], sort: Sequence[str], top: int | None, **options: Any
) -> tuple[list[dict[str, Any]], list[int]]:
    rows = [row for row in every_row(**options) if CONDITIONS[where](row)]
    ranks = [tuple(KEYS[key](row) for key in pareto) for row in rows]
    like = [0] * len(rows)
    if pareto:
        chosen = [
            place
            for place, rank in enumerate(ranks)
            if ranks.index(rank) == place
            and not any(other != rank and all(a <= b for a, b in zip(other, rank, strict=True)) for other in ranks)
        ]
        like = [ranks.count(ranks[place]) - 1 for place in chosen]
        rows = [rows[place] for place in chosen]
    order = sorted(range(len(rows)), key=lambda place: tuple(KEYS[key](rows[place]) for key in sort))[:top]
    return [rows[place] for place in order], [like[place] for place in order]


def listed(sweep: Sweep) -> list[dict[str, Any]]:
    columns = {name: getattr(cells, "tolist", lambda cells=cells: cells)() for name, cells in sweep.columns.items()}
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


@settings(max_examples=12)
@given(
    st.sampled_from(sorted(CONDITIONS)),
    st.lists(st.sampled_from(sorted(KEYS)), max_size=4, unique=True),
    st.lists(st.sampled_from(sorted(KEYS)), max_size=2, unique=True),
    st.sampled_from([None, 1, 7]),
    st.sampled_from([None, 40, 10_000]),
)
def test_what_is_kept_of_a_network(
    where: str, pareto: list[str], sort: list[str], top: int | None, sample: int | None
) -> None:
    sweep = convcalc.sweep(
        SPEC, over=OVER, where=where, pareto=",".join(pareto), sort=sort, top=top, sample=sample, seed=3
    )
    rows, like = brute_sweep(where, pareto, sort, top, sample=sample, seed=3)
    has_field = any("receptive_field" in key for key in (*pareto, *sort))
    names = sweep.columns.keys()
    assert ("receptive_field" in names) == has_field
    assert listed(sweep) == [{name: row[name] for name in names} for row in rows]
    assert sweep.like.tolist() == like
    assert sweep.points == sweep.done == min(sample or 288, 288)
    assert sweep.satisfying == sum(map(CONDITIONS[where], every_row(sample=sample, seed=3)))
    assert sweep.satisfying + sweep.refused <= sweep.points


def test_refused_points_are_those_that_load_refuses() -> None:
    sweep = convcalc.sweep(SPEC, over=OVER, refused=500)
    plan = Plan(SPEC, axes_of(OVER))
    expected = [(plan.point(number), reason) for number in range(plan.points) if (reason := plan.reason(number))]
    assert list(sweep.refused_points) == expected
    assert sweep.refused == len(expected) == sum(refusal.count for refusal in sweep.refusals)
    assert sweep.satisfying == sweep.points - len(expected)
    assert [refusal.count for refusal in sweep.refusals] == sorted(
        (refusal.count for refusal in sweep.refusals), reverse=True
    )
    for refusal in sweep.refusals:
        assert refusal.message == plan.reason(refusal.first)
    assert convcalc.sweep(SPEC, over=OVER, refused=3).refused_points == tuple(expected[:3])


def test_the_first_refused_point_of_a_sample_is_told_by_its_number_in_the_product() -> None:
    sweep = convcalc.sweep(SPEC, over=OVER, sample=50, refused=50)
    plan = Plan(SPEC, axes_of(OVER))
    assert sweep.refusals
    for refusal in sweep.refusals:
        assert plan.reason(refusal.first) == refusal.message
    assert (plan.point(sweep.refusals[0].first), sweep.refusals[0].message) in sweep.refused_points


def test_what_moves_nothing_is_said() -> None:
    assert convcalc.sweep(SPEC, over=["idle=1,2,3", "width=1,2"]).unmoved == ("idle",)


def test_costs_of_layers_that_are_asked_for_are_columns() -> None:
    sweep = convcalc.sweep(SPEC, over=["width=1,2"], pareto=["-macs(stem)"], sort=["params(body*)"])
    report = convcalc.analyze(loads(SPEC, variables={"width": "2"}))
    costs = {layer.name: layer for layer in report.layers}
    assert sweep.columns["macs(stem)"].tolist() == [costs["stem"].macs]
    assert sweep.columns["params(body*)"].tolist() == [sum(costs[name].params for name in costs if "body" in name)]


def test_python_says_what_is_swept_in_its_own_values() -> None:
    over = {"width": [0.5, 1], "input": range(8, 17, 4), "depths": [(1, 1), (1, 3)]}
    sweep = convcalc.sweep(SPEC, over=over, sort="macs")
    texts = convcalc.sweep(SPEC, over=["width=0.5,1", "input=8,12,16", "depths=[1,1],[1,3]"], sort="macs")
    assert listed(sweep) == listed(texts)
    assert sweep.columns["width"][:1] == [Fraction(1, 2)]


# ---- how a run ends ----------------------------------------------------------------------------------------------


def test_an_interrupt_gives_what_is_known_so_far() -> None:
    calls: list[tuple[int, int, int]] = []

    def interrupt(done: int, points: int, refused: int) -> None:
        calls.append((done, points, refused))
        if done >= 3_000:
            raise KeyboardInterrupt

    over = ["width=0.25:2:0.0001", "groups=1,3"]
    sweep = convcalc.sweep(SPEC, over=over, pareto="macs,-params", sort="-params", refused=2, progress=interrupt)
    assert sweep.is_partial
    assert (sweep.done, sweep.points, sweep.refused) == calls[-1]
    assert 3_000 <= sweep.done < sweep.points == 35_002
    assert sweep.unmoved == ()
    done = every_row(over)[: sweep.satisfying]
    best = {row["params"]: row["macs"] for row in reversed(done)}
    assert all(best[row["params"]] >= row["macs"] for row in listed(sweep))
    assert max(best) == listed(sweep)[0]["params"]
    reasons = list(filter(None, map(Plan(SPEC, axes_of(over)).reason, range(8))))
    assert [reason for _, reason in sweep.refused_points] == reasons[:2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"over": []}, "expected something to sweep, found nothing"),
        ({"over": ["width=1:1000000", "idle=1:1000000", "groups=1:1200"]}, "1.2e15 points are more than the 1e12"),
        ({"over": ["width=1:1000000:1", "idle=1:1000000:1", "groups=1:9:1"], "sample": 2 * 10**12}, "2e12 points are"),
        ({"over": ["width=1"], "top": 0}, "expected at least 1"),
        ({"over": ["width=1"], "seed": -1}, "expected at least 0"),
        ({"over": ["wdth=1"]}, "no variable or input `wdth`"),
        ({"over": ["width=1"], "sort": "a,,b"}, "expected a name on both sides"),
        ({"over": ["width=1"], "pareto": "mac"}, "`mac` is no total"),
    ],
)  # fmt: skip
def test_what_cannot_be_swept_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        convcalc.sweep(SPEC, **options)
    (problem,) = caught.value.diagnostics
    assert message in problem.message
    assert problem.line == 1


def test_more_rows_than_are_kept_say_what_to_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MOST_ROWS", 1_000)
    with pytest.raises(SpecError) as caught:
        convcalc.sweep(SPEC, over=["idle=1:1200:1"])
    assert "--top" in caught.value.diagnostics[0].help
    with pytest.raises(SpecError) as caught:
        convcalc.sweep(SPEC, over=["idle=1:1200:1"], pareto="idle,-idle")
    assert "--where" in caught.value.diagnostics[0].help
    assert len(convcalc.sweep(SPEC, over=["idle=1:1200:1"], top=5).columns["macs"]) == 5


@given(st.integers(1, 10**40))
def test_about_so_many_is_not_more(count: int) -> None:
    about, last_digit = Fraction(running._about(count)), Fraction(10 ** max(len(str(count)) - 2, 0))
    assert about <= count < about + last_digit


def test_a_spec_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read from a pipe is there once only, and a run that is cut short makes its plan anew."""
    stdin = io.TextIOWrapper(io.BytesIO(SPEC.text.encode()), "utf-8")
    monkeypatch.setattr("sys.stdin", stdin)

    def interrupt(*_: int) -> None:
        raise KeyboardInterrupt

    sweep = convcalc.sweep("-", over=["width=0.25:2:0.0001"], top=1, progress=interrupt)
    assert sweep.is_partial
    assert sweep.columns["width"] == [Fraction(1, 4)]
