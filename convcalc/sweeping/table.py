"""The rows that are kept, as columns: all that is known of each point."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from convcalc.sweeping.driving import PointSource
from convcalc.sweeping.rows import Rows
from convcalc.sweeping.totals import OUTPUT

_AT_ONCE = 2**13
"""Rows that are worked out together: as Python's numbers they take far more memory than in the columns."""
_OF_LAYERS = re.compile(r"(-?)\s*((?:macs|params)\([^()]*\))\s*")
"""A key that is a cost of some layers, which is among the totals that are shown."""


def columns_of(plan: PointSource, rows: Rows, keys: Sequence[str]) -> dict[str, Any]:
    """The columns of some points: int64 where all fit, else lists of exact values."""
    parts: dict[str, list[Any]] = {} if rows.size else {name: [] for name in plan.rows([0])}
    for start in range(0, rows.size, _AT_ONCE):
        piece = plan.rows(rows.numbers[start : start + _AT_ONCE].tolist())
        for name, cells in piece.items():
            parts.setdefault(name, []).append(_compact(cells))
    columns = {name: _joined(name, pieces) for name, pieces in parts.items()}
    for key, values in zip(keys, rows.keys, strict=True):
        match = _OF_LAYERS.fullmatch(key)
        if match is not None:
            columns[match[2]] = -values if match[1] else values
    return columns


def _compact(cells: list[Any]) -> Any:
    if set(map(type, cells)) == {int} and -(2**63) <= min(cells) <= max(cells) < 2**63:
        return np.array(cells, dtype=np.int64)
    return cells


def _joined(name: str, pieces: list[Any]) -> Any:
    if pieces and all(isinstance(piece, np.ndarray) for piece in pieces):
        return np.concatenate(pieces)
    cells = [cell for piece in pieces for cell in (piece.tolist() if isinstance(piece, np.ndarray) else piece)]
    if name != OUTPUT and not set(map(type, cells)) <= {int, Fraction}:
        return cells
    kept: dict[Any, Any] = {}
    return [kept.setdefault(cell, cell) for cell in cells]  # equal ones once: they may be a million
