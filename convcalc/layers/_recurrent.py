"""What lstm, gru and rnn share: steps one after the other, from either end, with a state that goes along."""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, ClassVar, NamedTuple, Self

from msgspec.structs import replace

from convcalc.arithmetic.field import Field
from convcalc.arithmetic.meeting import merged
from convcalc.arithmetic.number import product
from convcalc.fields import Channels, Choice, Flag, Real, optional
from convcalc.layers import Array, Arrays, Check, Engine, Fields, Kept, Kind, OnnxGraph, Shape, StandIn, Wanted, Weights
from convcalc.layers._cases import draw_flag, draw_shape
from convcalc.layers._functions import FUNCTIONS, Stated, numbers_of

State = tuple[Array, ...]
"""What goes from a step to the next: the hidden state, and behind it the cell state of an lstm."""

Step = Callable[[Engine, Fields, Arrays, int, Array, State], State]
"""From the input of a step and the state before it to the state behind it, in one of the ways through the steps."""

DIRECTIONS = {"forward": 1, "reverse": 1, "bidirectional": 2}
"""How often the steps are gone through."""


class KeptOfStep(NamedTuple):
    """What a step keeps for the way back, in numbers of each hidden unit.

    Beside `numbers` one byte for each of the `clipped` where there are bounds, and the states of the step before, if it
    keeps these: a cell state that a step makes is among the numbers of its own.
    """

    numbers: int
    clipped: int
    hidden_before: bool
    cell_before: bool = False


class Recurrent(Kind, frozen=True, kw_only=True):
    """The base: `gates` are the sums a step makes for each hidden unit, `states` the tensors that go along.

    Arrays have the ways through the steps as their first axis, forwards before backwards, and ONNX's order of gates.
    """

    mixes_channels = True
    gates: ClassVar[int]
    operations: ClassVar[int]
    """Element-wise operations of a step on a hidden unit, without biases and clipping."""
    states: ClassVar[tuple[str, ...]] = ("hidden state",)
    usual: ClassVar[tuple[str, ...]]
    """The functions of a step that ONNX has in mind where none are named."""

    hidden_size: Annotated[int, Channels("features of the hidden state, in each direction", minimum=1)]
    direction: Annotated[str, Choice("from which end the steps are taken, or from both", options=tuple(DIRECTIONS))] = (
        "forward"
    )
    bias: Annotated[bool, Flag("learned numbers added to what comes of the input, in every gate")] = True
    recurrent_bias: Annotated[bool, Flag("with bias, as many added to what comes of the state")] = True
    clip: Annotated[
        float | None, optional(Real("bound, above and below, of what enters the activations", minimum=0))
    ] = None

    @property
    def ways(self) -> int:
        """How often the steps are gone through."""
        return DIRECTIONS[self.direction]

    @property
    def returned(self) -> str:
        """What leaves."""
        return self.output  # type: ignore[attr-defined,no-any-return]  # a field of every kind, with its own options

    def checks(self, x: Shape, *states: Shape) -> Iterator[Check]:
        yield Check(len(x) > 1, "CC011", "", _no_steps, (x,))
        legal = (*x[:-2], self.ways * self.hidden_size)
        for name, state in zip(self.states, states, strict=False):
            yield Check(len(state) == len(legal), "CC103", "", _mismatch, (name, state, legal))
            for size, needed in zip(state, legal, strict=False):
                yield Check(size == needed, "CC103", "", _mismatch, (name, state, legal))

    def shape(self, x: Shape, *states: Shape) -> Shape:
        *before, steps, _ = x
        features = self.ways * self.hidden_size
        if self.returned == "last":
            return (*before, features)
        return (*before, steps + 1 if self.returned == "with_cell" else steps, features)

    def weights(self, x: Shape, *states: Shape) -> Weights:
        rows = self.gates * self.hidden_size
        arrays: Weights = {"weight_ih": (self.ways, rows, x[-1]), "weight_hh": (self.ways, rows, self.hidden_size)}
        if self.bias:
            arrays["bias_ih"] = self.ways, rows
            arrays |= {"bias_hh": (self.ways, rows)} if self.recurrent_bias else {}
        return arrays

    def macs(self, x: Shape, *states: Shape) -> int:
        *before, steps, features = x
        return product((*before, steps, self.ways, self.gates, self.hidden_size, features + self.hidden_size))

    def elementwise_ops(self, x: Shape, *states: Shape) -> int:
        *before, steps, _ = x
        biases = self.gates * (self.bias + (self.bias and self.recurrent_bias))
        clipped = 0 if self.clip is None else self.gates
        return product((*before, steps, self.ways, self.hidden_size, self.operations + biases + clipped))

    def kept(self, wanted: Wanted, x: Shape, *states: Shape) -> Kept:
        """Of every step what its sums, gates and states were; for the weights the input, and each hidden state."""
        *before, steps, _ = x
        hidden, cell, *_ = (*wanted.inputs[1:], False, False)
        first = self.kept_of_step(wanted.inputs[0], wanted.weights, hidden, cell)
        later = self.kept_of_step(wanted.inputs[0], wanted.weights, hidden=True, cell=True)
        entered = (first.hidden_before, first.cell_before)
        zeros = True in entered[len(states) :]
        numbers = first.numbers + zeros + (steps - 1) * (later.numbers + later.hidden_before)
        masks = 0 if self.clip is None else first.clipped + (steps - 1) * later.clipped
        held = tuple(place for place, is_kept in enumerate(entered[: len(states)], start=1) if is_kept)
        units = product((*before, self.ways, self.hidden_size))
        inputs = (0, *held) if wanted.weights else held
        return Kept(inputs=inputs, numbers=units * numbers, bytes=units * masks).if_(wanted.anything)

    def kept_of_step(self, x: bool, weights: bool, hidden: bool, cell: bool) -> KeptOfStep:
        """What a step keeps where gradients of these are wanted, or of what they were made of."""
        raise NotImplementedError

    def gradient_macs(self, wanted: Wanted, x: Shape, *states: Shape) -> tuple[int, int]:
        """Of input and states those of the forward way, but that none goes to a first state of which none is wanted."""
        *before, steps, features = x
        hidden = True in wanted.inputs[1:2]
        gates = product((*before, self.ways, self.gates, self.hidden_size))
        of_input = gates * features * steps * wanted.inputs[0]
        unwanted = (1 - hidden) * self.first_products()
        of_states = gates * self.hidden_size * steps - product(
            (*before, self.ways, unwanted, self.hidden_size, self.hidden_size)
        )
        return (of_input + of_states) * wanted.anything, self.macs(x, *states) * wanted.weights

    def first_products(self) -> int:
        """Of the gates those whose sums, in the first step, are of the hidden state that enters and nothing between."""
        return self.gates

    def paths(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> tuple[Field, ...]:
        steps = len(inputs[0]) - 2
        x, *states = fields
        seen = x.whole([steps]) if self.returned == "sequence" else x.collapsed([steps])
        seen = seen.collapsed([steps + 1])
        if self.returned == "last":
            seen = seen.carrying((*seen.carries[:steps], ()))
            return seen, *(state.collapsed([steps]) for state in states)
        held = (state.collapsed([steps]) for state in states)
        return seen, *(state.carrying((*state.carries[:steps], (), ())) for state in held)

    def receptive_field(self, fields: tuple[Field, ...], inputs: tuple[Shape, ...]) -> Field:
        paths = self.paths(fields, inputs)
        return paths[0] if len(paths) == 1 else merged(paths, self.shape(*inputs))

    def unbounded(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        return StandIn(of=self, run=_both_ways)

    def thin(self, axis: int | None, inputs: tuple[Shape, ...]) -> Kind:
        thin = replace(self, hidden_size=1, direction="forward")
        if self.returned != "with_cell":
            return thin
        return StandIn(of=replace(thin, output="last"), run=_as_one_step)  # what leaves has no positions of steps

    def summary(self) -> str:
        direction = self.direction if self.direction != "forward" else ""
        return ", ".join(filter(None, (f"{self.hidden_size}", direction, self.returned.replace("sequence", ""))))

    def functions(self) -> tuple[Stated, ...]:
        """The functions of a step, in ONNX's order."""
        raise NotImplementedError

    def onnx(self, graph: OnnxGraph, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> str:
        *before, steps, features = shapes[0]
        x = inputs[0] if not before else graph.node("Reshape", inputs[0], graph.constant([-1, steps, features]))
        held = [self._held(graph, state) for state in inputs[1:]]
        operands = [graph.weight("weight_ih"), graph.weight("weight_hh"), self._biases(graph), "", *held]
        sequence, *last = graph.several(
            type(self).__name__.upper(),
            graph.node("Transpose", x, perm=[1, 0, 2]),
            *self._operands(graph, operands),
            count=len(self.states) + 1,
            hidden_size=self.hidden_size,
            direction=self.direction,
            **({} if self.clip is None else {"clip": self.clip}),
            **self._functions(),
            **self._attributes(),
        )
        leaving = [*before, self.ways * self.hidden_size]
        if self.returned == "last":
            turned = graph.node("Transpose", last[0], perm=[1, 0, 2])
            return graph.node("Reshape", turned, graph.constant([-1, *leaving]))
        if self.returned == "with_cell":
            cell = graph.node("Unsqueeze", last[1], graph.constant([0]))
            sequence, steps = graph.node("Concat", sequence, cell, axis=0), steps + 1
        turned = graph.node("Transpose", sequence, perm=[2, 0, 1, 3])
        return graph.node("Reshape", turned, graph.constant([-1, *before, steps, leaving[-1]]))

    def _held(self, graph: OnnxGraph, state: str) -> str:
        apart = graph.node("Reshape", state, graph.constant([-1, self.ways, self.hidden_size]))
        return graph.node("Transpose", apart, perm=[1, 0, 2])

    def _biases(self, graph: OnnxGraph) -> str:
        """Those of the input, and behind them those of the state: zeros where there are none."""
        if not self.bias:
            return ""
        if self.recurrent_bias:
            second = graph.weight("bias_hh")
        else:
            sizes = [self.ways, self.gates * self.hidden_size]
            second = graph.node("Expand", graph.constant(0.0), graph.constant(sizes))
        return graph.node("Concat", graph.weight("bias_ih"), second, axis=1)

    def _operands(self, graph: OnnxGraph, operands: list[str]) -> list[str]:
        return operands

    def _functions(self) -> dict[str, Any]:
        """The functions of a step as attributes, unless they are those that ONNX has in mind."""
        if self.functions() == self.usual:
            return {}
        stated = [numbers_of(function) for function in self.functions()] * self.ways
        return {
            "activations": [FUNCTIONS[name][0] for name, _ in stated],
            "activation_alpha": [numbers[0] for _, numbers in stated if numbers],
            "activation_beta": [numbers[1] for _, numbers in stated if len(numbers) > 1],
        }

    def _attributes(self) -> dict[str, Any]:
        """What an operator has beside what all have."""
        return {}

    @classmethod
    def drawn(cls, draw: random.Random, **fields: Any) -> tuple[Self, tuple[Shape, ...]]:
        """A generated configuration with these fields, and shapes for it, some with states."""
        config = cls(
            hidden_size=draw.randint(1, 5),
            direction=draw.choice(list(DIRECTIONS)),
            bias=draw_flag(draw),
            recurrent_bias=draw_flag(draw),
            clip=draw.choice([None, None, 60.0]),
            **fields,
        )
        x = draw_shape(draw, least_rank=1)
        state = (*x[:-2], config.ways * config.hidden_size)
        return config, (x, *[state] * draw.randint(0, len(cls.states)))


def unrolled(
    engine: Engine, fields: Fields, weights: Arrays, x: Array, states: Sequence[Array], step: Step, kept: int
) -> list[tuple[Array, State]]:
    """All steps one after the other, from each end that is asked for: the hidden states, in order, and the last state.

    `kept` is how many tensors a state has; those that do not enter are zero.
    """
    np, hidden = engine.numpy, fields.hidden_size
    ways = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}[fields.direction]
    entering = [engine.fitting(state, (*x.shape[:-2], len(ways) * hidden)) for state in states]
    results = []
    for way, is_backwards in enumerate(ways):
        zeros = np.zeros((*x.shape[:-2], hidden), x.dtype)
        state = tuple(state[..., way * hidden : (way + 1) * hidden] for state in entering)
        state = (*state, *(zeros for _ in range(kept - len(state))))
        outputs = []
        for place in reversed(range(x.shape[-2])) if is_backwards else range(x.shape[-2]):
            state = step(engine, fields, weights, way, x[..., place, :], state)
            outputs.append(state[0])
        results.append((np.stack(outputs[::-1] if is_backwards else outputs, -2), state))
    return results


def returned(engine: Engine, fields: Fields, results: Sequence[tuple[Array, State]]) -> Array:
    """What leaves of the hidden states of each way and its last state."""
    np = engine.numpy
    if fields.output == "last":
        return np.concatenate([state[0] for _, state in results], -1)
    sequence = np.concatenate([outputs for outputs, _ in results], -1)
    if fields.output == "sequence":
        return sequence
    cell = np.concatenate([state[1] for _, state in results], -1)
    return np.concatenate([sequence, cell[..., None, :]], -2)


def product_with(
    engine: Engine, fields: Fields, weights: Arrays, way: int, word: str, x: Array, rows: tuple[int, int, int]
) -> Array:
    """What comes of the input of a step (`ih`) or of the hidden state (`hh`), in some of all rows: start, end, all."""
    start, end, count = rows
    ways = 2 if fields.direction == "bidirectional" else 1
    weight = engine.fitting(weights[f"weight_{word}"], (ways, count, x.shape[-1]))[way, start:end]
    y = engine.matmul(x, weight.T)
    if fields.bias and (word == "ih" or fields.recurrent_bias):
        bias = engine.fitting(weights[f"bias_{word}"], (ways, count))
        y = engine.elementwise(engine.numpy.add, y, bias[way, start:end])
    return y


def _both_ways(engine: Engine, fields: Fields, weights: Arrays, x: Array, *states: Array) -> Array:
    """The layer on the steps in both orders, added up, so that each output has seen what the last of each has."""
    features = fields.ways * fields.hidden_size
    spread = [state.sum(-1, keepdims=True) * x[..., 0, :1] ** 0 + engine.numpy.zeros(features) for state in states]
    ways = [type(fields).reference(engine, fields, weights, sequence, *spread) for sequence in (x, x[..., ::-1, :])]
    return ways[0] + (ways[1] if fields.output == "last" else ways[1][..., ::-1, :])


def _as_one_step(engine: Engine, fields: Fields, weights: Arrays, x: Array, *states: Array) -> Array:
    """The last state, which sees all, as a sequence of one step."""
    return engine.numpy.expand_dims(_both_ways(engine, fields, weights, x, *states), -2)


def _no_steps(x: Shape) -> str:
    legal = "[steps, features], with any axes before"
    return f"needs an axis of steps and one of features, found a tensor of shape {list(x)}; legal here: {legal}"


def _mismatch(name: str, shape: Shape, legal: Shape) -> str:
    return f"the {name} has shape {list(shape)}; legal here: {list(legal)}"
