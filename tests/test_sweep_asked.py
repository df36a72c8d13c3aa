"""What is asked of the points of a sweep, where some of them have no answer, or names mean two things."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import pytest
from swept import differing

import convcalc
from convcalc.language import Source, SpecError
from convcalc.sweeping.axes import Axis

NET = Source(
    "<spec>",
    "input: [3, 16, 16]\nvariables: {width: 8, times: 1}\nlayers:\n"
    "  - conv: {name: stem, out_channels: width, kernel_size: 3}\n"
    "  - conv: {name: more, out_channels: 8, kernel_size: 1, repeat: times}\n",
)


@pytest.mark.parametrize("widths", ["8,16", "16,8"])
def test_points_at_which_what_is_asked_has_no_value_stop_nothing(widths: str) -> None:
    """Whichever is met first."""
    result = convcalc.sweep(NET, over=[f"width={widths}"], sort="macs / (width - 8)", refused=9)
    assert (result.refused, result.columns["width"].tolist()) == (1, [16])
    assert [refusal.message for refusal in result.refusals] == ["--sort: division by zero"]
    assert result.refused_points == (({"width": 8}, "--sort: division by zero"),)


def test_what_has_a_value_nowhere_is_a_mistake() -> None:
    with pytest.raises(SpecError, match="division by zero"):
        convcalc.sweep(NET, over=["width=8,16"], where="macs / (width - width) > 1")


def test_layers_that_are_there_at_some_points_are_asked_for() -> None:
    result = convcalc.sweep(NET, over=["times=1:3"], sort="-macs(more.2)")
    assert result.columns["macs(more.2)"].tolist() == [8 * 8 * 14 * 14, 0, 0]
    with pytest.raises(SpecError, match="no layer or block"):
        convcalc.sweep(NET, over=["times=1:3"], sort="-macs(more.3)")


def test_what_no_point_satisfies_has_the_columns_of_what_some_do() -> None:
    columns = [
        list(convcalc.sweep(NET, over=["width=8,16"], where=where, sort="macs(stem)").columns)
        for where in ("macs > 0", "macs < 0")
    ]
    assert columns[0] == columns[1]


def test_what_decides_on_refusals_does_change_something() -> None:
    assert convcalc.sweep(NET, over=["stem.groups=1,2"]).unmoved == ()


@pytest.mark.parametrize("name", ["params", "output", "receptive_field"])
def test_a_variable_called_as_a_total_is_not_swept(name: str) -> None:
    """Of two things of one name only one could be asked for and shown."""
    spec = NET.text.replace("width", name)
    with pytest.raises(SpecError, match="what a total is called"):
        convcalc.sweep(Source("<spec>", spec), over=[f"{name}=8,16"])


def test_a_variable_called_variant_is_one() -> None:
    spec = Source("<spec>", NET.text.replace("width", "variant"))
    assert differing(spec, [Axis("variant", [1, 8, 9]), Axis("times", [1, 2])], random.Random(0)) == []


@pytest.mark.parametrize(
    "expression", ["min(width ** 20, 64)", "min(width ** times, 64)", "round(64 / width ** 20) + 1"]
)
def test_numbers_too_large_at_some_points_are_refused_there_alone(expression: str) -> None:
    spec = Source("<spec>", NET.text.replace("out_channels: width", f"out_channels: '{expression}'"))
    axes = [Axis("width", [1, 2, 3, 7000, 100_000, Fraction(1, 3)]), Axis("times", [1, 2, 60])]
    assert differing(spec, axes, random.Random(0), count=18) == []


@pytest.mark.parametrize(
    ("where", "advice"),
    [
        ("macs = 3", "write == for ="),
        ("macs <= 3M && params <= 4K", "write and for &"),
        ("macs != 3 || !(params == 4)", "write or for |, not for !"),
        ("macs ^ 2 >= 4", "write ** for ^"),
        ("macs >= 3 and", ""),
    ],
)
def test_signs_of_other_languages(where: str, advice: str) -> None:
    with pytest.raises(SpecError) as error:
        convcalc.sweep(NET, over=["width=8,16"], where=where)
    diagnostic: Any = error.value.diagnostics[0]
    assert (diagnostic.help or "") == advice
