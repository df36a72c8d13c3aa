"""Recurrent layers as PyTorch names and lays out their arrays: one for each direction, and gates in another order.

What is `weight_ih` of both directions here is ``weight_ih_l0`` and ``weight_ih_l0_reverse`` there. The gates of an LSTM
are i, f, c, o there and i, o, f, c here; those of a GRU r, z, n and z, r, n.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from convcalc.layers import Array, Kind

IN_PARTS: dict[str, tuple[int, ...]] = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn": (0,)}
"""Kinds that PyTorch has in parts: of the gates here, which they are there."""

_WAYS = {"forward": ("",), "reverse": ("_reverse",), "bidirectional": ("", "_reverse")}


def parts_of(config: Kind, array: str) -> list[str]:
    """The names that PyTorch has for an array of a recurrent layer; none for other arrays.

    A GRU with its reset gate before the product is none of PyTorch's.
    """
    config_: Any = config
    if array not in ("weight_ih", "weight_hh", "bias_ih", "bias_hh") or not getattr(config, "reset_after", True):
        return []
    return [f"{array}_l0{way}" for way in _WAYS.get(config_.direction, ())]


def assembled(kind: str, array: str, parts: Sequence[Array]) -> Array:
    """The array of all directions, its gates in the order that the kinds have them."""
    order = IN_PARTS[kind]
    if any(part.ndim < 1 or part.shape[0] % len(order) for part in parts):
        return np.stack(parts)
    gates = [np.split(part, len(order)) for part in parts]
    return np.stack([np.concatenate([of_way[place] for place in order]) for of_way in gates])
