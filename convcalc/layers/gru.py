"""Gated recurrent unit: gates say how much of the hidden state each step keeps, and how much of it it looks at.

Example:
    input: [10, 32]
    layers:
      - gru: 64
    # output 10x64, params 18816, macs 184320

The last axis holds the features of a step, the one before it the steps, in order; axes before are so many sequences
beside each other. A step takes 3·hidden·(features + hidden) MACs, for update z, reset r and the new state n, times the
steps and the directions: H = (1 - z)·n + z·H. With `reset_after` the reset gate weighs what R makes of the hidden
state, as PyTorch and Keras have it; without it weighs the hidden state before, as in the paper and ONNX's default. Cost
is the same. A hidden unit takes eleven element-wise operations a step: three sums of two, three activations, the
product with r and four for H; one for each of the three gates and each bias, and three with `clip`.

What leaves is described with lstm: `output`, directions, the hidden state as a second input, what an output sees.

Source: Cho et al. 2014; PyTorch nn.GRU, one layer of it (its gates in another order: r, z, n); ONNX GRU.
"""

import random
from typing import Annotated, Any, ClassVar

from convcalc.fields import Choice, Flag
from convcalc.layers import Array, Arrays, Engine, Fields, Kind, Shape
from convcalc.layers._cases import draw_flag
from convcalc.layers._functions import SMOOTH, Function, Stated, activated
from convcalc.layers._recurrent import KeptOfStep, Recurrent, State, product_with, returned, unrolled


class Gru(Recurrent, frozen=True, kw_only=True):
    inputs: ClassVar[tuple[int, int | None]] = (1, 2)
    gates, operations, usual = 3, 11, ("sigmoid", "tanh")

    gate_activation: Annotated[Stated, Function("what makes the gates")] = "sigmoid"
    activation: Annotated[Stated, Function("what makes the new state")] = "tanh"
    reset_after: Annotated[bool, Flag("reset what is made of the hidden state, not the state itself")] = True
    output: Annotated[
        str, Choice("the hidden states of all steps, or the last alone", options=("sequence", "last"))
    ] = "sequence"

    def kept_of_step(self, x: bool, weights: bool, hidden: bool, cell: bool) -> KeptOfStep:
        """The sums of gates and candidate; the update, its rest and the candidate; what is reset, and by what.

        What is made of the hidden state before needs the reset gate only where a gradient goes on from there.
        """
        passes = weights or hidden if self.reset_after else hidden
        reset = passes + (1 if self.reset_after else weights)
        return KeptOfStep(numbers=6 + reset, clipped=3, hidden_before=True)

    def first_products(self) -> int:
        return self.gates if self.reset_after else self.gates - 1

    def functions(self) -> tuple[Stated, ...]:
        return self.gate_activation, self.activation

    def _attributes(self) -> dict[str, Any]:
        return {"linear_before_reset": int(self.reset_after)}

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        return cls.drawn(
            draw,
            activation=draw.choice(SMOOTH),
            reset_after=draw_flag(draw),
            output=draw.choice(["sequence", "sequence", "last"]),
        )

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array, *states: Array) -> Array:
        return returned(engine, fields, unrolled(engine, fields, weights, x, states, _step, 1))


def _step(engine: Engine, fields: Fields, weights: Arrays, way: int, x: Array, state: State) -> State:
    (before,), size = state, fields.hidden_size
    gates, new = (0, 2 * size, 3 * size), (2 * size, 3 * size, 3 * size)
    np = engine.numpy
    sums = product_with(engine, fields, weights, way, "ih", x, gates)
    sums = engine.elementwise(np.add, sums, product_with(engine, fields, weights, way, "hh", before, gates))
    update = activated(engine, fields.gate_activation, sums[..., :size], fields.clip)
    reset = activated(engine, fields.gate_activation, sums[..., size:], fields.clip)
    if fields.reset_after:
        remembered = product_with(engine, fields, weights, way, "hh", before, new)
        remembered = engine.elementwise(np.multiply, reset, remembered)
    else:
        let_through = engine.elementwise(np.multiply, reset, before)
        remembered = product_with(engine, fields, weights, way, "hh", let_through, new)
    sums = engine.elementwise(np.add, product_with(engine, fields, weights, way, "ih", x, new), remembered)
    candidate = activated(engine, fields.activation, sums, fields.clip)
    renewed = engine.elementwise(np.multiply, engine.elementwise(lambda update: 1 - update, update), candidate)
    return (engine.elementwise(np.add, renewed, engine.elementwise(np.multiply, update, before)),)
