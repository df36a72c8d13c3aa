"""LSTM and simple recurrent layers that are one operator, with all their steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcalc.imports.arrays import PlainArray
from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.layouts import in_file_order
from convcalc.imports.tflite import moving
from convcalc.imports.tflite.values import LiteCall, LiteConstant, LiteValue, drawn
from convcalc.imports.written_numbers import tidy


def _sequence(call: LiteCall) -> tuple[Draft, int | None]:
    """The input as [steps, features], several sequences before these, and the axis of a single one."""
    value = drawn(call, call.value())
    if len(value.shape) != 3:
        raise Inexpressible(f"a tensor of shape {list(value.shape)}, where steps, batch and features are expected")
    place = 1 if call.option("time_major") else 0
    if value.shape[place] == 1:
        value = moving.aligned(call, value, place)
        return in_file_order(call.builder, value.made, call.origins), place
    value = moving.kept(call, value)
    value = moving.turned(call, value, (1, 0, 2)) if place else value
    return in_file_order(call.builder, value.made, call.origins), None


def _leaving(call: LiteCall, draft: Draft, batch: int | None) -> LiteValue:
    made = moving.lying(call, draft, batch)
    return moving.turned(call, made, (1, 0, 2)) if batch is None and call.option("time_major") else made


def _joined(call: LiteCall, constants: Sequence[LiteConstant], shape: tuple[int, ...], role: str) -> PlainArray:
    """Arrays that the file has a gate each, as one."""
    names = [call.array(f"{role}_{place}", constant).made_of for place, constant in enumerate(constants)]
    return PlainArray(shape, tuple(dict.fromkeys(name for made_of in names for name in made_of)))


def _gates(call: LiteCall, first: int) -> list[LiteConstant]:
    """The arrays of the four gates, of which that of the input may be left out."""
    if not call.has(first):
        raise Inexpressible("one gate for what is let in and what is forgotten")
    return [call.constant(first + gate) for gate in range(4)]


class _Weights:
    """The arrays of one direction of an LSTM; `start` is the place of the first of its inputs."""

    def __init__(self, call: LiteCall, start: int) -> None:
        self.inputs, self.states = _gates(call, start), _gates(call, start + 4)
        self.has_peephole = call.has(start + 10)
        self.peepholes = [call.constant(start + 8 + gate) for gate in range(3)] if self.has_peephole else []
        self.biases = _gates(call, start + 11)
        if call.has(start + 15):
            raise Inexpressible("a projection of what leaves")
        hidden, self.features = self.inputs[0].shape
        self.hidden = hidden
        if any(constant.shape != (hidden, self.features) for constant in self.inputs):
            raise Inexpressible("gates of unlike sizes")
        if any(constant.shape != (hidden, hidden) for constant in self.states):
            raise Inexpressible("gates whose states are of another size")


def _lstm(call: LiteCall, ways: Sequence[_Weights]) -> tuple[Draft, int | None]:
    draft, batch = _sequence(call)
    first, count = ways[0], len(ways)
    rows = 4 * first.hidden
    if any(way.hidden != first.hidden or way.features != first.features for way in ways):
        raise Inexpressible("directions of unlike sizes")
    arrays = {
        "weight_ih": _joined(call, [c for way in ways for c in way.inputs], (count, rows, first.features), "kernel"),
        "weight_hh": _joined(call, [c for way in ways for c in way.states], (count, rows, first.hidden), "recurrent"),
        "bias_ih": _joined(call, [c for way in ways for c in way.biases], (count, rows), "bias"),
    }
    word = call.node.activation or "tanh"
    fields: dict[str, Any] = {
        "hidden_size": first.hidden,
        "recurrent_bias": False,
        "direction": "bidirectional" if count > 1 else "forward",
        "activation": word,
        "cell_activation": word,
    }
    if word not in ("tanh", "relu"):
        raise Inexpressible(f"activation {word}")
    if first.has_peephole:
        fields["peephole"] = True
        arrays["weight_peephole"] = _joined(
            call, [c for way in ways for c in way.peepholes], (count, 3 * first.hidden), "peephole"
        )
    if call.option("cell_clip"):
        call.note(f"holds its cell state within {tidy(call.option('cell_clip'))}, which is not counted")
    return call.builder.layer("lstm", fields, [draft], call.origins, arrays), batch


def _one_way(call: LiteCall) -> LiteValue:
    if any(call.has(place) for place in range(20, 24)):
        raise Inexpressible("gates that are normalised")
    return _leaving(call, *_lstm(call, [_Weights(call, 1)]))


def _both_ways(call: LiteCall) -> list[LiteValue]:
    """Both directions, laid end to end or apart."""
    draft, batch = _lstm(call, [_Weights(call, 1), _Weights(call, 18)])
    value = _leaving(call, draft, batch)
    if call.option("merge_outputs"):
        return [value]
    hidden = value.shape[2] // 2
    return [moving.cut(call, value, {2: range(start, start + hidden)}) for start in (0, hidden)]


def _rnn(call: LiteCall) -> LiteValue:
    draft, batch = _sequence(call)
    weight, state, bias = (call.constant(place) for place in (1, 2, 3))
    hidden, features = weight.shape
    if state.shape != (hidden, hidden):
        raise Inexpressible(f"a matrix of shape {list(state.shape)} for {hidden} states")
    word = call.node.activation
    if word not in ("tanh", "relu"):
        raise Inexpressible(f"activation {word or 'none'}")
    arrays = {
        "weight_ih": _joined(call, [weight], (1, hidden, features), "kernel"),
        "weight_hh": _joined(call, [state], (1, hidden, hidden), "recurrent"),
        "bias_ih": _joined(call, [bias], (1, hidden), "bias"),
    }
    fields = {"hidden_size": hidden, "recurrent_bias": False, "activation": word}
    return _leaving(call, call.builder.layer("rnn", fields, [draft], call.origins, arrays), batch)


OPERATORS = {
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _one_way,
    "BIDIRECTIONAL_SEQUENCE_LSTM": _both_ways,
    "UNIDIRECTIONAL_SEQUENCE_RNN": _rnn,
}
