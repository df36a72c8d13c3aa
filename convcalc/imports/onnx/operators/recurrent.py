"""LSTM, GRU and RNN, whose outputs have an axis of directions, and ONNX Runtime's LSTM with weights of 8 bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convcalc.imports.drafts import INPUT, Draft
from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx import constants
from convcalc.imports.onnx.constants import Constant
from convcalc.imports.onnx.values import Call, Value, parameter, viewed
from convcalc.imports.written_numbers import tidy
from convcalc.layers import Shape
from convcalc.layers._functions import FUNCTIONS, OWN_NUMBERS
from convcalc.layers._recurrent import DIRECTIONS

_NAMES = {operator.lower(): name for name, (operator, _) in FUNCTIONS.items()}
"""The functions of a step, by ONNX's word."""

_GATES = {"lstm": 4, "gru": 3, "rnn": 1}
_FIELDS = {
    "lstm": ("gate_activation", "activation", "cell_activation"),
    "gru": ("gate_activation", "activation"),
    "rnn": ("activation",),
}
_USUAL = {"lstm": ("Sigmoid", "Tanh", "Tanh"), "gru": ("Sigmoid", "Tanh"), "rnn": ("Tanh",)}


_ZEROS = (
    "biases of the hidden state that are all zeros count, as the file holds them; networks of Keras have none, and its "
    "exporter fills them in"
)


class _Layer:
    """A recurrent layer that is being read: its sequences beside each other and its steps are those of the input."""

    def __init__(self, call: Call, kind: str) -> None:
        self.call, self.kind = call, kind
        self.direction = call.attributes.text("direction", "forward").lower()
        if self.direction not in DIRECTIONS:
            raise Inexpressible(f"direction {self.direction}")
        self.ways = DIRECTIONS[self.direction]
        self.is_batch_first = call.flag("layout")
        x = call.value(0)
        if len(x.shape) != 3:
            raise Inexpressible(f"a tensor of shape {list(x.shape)}, where steps, batch and features are expected")
        self.batch, self.steps = x.shape[:2] if self.is_batch_first else (x.shape[1], x.shape[0])
        self.outputs = [bool(name) for name in (*call.node.outputs, "", "", "")][:3]

    def turned(self, x: Draft, order: tuple[int, ...]) -> Draft:
        """The axes in another order; where only axes of one position move it is a reshape."""
        large = [axis for axis in order if x.shape[axis] > 1]
        if large == sorted(large):
            return self.call.builder.reshaped(x, tuple(x.shape[axis] for axis in order), (self.call.node,))
        return self.call.layer("permute", {"axes": order}, x)

    def entering(self) -> Draft:
        """The input as [steps, features], with the sequences before where there are several."""
        x, axis = self.call.value(0), 0 if self.is_batch_first else 1
        if self.batch == 1:
            return viewed(self.call.builder, x, axis)
        draft = viewed(self.call.builder, x, None)
        return draft if self.is_batch_first else self.turned(draft, (1, 0, 2))

    def states(self, hidden: int) -> list[Draft]:
        """The states before the first step, as many as are not zero, and zeros before one that is not."""
        places = (5, 6) if self.kind == "lstm" else (5,)
        drafts = [self._state(place, hidden) for place in places]
        while drafts and drafts[-1] is None:
            drafts.pop()
        shape = (self.ways * hidden,) if self.batch == 1 else (self.batch, self.ways * hidden)
        return [draft or parameter(self.call.builder, constants.filled(shape, 0.0, 1), shape) for draft in drafts]

    def _state(self, place: int, hidden: int) -> Draft | None:
        if not self.call.has(place):
            return None
        value = self.call.value(place)
        legal = (self.ways, self.batch, hidden)
        if self.is_batch_first:
            legal = (self.batch, self.ways, hidden)
        if value.constant is not None and value.constant.only_number == 0:
            return None
        if value.shape != legal:
            raise Inexpressible(f"a state of shape {list(value.shape)}, where {list(legal)} is expected")
        shape = (self.ways * hidden,) if self.batch == 1 else (self.batch, self.ways * hidden)
        if value.constant is not None:
            order = (0, 1, 2) if self.is_batch_first else (1, 0, 2)
            turned = constants.reshaped(constants.transposed(value.constant, order), shape)
            return parameter(self.call.builder, turned, shape)
        draft = viewed(self.call.builder, value, None)
        if not self.is_batch_first and self.ways > 1:
            draft = self.turned(draft, (1, 0, 2))
        return self.call.builder.reshaped(draft, shape, (self.call.node,))

    def functions(self) -> dict[str, Any]:
        """The fields that name the functions of a step."""
        stated = self.call.attributes.get("activations") or []
        names = [str(name).lower() for name in stated] if isinstance(stated, list) else []
        fields = _FIELDS[self.kind]
        names = names or [name.lower() for name in _USUAL[self.kind]] * self.ways
        if len(names) != len(fields) * self.ways:
            raise Inexpressible(f"{len(names)} activations, where {len(fields) * self.ways} are expected")
        if unknown := [name for name in names if name not in _NAMES]:
            raise Inexpressible(f"activation {unknown[0]}")
        given = {name: self._numbers(name) for name in ("activation_alpha", "activation_beta")}
        functions = [_function(_NAMES[name], given) for name in names]
        if functions[: len(fields)] * self.ways != functions:
            raise Inexpressible("other activations backwards than forwards")
        return dict(zip(fields, functions, strict=False))

    def _numbers(self, attribute: str) -> list[float]:
        numbers = self.call.attributes.get(attribute) or []
        if not isinstance(numbers, list) or not all(isinstance(number, int | float) for number in numbers):
            raise Inexpressible(f"attribute {attribute} is not a list of numbers")
        return [tidy(number) for number in numbers]

    def note_lengths(self) -> None:
        """Say that all steps are counted where fewer may be taken."""
        if not self.call.has(4):
            return
        lengths = self.call.value(4).constant
        if lengths is None or lengths.only_number != self.steps:
            self.call.builder.notes.append(
                f"{self.call.node.title}: all {self.steps} steps are counted, of which sequence_lens may leave some out"
            )

    def leaving(self, fields: dict[str, Any], inputs: list[Draft], arrays: Mapping[str, Constant]) -> list[Value]:
        """The hidden states of all steps, the last hidden state and the last cell state, as far as they are read."""
        all_, last, cell = self.outputs
        leaves = "with_cell" if cell else "last" if last and not all_ else "sequence"
        y = self.call.layer(self.kind, {**fields, "output": leaves}, *inputs, arrays=arrays)
        hidden = fields["hidden_size"]
        nothing = Value((), None)
        if leaves == "last":
            return [nothing, self._held(y, hidden), nothing]
        return [
            self._sequence(self._rows(y, 0, self.steps), hidden) if all_ else nothing,
            self._held(self._last(y, hidden), hidden) if last else nothing,
            self._held(self._flat(self._rows(y, self.steps, self.steps + 1)), hidden) if cell else nothing,
        ]

    def _rows(self, y: Draft, start: int, end: int) -> Draft:
        axis = len(y.shape) - 2
        fields = {"axis": axis, "start": start} | ({"end": end} if end < y.shape[axis] else {})
        return y if end - start == y.shape[axis] else self.call.layer("slice", fields, y)

    def _flat(self, row: Draft) -> Draft:
        return self.call.builder.reshaped(row, (*row.shape[:-2], row.shape[-1]), (self.call.node,))

    def _last(self, y: Draft, hidden: int) -> Draft:
        """The hidden state behind the last step taken, in each direction."""
        forwards, backwards = ((self.steps - 1, self.steps), (0, 1))
        if self.direction != "bidirectional":
            return self._flat(self._rows(y, *(backwards if self.direction == "reverse" else forwards)))
        rows = [self._flat(self._rows(y, *ends)) for ends in (forwards, backwards)]
        axis = len(rows[0].shape) - 1
        halves = [
            self.call.layer("slice", {"axis": axis, "start": way * hidden} | ({} if way else {"end": hidden}), row)
            for way, row in enumerate(rows)
        ]
        return self.call.layer("concat", {"axis": axis}, *halves)

    def _sequence(self, y: Draft, hidden: int) -> Value:
        """[steps, directions, batch, features], or [batch, steps, directions, features]."""
        sizes = (self.steps, self.ways, hidden)
        if self.batch == 1:
            draft = self.call.builder.reshaped(y, sizes, (self.call.node,))
            if self.is_batch_first:
                return self.call.out(draft, 0)
            return self.call.out(draft, 2)
        draft = self.call.builder.reshaped(y, (self.batch, *sizes), (self.call.node,))
        return self.call.out(draft if self.is_batch_first else self.turned(draft, (1, 2, 0, 3)), None)

    def _held(self, state: Draft, hidden: int) -> Value:
        """A state as [directions, batch, features], or [batch, directions, features]."""
        sizes: Shape = (self.ways, hidden)
        if self.batch == 1:
            draft = self.call.builder.reshaped(state, sizes, (self.call.node,))
            return self.call.out(draft, 0 if self.is_batch_first else 1)
        draft = self.call.builder.reshaped(state, (self.batch, *sizes), (self.call.node,))
        return self.call.out(draft if self.is_batch_first else self.turned(draft, (1, 0, 2)), None)


def _function(name: str, given: dict[str, list[float]]) -> tuple[str | float, ...] | str:
    """A function with the numbers that are next in the lists of those that are given, which are taken from them."""
    own = FUNCTIONS[name][1]
    numbers = [given[attribute].pop(0) for attribute, _ in zip(given, own, strict=False) if given[attribute]]
    if len(numbers) < len(own) and name not in OWN_NUMBERS:
        raise Inexpressible(f"activation {FUNCTIONS[name][0]} without its alpha and beta")
    return (name, *numbers, *own[len(numbers) :]) if own else name


def _given(call: Call, index: int, shape: Shape, what: str) -> Constant | None:
    """An array of that shape; None where it is an input of the network, of which the file has no numbers."""
    value = call.value(index)
    if value.shape != shape:
        raise Inexpressible(f"{what} of shape {list(value.shape)}, where {list(shape)} is expected")
    if value.constant is None and value.draft.kind != INPUT:
        raise Inexpressible(f"{what} that another layer computes")
    return value.constant


def _halves(both: Constant, rows: int) -> tuple[Constant, Constant]:
    """The bias of the input and that of the hidden state; zeros that were laid behind the one have no name of a file's.

    Such zeros are written where there is one bias alone, as the operator cannot do without the other.
    """
    axis, parts = both.parts or (0, ())
    if axis == 1 and [part.shape[1] for part in parts] == [rows, rows]:
        return parts[0], parts[1]
    ways = range(both.shape[0])
    first, second = (constants.sliced(both, [ways, range(start, start + rows)]) for start in (0, rows))
    return first, second


def _read(call: Call, kind: str, weights: Mapping[str, Constant | None], hidden: int) -> list[Value]:
    """The layer with its two matrices, which are laid out as the kinds have them."""
    layer = _Layer(call, kind)
    arrays, rows = dict(weights), _GATES[kind] * hidden
    fields: dict[str, Any] = {
        "hidden_size": hidden,
        "direction": layer.direction,
        "bias": call.has(3),
        "clip": tidy(call.attributes.real("clip")) if "clip" in call.attributes else None,
        **layer.functions(),
    }
    if call.has(3):
        both = _given(call, 3, (layer.ways, 2 * rows), "a bias")
        if both is not None:
            arrays["bias_ih"], second = _halves(both, rows)
            fields["recurrent_bias"] = bool(second.made_of) or second.only_number != 0
            arrays["bias_hh"] = second if fields["recurrent_bias"] else None
            if fields["recurrent_bias"] and second.only_number == 0 and _ZEROS not in call.builder.notes:
                call.builder.notes.append(_ZEROS)
    if kind == "lstm":
        fields |= {"peephole": call.has(7), "input_forget": call.flag("input_forget")}
        if call.has(7):
            arrays["weight_peephole"] = _given(call, 7, (layer.ways, 3 * hidden), "peepholes")
    if kind == "gru":
        fields["reset_after"] = call.flag("linear_before_reset")
    inputs = [layer.entering(), *layer.states(hidden)]
    layer.note_lengths()
    return layer.leaving(fields, inputs, {name: array for name, array in arrays.items() if array is not None})


def _recurrent(call: Call, kind: str) -> list[Value]:
    weight, gates = call.value(1), _GATES[kind]
    hidden = call.value(2).shape[-1]
    if len(weight.shape) != 3 or weight.shape[1] != gates * hidden:
        raise Inexpressible(f"weights of shapes {list(weight.shape)} and {list(call.value(2).shape)}")
    if call.attributes.integer("hidden_size", hidden) != hidden:
        raise Inexpressible(f"hidden_size {call.attributes.integer('hidden_size')} with weights for {hidden}")
    ways, features = weight.shape[0], call.value(0).shape[-1]
    weights = {
        "weight_ih": _given(call, 1, (ways, gates * hidden, features), "weights"),
        "weight_hh": _given(call, 2, (ways, gates * hidden, hidden), "weights of the hidden state"),
    }
    return _read(call, kind, weights, hidden)


def _quantised_lstm(call: Call) -> list[Value]:
    """ONNX Runtime's LSTM with weights of 8 bits, [directions, inputs, gates]; their scales come behind all else."""
    arrays = [call.constant(index, "weights") for index in (1, 2)]
    if any(len(array.shape) != 3 for array in arrays):
        raise Inexpressible(f"weights of shapes {' and '.join(str(list(array.shape)) for array in arrays)}")
    hidden = arrays[1].shape[1]
    legal = [(arrays[0].shape[0], size, 4 * hidden) for size in (call.value(0).shape[-1], hidden)]
    if [array.shape for array in arrays] != legal:
        raise Inexpressible(f"weights of shapes {list(arrays[0].shape)} and {list(arrays[1].shape)}")
    turned = [constants.transposed(array, (0, 2, 1)) for array in arrays]
    return _read(call, "lstm", dict(zip(("weight_ih", "weight_hh"), turned, strict=True)), hidden)


OPERATORS = {
    "LSTM": lambda call: _recurrent(call, "lstm"),
    "GRU": lambda call: _recurrent(call, "gru"),
    "RNN": lambda call: _recurrent(call, "rnn"),
    "com.microsoft.DynamicQuantizeLSTM": _quantised_lstm,
}
