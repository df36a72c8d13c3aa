"""Recurrent layers: the steps, and the states that enter before the first and leave behind the last."""

from __future__ import annotations

from functools import partial
from typing import Any

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import CannotImport, Inexpressible
from convcalc.imports.ncnn.operators import NcnnCall

_DIRECTIONS = {0: "forward", 1: "reverse", 2: "bidirectional"}


def _recurrent(call: NcnnCall, kind: str, gates: int) -> list[Draft]:
    node, x = call.node, call.x
    size, direction = node.integer(0), _DIRECTIONS.get(node.integer(2))
    if direction is None or len(x.shape) != 2 or size < 1:  # steps and features
        raise Inexpressible(f"direction {node.integer(2)} over a blob of shape {list(x.shape)}")
    if kind == "lstm" and node.integer(3, size) != size:
        raise Inexpressible("a hidden state that is projected")
    ways = 2 if direction == "bidirectional" else 1
    if node.integer(1) != ways * gates * size * x.shape[-1]:
        raise CannotImport(f"{x.shape[-1]} features enter, and 1={node.integer(1)} weights are for others")
    arrays: dict[str, tuple[int, ...]] = {
        "weight_ih": (ways, gates * size, x.shape[-1]), "weight_hh": (ways, gates * size, size),
        "bias_ih": (ways, gates * size),
    }  # fmt: skip
    fields: dict[str, Any] = {"hidden_size": size, "direction": direction, "recurrent_bias": False}
    if kind == "gru":  # a bias of its own for what is made of the state in the candidate
        fields["recurrent_bias"] = True
        arrays["bias_hh"] = (ways, gates * size)
        call.builder.notes.append(
            f"{node.operator} {node.title} holds {ways * 2 * size:,} numbers fewer than are counted: "
            "of two gates it has the sum of both biases"
        )
    states = [call.reshaped(state, (ways * size,)) for state in call.inputs[1:]]
    y = call.layer(kind, fields, x, *states, arrays=arrays)
    leaving = len(node.line.tops)
    return [y, *([_last_state(call, y, ways)] if leaving > 1 else []), *_last_cell(call, y, ways)[: leaving - 2]]


def _last_state(call: NcnnCall, y: Draft, ways: int) -> Draft:
    """The hidden state behind the last step, a row for each way; the last step taken backwards is the first."""
    steps, features = y.shape
    is_reverse = call.node.integer(2) == 1
    rows = []
    for way in range(ways):
        part = y if ways == 1 else call.layer("split", {"sections": ways, "part": way, "axis": 1}, y)
        place = {"end": 1} if way == 1 or is_reverse else {"start": steps - 1}
        rows.append(call.layer("slice", place, part) if steps > 1 else part)
    return call.layer("concat", {}, *rows) if ways > 1 else call.reshaped(rows[0], (1, features))


def _last_cell(call: NcnnCall, y: Draft, ways: int) -> list[Draft]:
    shape = (ways, y.shape[1] // ways)
    return [call.builder.unknown(shape, [y], call.node, "the last cell state, which is none of the steps")]


OPERATORS = {
    "LSTM": partial(_recurrent, kind="lstm", gates=4),
    "GRU": partial(_recurrent, kind="gru", gates=3),
    "RNN": partial(_recurrent, kind="rnn", gates=1),
}
