"""Recurrent layers and attention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convcalc.imports.errors import Inexpressible

if TYPE_CHECKING:
    from convcalc.imports.openvino.translation import IrCall


def _recurrent(call: IrCall, op: str) -> None:
    """All steps: OpenVINO has axes [batch, directions, steps, features] of what leaves, where ONNX has steps second.

    The two biases of ONNX are added up in the file, to one.
    """
    states = 2 if op == "LSTM" else 1
    first = 2 + states  # the weights come behind the states and the lengths
    weight, state, bias = (call.learned(place) for place in range(first, first + 3))
    ways, rows = call.shape(first + 2)
    if op == "GRU" and call.flag("linear_before_reset"):
        part = rows // 4
        own, of_state = f"{call.outputs[0]}/bias", f"{call.outputs[0]}/bias_of_state"
        call.nodes("Split", [bias, call.constant([3 * part, part])], [own, of_state], axis=1)
        bias = call.node("Concat", own, call.filled([ways, 2 * part]), of_state, axis=1)
        call.note("have the biases of two gates added up: those of the network were 2 for each")
    else:
        bias = call.node("Concat", bias, call.filled([ways, rows]), axis=1)
    inputs = [call.tensor(), weight, state, bias, ""]
    inputs += [_state(call, place) for place in range(1, 1 + states)]
    while not inputs[-1]:
        inputs.pop()
    attributes: dict[str, Any] = {"direction": call.text("direction", "forward"), "layout": 1}
    attributes["hidden_size"] = call.integer("hidden_size")
    if op == "GRU":
        attributes["linear_before_reset"] = int(call.flag("linear_before_reset"))
    if call.real("clip"):
        attributes["clip"] = call.real("clip")
    words = [word.strip() for word in call.text("activations").split(",") if word.strip()]
    if words:
        attributes["activations"] = words * (2 if attributes["direction"] == "bidirectional" else 1)
    every = f"{call.outputs[0]}/steps"
    call.nodes(op, inputs, [every, *call.outputs[1:]], **attributes)
    call.leaves("Transpose", every, perm=[0, 2, 1, 3])


def _state(call: IrCall, place: int) -> str:
    """What the state is before the first step; a constant is taken for the zeros that it mostly is."""
    source = call.sources[place]
    if call.is_constant(place) or source in call.translation.derived:
        return ""
    return call.tensor(place)


def _attention(call: IrCall) -> None:
    if call.has(3) and not call.is_constant(3):
        inputs = [call.tensor(place) for place in range(4)]
    else:
        inputs = [call.tensor(place) for place in range(3)]
    call.leaves("openvino.attention", *inputs, is_causal=int(call.flag("causal")))


def _cell(call: IrCall) -> None:
    raise Inexpressible("one step of a recurrent layer")


RULES = {
    "lstmsequence": lambda call: _recurrent(call, "LSTM"),
    "grusequence": lambda call: _recurrent(call, "GRU"),
    "rnnsequence": lambda call: _recurrent(call, "RNN"),
    "scaleddotproductattention": _attention,
    **dict.fromkeys(("lstmcell", "grucell", "rnncell"), _cell),
}
