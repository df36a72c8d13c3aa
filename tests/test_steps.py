"""The steps of a run: what is spent is gone, what cannot be afforded is not spent, a part leaves the rest."""

from __future__ import annotations

import pytest

from convcalc import steps


def test_what_cannot_be_afforded_costs_nothing() -> None:
    with steps.run(10):
        assert steps.afford(7)
        assert not steps.afford(4)
        assert steps.afford(3)
        with pytest.raises(steps.OutOfSteps, match="steps that one run may take"):
            steps.spend(1)


def test_a_part_spends_from_the_whole_and_leaves_the_rest() -> None:
    with steps.run(100):
        with steps.part(0.5):
            assert not steps.afford(51)
            steps.spend(50)
            with pytest.raises(steps.OutOfSteps):
                steps.spend(1)
        steps.spend(50)
        assert not steps.afford(1)


def test_a_run_within_a_run_counts_anew_and_the_outer_goes_on() -> None:
    with steps.run(10):
        steps.spend(10)
        with steps.run(5):
            steps.spend(5)
        assert not steps.afford(1)


def test_outside_of_a_run_nothing_is_counted() -> None:
    assert steps.afford(10**30)
    with steps.part(0.5):
        steps.spend(10**30)


def test_what_can_be_left_out_spends_what_is_beyond_the_share_of_the_rest() -> None:
    with steps.run(90):
        with steps.spare(1 / 3):
            steps.spend(60)
            assert not steps.afford(1)
        steps.spend(20)
        with steps.spare(1 / 3):
            assert not steps.afford(1)
        assert steps.afford(10)
