"""Configuration and baselines that mean harm: each is refused in words, and soon."""

from __future__ import annotations

from pathlib import Path

import pytest

from convcalc import SpecError, steps
from convcalc.linting.baseline import read_baseline
from convcalc.linting.configuration import configured, matches
from convcalc.linting.options import UsageError

NINES = "9" * 5000
CONFIGURATIONS = {
    "a whole number of thousands of digits": (f"[lint]\nobject-size = {NINES}\n", "CC011", 2),
    "one in hexadecimal": (f"[lint]\nobject-size = 0x{'f' * 5000}\n", "CC011", 2),
    "a budget of as many": (f"[lint.budgets]\n'*' = {{params = 0x{'f' * 5000}}}\n", "CC011", 2),
    "infinity": ("[lint.budgets]\n'*' = {macs = inf}\n", "CC011", 2),
    "no number": ("[lint]\nobject-size = nan\n", "CC011", 2),
    "lists within lists": (f"[lint]\nselect = {'[' * 5000}\n", "CC001", 3),
    "a list within lists that can be read": (f"[lint]\nselect = {'[' * 100}{']' * 100}\n", "CC011", 2),
    "a key of many parts": (f"{'.'.join(['a'] * 50_000)} = 1\n", "CC008", 0),
    "thousands of unknown keys": ("[lint]\n" + "".join(f"k{number} = 1\n" for number in range(20_000)), "CC008", 0),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_configurations(name: str, tmp_path: Path) -> None:
    text, code, line = CONFIGURATIONS[name]
    path = tmp_path / "convcalc.toml"
    path.write_text(text, "utf-8")
    with steps.run(), pytest.raises(SpecError) as caught:
        configured(str(path))
    assert (caught.value.problems[0].code, caught.value.problems[0].line) == (code, line)


def test_a_pattern_of_many_stars_is_matched_in_as_many_steps_as_it_has_parts_and_places() -> None:
    pattern, path = "**/" * 60 + "*a" * 60 + "b", "a/" * 60 + "a" * 60
    with steps.run(len(pattern) * len(path)):
        assert not matches(pattern, path)
        assert matches(pattern.rstrip("b"), path)


BASELINES = {
    "nested too deep": "[" * 100_000,
    "nested deep in a version": f'{{"version": {"[" * 900}{"]" * 900}, "findings": []}}',
    "a version of thousands of digits": f'{{"version": {NINES}, "findings": []}}',
    "no number": '{"version": NaN, "findings": []}',
    "true": '{"version": true, "findings": []}',
    "a list": "[1]",
    "null": "null",
    "an infinite count": '{"version": 1, "findings": [{"code": "CC206", "path": "a", "layer": "", "count": 1e999}]}',
    "a count below one": '{"version": 1, "findings": [{"code": "CC206", "path": "a", "layer": "", "count": -1}]}',
    "a list as a path": '{"version": 1, "findings": [{"code": "CC206", "path": [[]], "layer": ""}]}',
    "nothing": "",
}


@pytest.mark.parametrize("name", BASELINES)
def test_baselines(name: str, tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(BASELINES[name], "utf-8")
    with steps.run(), pytest.raises(UsageError, match=r"^baseline .*baseline\.json"):
        read_baseline(str(path))


def test_half_a_character_in_a_baseline_can_be_printed(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text('{"version": 1, "findings": [{"code": "CC206", "path": "a", "layer": "\\ud800"}]}', "utf-8")
    [(_, _, layer)] = read_baseline(str(path)).counts
    assert layer == r"\ud800"
