"""Long short-term memory: each step makes a hidden state of its input, the hidden state and a cell state before it.

Example:
    input: [10, 32]
    layers:
      - lstm: 64
    # output 10x64, params 25088, macs 245760

The last axis holds the features of a step, the one before it the steps, in order; axes before are so many sequences
beside each other. A step takes 4·hidden·(features + hidden) MACs, for the gates i, o, f and the candidate c, times the
steps and the directions: C = f·C + i·c, H = o·h(C). With `peephole` the gates look at the cell state too, each unit at
its own. With `input_forget` the forget gate is 1 - i, and what is made for it is not used. A hidden unit takes thirteen
element-wise operations a step: four sums of two, five activations, and four for C and H; one for each of the four
gates and each bias, four with `clip` and six with `peephole`; with `input_forget` three and four.

`output` says what leaves: the hidden states of all steps, that of the last step taken, or `with_cell` those of all
steps and one row more behind them, the last cell state, for a slice to take. In both directions the features are the
two hidden states end to end; the last step taken backwards is the first. A hidden state and a cell state that enter
as further inputs, [features that leave], are those before the first step; without they are zero. PyTorch's num_layers
are several layers one behind the other.

A function may have numbers of its own, alpha and beta in ONNX: `[leaky_relu, 0.3]`, `[hard_sigmoid, 0.2, 0.5]`. The
latter is max(0, min(1, alpha·x + beta)), and has these by itself, in place of PyTorch's and Keras 3's 1/6 and 1/2.

A layer from one end sees the steps before alone; its field is given as that of its last step, the whole axis.

PyTorch and ONNX have two biases where Keras has one: `recurrent_bias: false`. In ONNX's files that second one is zeros,
which count as they are there.

Source: Hochreiter and Schmidhuber 1997; PyTorch nn.LSTM, one layer of it without proj_size (its gates in another order:
i, f, c, o); ONNX LSTM.
"""

import random
from typing import Annotated, Any, ClassVar

from convcalc.arithmetic.number import product
from convcalc.fields import Choice, Flag
from convcalc.layers import Array, Arrays, Engine, Fields, Kind, OnnxGraph, Shape, Weights
from convcalc.layers._cases import draw_flag
from convcalc.layers._functions import SMOOTH, Function, Stated, activated
from convcalc.layers._recurrent import KeptOfStep, Recurrent, State, product_with, returned, unrolled


class Lstm(Recurrent, frozen=True, kw_only=True):
    inputs: ClassVar[tuple[int, int | None]] = (1, 3)
    gates, operations, usual = 4, 13, ("sigmoid", "tanh", "tanh")
    states = ("hidden state", "cell state")

    gate_activation: Annotated[Stated, Function("what makes the gates")] = "sigmoid"
    activation: Annotated[Stated, Function("what makes the candidate for the cell state")] = "tanh"
    cell_activation: Annotated[Stated, Function("what the output gate lets through of the cell state")] = "tanh"
    peephole: Annotated[bool, Flag("learned numbers that weigh the cell state in the gates")] = False
    input_forget: Annotated[bool, Flag("forget as much as is let in: one gate for both")] = False
    output: Annotated[
        str,
        Choice(
            "the hidden states of all steps, the last alone, or all and the last cell state behind them",
            options=("sequence", "last", "with_cell"),
        ),
    ] = "sequence"

    def weights(self, x: Shape, *states: Shape) -> Weights:
        arrays = super().weights(x)
        return {**arrays, "weight_peephole": (self.ways, 3 * self.hidden_size)} if self.peephole else arrays

    def elementwise_ops(self, x: Shape, *states: Shape) -> int:
        ops = super().elementwise_ops(x)
        peeped = 2 * (self.gates - 1 - self.input_forget) if self.peephole else 0
        unclipped = self.input_forget * (self.clip is not None)
        return ops + product((*x[:-1], self.ways, self.hidden_size, peeped - unclipped))

    def kept_of_step(self, x: bool, weights: bool, hidden: bool, cell: bool) -> KeptOfStep:
        """The sums of gates and candidate, these themselves, the cell state and its activation.

        What enters decides, in a first step, which of them a gradient comes through: one of the cell state alone comes
        to the gates only through peepholes, and to the candidate not at all.
        """
        sums = x or weights or hidden
        gates = sums or (self.peephole and cell)
        opened = sums or self.peephole
        apart = self.peephole or self.clip is not None  # gates are not of the sums as they lie
        inner = 1 if self.input_forget else 2
        of_sums = (1 if self.clip is not None else self.gates) * sums + (inner * gates + opened) * apart
        of_gates = (sums or (self.input_forget and gates)) + gates + cell + 1
        return KeptOfStep(
            numbers=of_sums + of_gates + opened + 1,
            clipped=inner * gates + sums + opened,
            hidden_before=weights,
            cell_before=gates,
        )

    def functions(self) -> tuple[Stated, ...]:
        return self.gate_activation, self.activation, self.cell_activation

    def _operands(self, graph: OnnxGraph, operands: list[str]) -> list[str]:
        if not self.peephole:
            return operands
        return [*operands, *[""] * (6 - len(operands)), graph.weight("weight_peephole")]

    def _attributes(self) -> dict[str, Any]:
        return {"input_forget": int(self.input_forget)} if self.input_forget else {}

    @classmethod
    def case(cls, draw: random.Random) -> tuple[Kind, tuple[Shape, ...]]:
        return cls.drawn(
            draw,
            activation=draw.choice(SMOOTH),
            cell_activation=draw.choice(SMOOTH),
            peephole=draw_flag(draw),
            output=draw.choice(["sequence", "last", "with_cell"]),
        )

    @staticmethod
    def reference(engine: Engine, fields: Fields, weights: Arrays, x: Array, *states: Array) -> Array:
        return returned(engine, fields, unrolled(engine, fields, weights, x, states, _step, 2))


def _step(engine: Engine, fields: Fields, weights: Arrays, way: int, x: Array, state: State) -> State:
    (before, cell), size, np = state, fields.hidden_size, engine.numpy
    rows = (0, 4 * size, 4 * size)
    sums = product_with(engine, fields, weights, way, "ih", x, rows)
    sums = engine.elementwise(np.add, sums, product_with(engine, fields, weights, way, "hh", before, rows))
    into, out, forget, candidate = (sums[..., start : start + size] for start in range(0, 4 * size, size))
    entry = _gate(engine, fields, weights, way, 0, into, cell)
    if fields.input_forget:
        kept = engine.elementwise(lambda entry: 1 - entry, entry)
    else:
        kept = _gate(engine, fields, weights, way, 2, forget, cell)
    entering = engine.elementwise(np.multiply, entry, activated(engine, fields.activation, candidate, fields.clip))
    cell = engine.elementwise(np.add, engine.elementwise(np.multiply, kept, cell), entering)
    opened = _gate(engine, fields, weights, way, 1, out, cell)
    return engine.elementwise(np.multiply, opened, activated(engine, fields.cell_activation, cell)), cell


def _gate(engine: Engine, fields: Fields, weights: Arrays, way: int, place: int, sums: Array, cell: Array) -> Array:
    """The gate at a place among the three, which with `peephole` looks at the cell state."""
    if fields.peephole:
        ways, size = 2 if fields.direction == "bidirectional" else 1, fields.hidden_size
        peepholes = engine.fitting(weights["weight_peephole"], (ways, 3 * size))[way]
        seen = engine.elementwise(engine.numpy.multiply, peepholes[place * size : (place + 1) * size], cell)
        sums = engine.elementwise(engine.numpy.add, sums, seen)
    return activated(engine, fields.gate_activation, sums, fields.clip)
