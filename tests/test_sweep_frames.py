"""Sweeps as DataFrames and Parquet files: every cell is the one that the sweep has."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import convcalc
from convcalc import files, frames
from convcalc.extras import NotInstalled
from convcalc.language import Source
from convcalc.sweeping import parquet
from convcalc.sweeping.record import Sweep
from convcalc.sweeping.typed import typed_columns
from convcalc.sweeping.values import exact, text

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")
pyarrow = pytest.importorskip("pyarrow", reason="the extra convcalc[parquet] is not installed")

SPEC = Source(
    "net.yaml",
    "input: [3, 8, 8]\nvariables: {width: 1}\nlayers:\n  - conv: {out_channels: width * 4, kernel_size: 3}\n",
)
SWEEP = convcalc.sweep(SPEC, over=["width=0.25,0.5,2", "input=8,3x9x8"], pareto="macs,-params")
WHOLE = st.integers(-(2**63), 2**63 - 1)
LARGE = st.integers(-(10**37), 10**37)


def fractions(numerators: st.SearchStrategy[int], denominator: int) -> st.SearchStrategy[Any]:
    """As an axis has them, those without a denominator as integers."""
    return numerators.map(lambda number: exact(Fraction(number, denominator)))


VALUES = {
    "whole": WHOLE,
    "some": st.none() | WHOLE,
    "large": LARGE,
    "huge": st.integers(-(10**90), 10**90),
    "decimal": fractions(st.integers(-(10**6), 10**6), 1000),
    "long": fractions(st.integers(-(10**24), 10**24), 10**20),
    "quotient": fractions(st.integers(1, 9), 3),
    "truth": st.booleans(),
    "word": st.sampled_from(["standard", "ghost", "a=b"]),
    "shape": st.lists(st.integers(0, 999), max_size=3).map(tuple),
    "nested": st.lists(st.sampled_from([1, Fraction(1, 2), (1, 2), True]), min_size=1, max_size=3).map(tuple),
    "mixed": st.sampled_from([7, (3, 7, 7), True, "word", Fraction(1, 4)]),
}


@st.composite
def sweeps(draw: st.DrawFn) -> Sweep:
    count = draw(st.integers(0, 6))
    columns: dict[str, Any] = {
        name: draw(st.lists(values, min_size=count, max_size=count)) for name, values in VALUES.items()
    }
    if draw(st.booleans()):
        columns["whole"] = np.array(columns["whole"], dtype=np.int64)
    return replace(SWEEP, columns=columns, like=np.arange(count))


def same(cell: Any, value: Any) -> bool:
    """Whether a cell holds a value: the very number, the items of a list, or its text where it is none of these."""
    if hasattr(cell, "tolist"):
        cell = cell.tolist()
    if value is None:
        return cell is None or cell is pandas.NA
    if isinstance(cell, str):
        return cell == (value if isinstance(value, str) else text(value))
    if isinstance(cell, list):
        return cell == list(value)
    if isinstance(cell, float):
        return bool(Fraction(str(cell)) == value)
    return (
        isinstance(cell, int | Decimal)
        and Fraction(cell) == value
        and isinstance(cell, bool) == isinstance(value, bool)
    )


def check(table: dict[str, list[Any]], sweep: Sweep) -> None:
    assert list(table) == [*sweep.columns, "alike"]
    for name, cells in {**sweep.columns, "alike": sweep.like}.items():
        values = cells.tolist() if isinstance(cells, np.ndarray) else cells
        assert len(table[name]) == len(values)
        for cell, value in zip(table[name], values, strict=True):
            assert same(cell, value), (name, cell, value)
    for name in ("whole", "large", "decimal", "long"):
        assert not any(isinstance(cell, str) for cell in table[name]), name


@given(sweeps())
def test_every_cell_of_a_dataframe(sweep: Sweep) -> None:
    frame = sweep.to_dataframe()
    assert isinstance(frame, pandas.DataFrame)
    check({name: list(frame[name]) for name in frame.columns}, sweep)
    other = frames._in_polars(typed_columns(sweep))
    check({name: other[name].to_list() for name in other.columns}, sweep)


@settings(max_examples=25)
@given(sweeps())
def test_every_cell_of_a_file(sweep: Sweep) -> None:
    from pyarrow.parquet import read_table

    table = read_table(io.BytesIO(b"".join(parquet.parts(sweep))))
    check(table.to_pydict(), sweep)


def test_types_are_those_that_programs_work_with(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = SWEEP.to_dataframe()
    assert {name: str(frame[name].dtype) for name in ("width", "macs", "alike")} == {
        "width": "float64", "macs": "int64", "alike": "int64",
    }  # fmt: skip
    assert frame.sort_values("macs")["width"].iloc[0] == 0.25
    assert list(frame["output"].iloc[0]) == list(SWEEP.columns["output"][0])
    monkeypatch.setattr(frames, "find_spec", lambda name: None if name == "pandas" else name)
    assert isinstance(SWEEP.to_dataframe(), polars.DataFrame)
    monkeypatch.setattr(frames, "find_spec", lambda name: None)
    with pytest.raises(NotInstalled, match="pip install pandas"):
        SWEEP.to_dataframe()


def test_a_file_is_of_several_parts_and_says_what_it_is_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_AT_ONCE", 2)
    path = tmp_path / "rows.parquet"
    files.write(str(path), parquet.parts(SWEEP))
    read = pyarrow.parquet.ParquetFile(path)
    assert read.num_row_groups == (read.metadata.num_rows + 1) // 2 > 1
    about = json.loads(read.schema_arrow.metadata[b"convcalc"])
    assert about["pareto"] == ["macs", "-params"]
    assert (about["points"], about["done"], about["satisfying"]) == (6, 6, SWEEP.satisfying)
    assert str(read.schema_arrow.field("width").type) == "decimal128(3, 2)"
    with pytest.raises(files.Unwritable):
        files.write(str(path), parquet.parts(SWEEP))


def test_what_to_install_for_a_file_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convcalc.extras.find_spec", lambda name: None)
    with pytest.raises(NotInstalled, match=r"pip install 'convcalc\[parquet\]'"):
        parquet.parts(SWEEP)
