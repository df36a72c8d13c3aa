"""Specs with mistakes in `convcalc compare --format json`: they stand in the documents, as those of analyze do."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from command_line import application
from typer.testing import CliRunner

TEXTS = {
    "good": "input: [2, 4, 4]\nlayers: [conv: {out_channels: 3, kernel_size: 1}, relu]\n",
    "bad": "input: [2, 4, 4]\nlayers:\n  - conv: {out_channels: 3, kernel_size: 1}\n  - max_pool: 9\n  - relu\n",
    "worse": "input: [2, 4\n",
}


@pytest.fixture(autouse=True)
def _specs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in TEXTS.items():
        Path(name).write_text(text, "utf-8")


def documents(*arguments: str) -> tuple[int, Any, str]:
    result = CliRunner().invoke(application(), [*arguments, "--format", "json"])
    return result.exit_code, json.loads(result.stdout), result.stderr


@pytest.mark.parametrize("names", [names for names in product(TEXTS, repeat=2) if names != ("good", "good")])
def test_a_bad_side_has_what_analyze_says_of_it(names: tuple[str, str]) -> None:
    code, compared, text = documents("compare", *names)
    assert code == 2
    assert "diff" not in compared
    for name, document in zip(names, (compared["base"], compared["head"]), strict=True):
        _, alone, _ = documents("analyze", name)
        assert document == alone
        assert ("errors" in document) is (name != "good")
        assert all(
            f"{error['line']}:{error['column']}: error[{error['code']}]" in text for error in alone.get("errors", [])
        )


def test_a_bad_one_among_several() -> None:
    code, compared, _ = documents("compare", "good", "bad", "good", "none.yaml")
    assert code == 2
    assert [head["label"] for head in compared["heads"]] == ["bad", "good", "none.yaml"]
    assert [bool(head["head"].get("errors")) for head in compared["heads"]] == [True, False, True]
    assert {head["diff"] for head in compared["heads"]} == {None}


def test_a_bad_spec_has_no_variants() -> None:
    code, compared, _ = documents("compare", "bad", "--variant", "separable")
    assert (code, compared["base"]["errors"][0]["code"]) == (2, "CC101")
    assert "head" not in compared
