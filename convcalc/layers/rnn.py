"""Simple recurrent layer: each step makes a hidden state of its input and of the hidden state before it.

Example:
    input: [10, 32]
    layers:
      - rnn: 64
    # output 10x64, params 6272, macs 61440

The last axis holds the features of a step, the one before it the steps, in order; axes before are so many sequences
beside each other. A step takes hidden·(features + hidden) MACs, H = activation(W·x + b + R·H + c), times the steps and
the directions. It adds the two products and the biases and takes the activation: 2 + biases element-wise operations a
hidden unit, and one more with `clip`.

What leaves is described with lstm: `output`, directions, the hidden state as a second input, what an output sees.

Source: PyTorch nn.RNN, one layer of it; ONNX RNN.
"""

import random
from typing import Annotated, ClassVar

from convcalc.fields import Choice
from convcalc.layers import Array, Arrays, Engine, Fields, Kind, Shape
from convcalc.layers._functions import SMOOTH, Function, Stated, activated
from convcalc.layers._recurrent import KeptOfStep, Recurrent, State, product_with, returned, unrolled


class Rnn(Recurrent, frozen=True, kw_only=True):
    inputs: ClassVar[tuple[int, int | None]] = (1, 2)
    gates, operations, usual = 1, 2, ("tanh",)

    activation: Annotated[Stated, Function("what makes the hidden state of the sum")] = "tanh"
    output: Annotated[
        str, Choice("the hidden states of all steps, or the last alone", options=("sequence", "last"))
    ] = "sequence"

    def kept_of_step(self, x: bool, weights: bool, hidden: bool, cell: bool) -> KeptOfStep:
        """The sum that the activation is of."""
        return KeptOfStep(numbers=1, clipped=1, hidden_before=weights)

    def functions(self) -> tuple[Stated, ...]:
        return (self.activation,)

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        return cls.drawn(draw, activation=draw.choice(SMOOTH), output=draw.choice(["sequence", "sequence", "last"]))

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array, *states: Array) -> Array:
        return returned(engine, fields, unrolled(engine, fields, weights, x, states, _step, 1))


def _step(engine: Engine, fields: Fields, weights: Arrays, way: int, x: Array, state: State) -> State:
    (hidden,), rows = state, (0, fields.hidden_size, fields.hidden_size)
    y = product_with(engine, fields, weights, way, "ih", x, rows)
    y = engine.elementwise(engine.numpy.add, y, product_with(engine, fields, weights, way, "hh", hidden, rows))
    return (activated(engine, fields.activation, y, fields.clip),)
