"""Identities of lstm, gru and rnn: steps backwards, both ways, one after the other, and one alone in linear layers."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec.structs import replace

from convcalc.battery.identities import Bench, Sides, identity
from convcalc.layers import Shape
from convcalc.tensors.engine import Array

RECURRENT = ("lstm", "gru", "rnn")
Arrays = dict[str, Array]


def _linear(bench: Bench, arrays: Arrays, word: str, x: Array) -> Array:
    """What a matrix and its bias make of a tensor, by a linear layer."""
    weight, bias = arrays[f"weight_{word}"][0], arrays.get(f"bias_{word}")
    own = {"weight": weight} | ({} if bias is None else {"bias": bias[0]})
    return bench.run("linear", x, arrays=own, out_features=len(weight), bias=bias is not None)


@identity(*RECURRENT)
def reverse_is_forward_on_steps_turned_over(bench: Bench, config: Any, x: Shape, *states: Shape) -> Sides:
    """From the other end it is the layer on the steps turned over, of which the outputs are turned over again."""
    config = replace(config, direction="forward", output="sequence")
    (a,), arrays = bench.entering([x]), bench.arrays(config, [x])
    turned = bench.layer(config, arrays, a[..., ::-1, :])
    return bench.layer(config, arrays, a, direction="reverse"), turned[..., ::-1, :]


@identity(*RECURRENT)
def both_directions_are_two_layers(bench: Bench, config: Any, x: Shape, *states: Shape) -> Sides:
    """In both directions it is a layer forwards and one backwards, their outputs end to end."""
    config = replace(config, direction="bidirectional")
    (a,), arrays = bench.entering([x]), bench.arrays(config, [x])
    ways = [
        bench.layer(config, {name: array[way : way + 1] for name, array in arrays.items()}, a, direction=direction)
        for way, direction in enumerate(("forward", "reverse"))
    ]
    return bench.layer(config, arrays, a), np.concatenate(ways, -1)


@identity(*RECURRENT)
def the_last_of_all_is_the_last_alone(bench: Bench, config: Any, x: Shape, *states: Shape) -> Sides:
    """What leaves as the last alone is the last of all hidden states, or the first where steps are taken backwards."""
    config = replace(config, direction="forward" if config.direction == "bidirectional" else config.direction)
    (a,), arrays = bench.entering([x]), bench.arrays(config, [x])
    place = -1 if config.direction == "forward" else 0
    every = bench.layer(config, arrays, a, output="sequence")
    return bench.layer(config, arrays, a, output="last"), every[..., place, :]


@identity(*RECURRENT)
def steps_go_on_from_a_state(bench: Bench, config: Any, x: Shape, *states: Shape) -> Sides:
    """The steps in two runs, the second from the state that the first leaves, are all steps in one."""
    config = replace(config, direction="forward")
    a, arrays = bench.random(2, *x[:-2], x[-2] + 1, x[-1]), bench.arrays(config, [x])
    output = "with_cell" if len(config.states) == 2 else "sequence"
    first = bench.layer(config, arrays, a[..., : x[-2], :], output=output)
    state = (first[..., -2, :], first[..., -1, :]) if output == "with_cell" else (first[..., -1, :],)
    second = bench.layer(config, arrays, a[..., x[-2] :, :], *state, output="last")
    return second, bench.layer(config, arrays, a, output="last")


@identity("rnn")
def a_step_is_two_linear_layers(bench: Bench, config: Any, x: Shape, *states: Shape) -> Sides:
    """One step is the activation of two linear layers, of the input and of the hidden state, added up."""
    config = replace(config, direction="forward", activation="tanh", clip=None, output="last")
    a, hidden = bench.random(2, *x[:-2], 1, x[-1]), bench.random(2, *x[:-2], config.hidden_size)
    arrays = bench.arrays(config, [x])
    linear = _linear(bench, arrays, "ih", a[..., 0, :]), _linear(bench, arrays, "hh", hidden)
    return bench.layer(config, arrays, a, hidden), bench.run("tanh", bench.run("add", *linear))


@identity("gru")
def a_step_lies_between_the_state_and_a_new_one(bench: Bench, config: Any, x: Shape, *states: Shape) -> Sides:
    """One step is two linear layers, whose gates weigh the hidden state and a new one."""
    config = replace(config, direction="forward", activation="tanh", clip=None, reset_after=True, output="last")
    a, hidden = bench.random(2, *x[:-2], 1, x[-1]), bench.random(2, *x[:-2], config.hidden_size)
    arrays = bench.arrays(config, [x])
    of_input, of_state = _linear(bench, arrays, "ih", a[..., 0, :]), _linear(bench, arrays, "hh", hidden)
    (z, r, n), (zs, rs, ns) = np.split(of_input, 3, -1), np.split(of_state, 3, -1)
    update, reset = bench.run("sigmoid", z + zs), bench.run("sigmoid", r + rs)
    new = bench.run("tanh", n + reset * ns)
    return bench.layer(config, arrays, a, hidden), new + update * (hidden - new)


@identity("lstm")
def a_step_is_its_gates(bench: Bench, config: Any, x: Shape, *states: Shape) -> Sides:
    """One step is two linear layers, whose gates say what is let in, kept and let out."""
    config = replace(
        config, direction="forward", activation="tanh", cell_activation="tanh", peephole=False, clip=None, output="last"
    )
    a, arrays = bench.random(2, *x[:-2], 1, x[-1]), bench.arrays(config, [x])
    hidden, cell = (bench.random(2, *x[:-2], config.hidden_size) for _ in range(2))
    sums = _linear(bench, arrays, "ih", a[..., 0, :]) + _linear(bench, arrays, "hh", hidden)
    into, out, forget, candidate = np.split(sums, 4, -1)
    kept = bench.run("sigmoid", forget) * cell + bench.run("sigmoid", into) * bench.run("tanh", candidate)
    return bench.layer(config, arrays, a, hidden, cell), bench.run("sigmoid", out) * bench.run("tanh", kept)


@identity("lstm")
def a_gate_that_lets_in_as_much_as_it_forgets_is_one_of_two(
    bench: Bench, config: Any, x: Shape, *states: Shape
) -> Sides:
    """With input_forget it is the layer whose forget gate has the input gate's numbers with the opposite signs."""
    config = replace(config, direction="forward", peephole=False)
    (a,), arrays = bench.entering([x]), bench.arrays(config, [x])
    opposite, size = {name: array.copy() for name, array in arrays.items()}, config.hidden_size
    for array in opposite.values():
        array[:, 2 * size : 3 * size] = -array[:, :size]
    return bench.layer(config, arrays, a, input_forget=True), bench.layer(config, opposite, a)
