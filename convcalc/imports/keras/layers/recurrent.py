"""Recurrent layers: from one end or from both, with the states that enter and leave them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from convcalc.imports.drafts import Draft
from convcalc.imports.errors import Inexpressible, plain
from convcalc.imports.keras.calls import LayerCall, ordered_tensors
from convcalc.imports.keras.layers.merges import merged
from convcalc.imports.layouts import OrderedTensor, as_it_lies

_KINDS = {
    "LSTM": "lstm",
    "GRU": "gru",
    "SimpleRNN": "rnn",
    "CuDNNLSTM": "lstm",
    "CuDNNGRU": "gru",
    "LSTMCell": "lstm",
    "GRUCell": "gru",
    "SimpleRNNCell": "rnn",
}
"""What the classes become, and the cells that the class RNN repeats."""

_FUNCTIONS: dict[str, Any] = {
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "relu": "relu",
    "elu": "elu",
    "softplus": "softplus",
    "softsign": "softsign",
    "linear": "affine",
}

_NAMES = {
    "weight_ih": "kernel",
    "weight_hh": "recurrent_kernel",
}


def _function(call: LayerCall, entry: str, default: str) -> Any:
    """A function of a step, as our kinds name it."""
    stated = call.config.get(entry)
    if isinstance(stated, Mapping):
        stated = stated.get("config")
    name = default if stated is None else stated
    if name == "hard_sigmoid":
        return ("hard_sigmoid", 1 / 6, 0.5) if call.version >= 3 else "hard_sigmoid"
    if name == "leaky_relu":
        return ("leaky_relu", 0.2)
    if name not in _FUNCTIONS:
        raise Inexpressible(f"{entry} {plain(str(name))}")
    return _FUNCTIONS[name]


def _fields(call: LayerCall, class_name: str) -> dict[str, Any]:
    """The fields of a layer from one end, but for what leaves it."""
    config, kind = call.config, _KINDS[class_name]
    fields: dict[str, Any] = {
        "hidden_size": config.whole("units", "output_dim"),
        "bias": config.flag("use_bias", True),
        "recurrent_bias": class_name.startswith("CuDNN"),
        "activation": _function(call, "activation", "tanh"),
    }
    if kind != "rnn":
        fields["gate_activation"] = _function(call, "recurrent_activation", "sigmoid")
    if kind == "lstm":
        fields["cell_activation"] = fields["activation"]
    if kind == "gru":
        fields["reset_after"] = class_name == "CuDNNGRU" or config.flag("reset_after", call.version >= 3)
        fields["recurrent_bias"] = fields["reset_after"]
    return fields


class _Sequence:
    """A recurrent layer over the steps of what enters; `states` enter with it, in the order of the file."""

    def __init__(self, call: LayerCall, class_name: str, states: Sequence[OrderedTensor]) -> None:
        if class_name not in _KINDS:
            raise Inexpressible(f"a cell of the class {plain(class_name)}")
        self.call, self.kind = call, _KINDS[class_name]
        self.fields = _fields(call, class_name)
        self.hidden = self.fields["hidden_size"]
        call.check_rank(call.x, 2)
        self.states = [call.in_order(state) for state in states]
        self.steps = call.x.shape[-2]

    def run(self, x: Draft, output: str, direction: str, states: Sequence[Draft], within: str = "") -> Draft:
        """The layer, and what leaves it as our kind has it."""
        fields = {**self.fields, "direction": direction, "output": output}
        return self.call.layer(self.kind, fields, x, *states, names=_NAMES, within=within)

    def leaving(self, x: Draft, is_backwards: bool, within: str = "") -> list[OrderedTensor]:
        """What the file's layer gives: the hidden states of all steps or the last, and where asked for the states."""
        config = self.call.config
        all_, with_states = config.flag("return_sequences", False), config.flag("return_state", False)
        direction = "reverse" if is_backwards else "forward"
        cell = with_states and self.kind == "lstm"
        output = "with_cell" if cell else "sequence" if all_ else "last"
        y = self.run(x, output, direction, self.states, within)
        if not with_states:
            return [as_it_lies(y)]
        rank = len(self.call.x.order)
        if not cell and not all_:
            return [as_it_lies(y), as_it_lies(y)]
        rows = self._rows(y, 0, self.steps) if cell else y
        last = self._row(y, 0 if is_backwards else self.steps - 1)
        leaves = [as_it_lies(rows if all_ else last), as_it_lies(last)]
        return [*leaves, as_it_lies(self._row(y, self.steps))] if cell and rank else leaves

    def _rows(self, y: Draft, start: int, end: int) -> Draft:
        axis = len(y.shape) - 2
        if (start, end) == (0, y.shape[axis]):
            return y
        return self.call.layer("slice", {"axis": axis, "start": start, "end": end}, y)

    def _row(self, y: Draft, place: int) -> Draft:
        row = self._rows(y, place, place + 1)
        return self.call.builder.reshaped(row, (*row.shape[:-2], row.shape[-1]), self.call.origins)


def _entering(call: LayerCall) -> list[OrderedTensor]:
    """The states that enter, beside the sequence or by name; a mask is none."""
    first, *others = call.arguments or [None]
    beside = ordered_tensors(first)[1:] if isinstance(first, list) else []
    return [*beside, *ordered_tensors(others), *ordered_tensors(call.keywords.get("initial_state"))]


def _recurrent(call: LayerCall, class_name: str) -> list[OrderedTensor]:
    sequence = _Sequence(call, class_name, _entering(call))
    return sequence.leaving(call.in_order(), call.config.flag("go_backwards", False))


def _rnn(call: LayerCall) -> list[OrderedTensor]:
    """A cell that is repeated, or several, each on what the one before it makes."""
    cell = call.config.get("cell")
    if isinstance(cell, list):
        cells = cell
    elif isinstance(cell, dict) and cell.get("class_name") == "StackedRNNCells":
        cells = cell.get("config", {}).get("cells", [])
    else:
        cells = [cell]
    if not cells or not all(isinstance(item, dict) and isinstance(item.get("config"), dict) for item in cells):
        raise call.config.wrong("cell", "a cell", cell)
    states, with_states = _entering(call), call.config.flag("return_state", False)
    if len(cells) > 1 and (states or with_states):
        raise Inexpressible("the states of several cells")
    x, backwards = call.in_order(), call.config.flag("go_backwards", False)
    for place, item in enumerate(cells):
        is_last = place == len(cells) - 1
        config = {
            **item["config"],
            "return_sequences": call.config.flag("return_sequences", False) if is_last else True,
            "return_state": with_states,
        }
        sequence = _Sequence(call.inner(config), str(item.get("class_name")), states)
        made = sequence.leaving(x, backwards, f"cell{place}" if len(cells) > 1 else "")
        x = made[0].draft
    return made


_MERGES = {"sum": "add", "mul": "mul", "ave": "add"}


def _bidirectional(call: LayerCall) -> list[OrderedTensor]:
    """The two ends of a layer: as features end to end one layer of ours, taken together otherwise two."""
    inner = call.config.get("layer")
    backward = call.config.get("backward_layer")
    if not isinstance(inner, dict) or not isinstance(inner.get("config"), dict):
        raise call.config.wrong("layer", "a layer", inner)
    class_name, within = str(inner.get("class_name")), call.inner(inner["config"])
    states = _entering(call)
    mode = call.config.get("merge_mode") if "merge_mode" in call.config.entries else "concat"
    with_states, all_ = within.config.flag("return_state", False), within.config.flag("return_sequences", False)
    is_same = not isinstance(backward, dict) or _alike(inner["config"], backward.get("config"))
    if mode == "concat" and is_same and not with_states and not states and class_name in _KINDS:
        sequence = _Sequence(within, class_name, [])
        y = sequence.run(within.in_order(), "sequence" if all_ else "last", "bidirectional", [])
        return [as_it_lies(y)]
    half = len(states) // 2
    ahead = _Sequence(within, class_name, states[:half])
    config = backward["config"] if isinstance(backward, dict) and isinstance(backward.get("config"), dict) else {}
    behind = _Sequence(call.inner({**inner["config"], **config}), class_name, states[half:])
    forwards = ahead.leaving(within.in_order(), False, "forward")
    backwards = behind.leaving(within.in_order(), True, "backward")
    others = [*forwards[1:], *backwards[1:]]
    if mode is None:
        return [forwards[0], backwards[0], *others]
    if mode == "concat":
        y = call.layer("concat", {"axis": -1}, forwards[0].draft, backwards[0].draft)
        return [as_it_lies(y), *others]
    if mode not in _MERGES:
        raise call.config.wrong("merge_mode", "sum, mul, ave, concat or null", mode)
    together = merged(call, _MERGES[mode], [forwards[0], backwards[0]])
    if mode == "ave":
        together = OrderedTensor(call.layer("affine", {"factor": 0.5}, together.draft), together.order)
    return [together, *others]


def _alike(forward: Mapping[str, Any], backward: Any) -> bool:
    """Whether the layer of the other end is the same but for its name and direction."""
    different = {"name", "go_backwards"}
    return isinstance(backward, Mapping) and all(
        backward.get(name) == value for name, value in forward.items() if name not in different
    )


RULES = {
    **{name: partial(_recurrent, class_name=name) for name in _KINDS if not name.endswith("Cell")},
    "RNN": _rnn,
    "Bidirectional": _bidirectional,
}
