"""Element-wise operations of every kind, against doing them one by one, as the page of the kind says what they are.

Nothing here multiplies sizes: elements are visited, and for each one what is done to it is taken down.
"""

from __future__ import annotations

import operator
import random
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import reduce
from itertools import product
from math import ceil, prod
from typing import Any

import brute_force
import numpy as np
import pytest
from conftest import MANY, draws, load
from hypothesis import given, settings

from convcalc import layers
from convcalc.layers import Shape
from convcalc.reference.execution import written
from convcalc.tensors.engine import Engine

CONVENTION = "convcalc.layers.families.activations"
"""Where activations are: one operation an element, whatever the formula."""


def elements(shape: Shape) -> Iterator[tuple[int, ...]]:
    return product(*map(range, shape))


def of_each(steps: Callable[[Any, Shape], list[str]]) -> Callable[..., int]:
    """The same steps for every element that enters."""
    return lambda config, x: sum(1 for _ in elements(x) for _ in steps(config, x))


def added(config: Any, *inputs: Shape) -> int:
    """A bias is added to every element that leaves."""
    return sum(1 for _ in elements(config.shape(*inputs)) if config.bias)


def normalised(config: Any, x: Shape) -> list[str]:
    weighed = config.elementwise_affine if "elementwise_affine" in config.__struct_fields__ else config.affine
    if getattr(config, "track_running_stats", False):
        return ["known scale", "known shift"]
    return ["its part of the mean", "its part of the variance", "difference", "quotient", *["weights"] * bool(weighed)]


def moved(config: Any, x: Shape) -> list[str]:
    return ["times factor"] * (config.factor != 1) + ["plus addend"] * (config.addend != 0)


def among_neighbours(config: Any, x: Shape) -> list[str]:
    window = range(-(config.size // 2), (config.size + 1) // 2)
    additions = ["addition" for away in window if 0 < abs(away) < x[0]]
    return ["square", *additions, "scaling and shift", "power", "division"]


def met(config: Any, *inputs: Shape) -> int:
    """Between every two inputs, at every element that leaves."""
    return sum(1 for _ in elements(config.shape(*inputs)) for _ in inputs[1:])


def attended(config: Any, x: Shape) -> int:
    *before, tokens, features = x
    steps = 0
    for _ in elements(tuple(before)):
        for _head, _query, _key in product(range(config.num_heads), range(tokens), range(tokens)):
            steps += len(["scaling", "exponential", "sum", "division"])
        for _array, _token, _feature in product(["query", "key", "value", "output"], range(tokens), range(features)):
            steps += config.bias
    return steps


def weighed(config: Any, query: Shape, key: Shape, value: Shape, *mask: Shape) -> int:
    steps = 0
    for _query, _key in product(elements(query[:-1]), range(key[-2])):
        steps += len(["exponential", "sum", "division"]) + (config.scale != 1)
        steps += len(["division", "tanh", "product"]) if config.softcap else 0
        steps += bool(mask or config.is_causal or config.left_window is not None or config.right_window is not None)
    return steps


def stepped(*steps: str, gates: int) -> Callable[..., int]:
    """The same for every hidden unit at every step of every sequence, from each end; a gate is a sum of its own."""

    def counted(config: Any, x: Shape, *states: Shape) -> int:
        done = [*steps, *["sum of two", "plus bias_ih"][: 1 + config.bias] * gates]
        done += ["plus bias_hh"] * (gates if config.bias and config.recurrent_bias else 0)
        done += ["held within bounds"] * (gates if config.clip is not None else 0)
        done += ["product with the cell state", "sum with it"] * (3 if getattr(config, "peephole", False) else 0)
        ways = {"forward": ["on"], "reverse": ["back"], "bidirectional": ["on", "back"]}[config.direction]
        return sum(1 for _ in product(elements(x[:-1]), ways, range(config.hidden_size), done))

    return counted


def sampled(config: Any, x: Shape, *maps: Shape) -> int:
    """Every tap of every channel at every position is a sample, of the corners around its place."""
    steps = added(config, x, *maps)
    for _ in product(range(x[0]), *map(range, config.kernel_size), elements(config.shape(x, *maps)[1:])):
        steps += len(list(product(["below", "above"], repeat=len(config.kernel_size)))) + (len(maps) == 2)
    return steps


def places(taps: int, ratio: Fraction) -> int:
    """The most whole places within a filter as long as its taps, stretched by the ratio, wherever it begins."""
    length = taps * max(ratio, Fraction(1))
    begins = (Fraction(step, 4 * ratio.denominator) for step in range(4 * ratio.denominator))
    return max(sum(begin < place < begin + length for place in range(ceil(length) + 2)) for begin in begins)


def interpolated(config: Any, x: Shape) -> int:
    taps = {"nearest": 1, "bicubic": 4}.get(config.mode, 2)
    outputs = config.shape(x)
    around = []
    for axis, (size, count) in enumerate(zip(x[1:], outputs[1:], strict=True)):
        ratio = 1 / Fraction(*config.scale_factor[axis]) if config.scale_factor else Fraction(size, count)
        around.append(places(taps, ratio) if config.antialias else taps)
    return sum(1 for _ in elements(outputs) for _ in elements(tuple(around)))


def from_grid(config: Any, x: Shape, grid: Shape) -> int:
    """Every element that leaves is made of so many positions on each axis of the map."""
    around = [{"nearest": 1, "bilinear": 2, "bicubic": 4}[config.mode]] * (len(x) - 1)
    return sum(1 for _ in elements(config.shape(x, grid)) for _ in elements(tuple(around)))


def in_boxes(config: Any, x: Shape, boxes: Shape) -> int:
    """Every sample of every cell of every box: its four neighbours, and that it joins the others."""
    cell = [config.sampling_ratio or ceil(size / cells) for size, cells in zip(x[1:], config.output_size, strict=True)]
    steps = 0
    for _ in product(elements(config.shape(x, boxes)), elements(tuple(cell))):
        steps += len([*product(["above", "below"], ["left", "right"]), "joined"])
    return steps


def pooled(config: Any, x: Shape) -> int:
    return brute_force.pool(config, x)[2]


def compared(config: Any, x: Shape) -> int:
    _, outputs, taps = brute_force.pool(config, x)
    return taps - outputs


def of_cells(config: Any, x: Shape) -> int:
    return brute_force.adaptive_pool(config, x)[2]


def compared_in_cells(config: Any, x: Shape) -> int:
    _, outputs, taps = brute_force.adaptive_pool(config, x)
    return taps - outputs


def largest(config: Any, x: Shape) -> int:
    """Every position is compared with the largest so far, but for the first of each channel."""
    return sum(1 for _, *place in elements(x) if any(place))


def taken_together(config: Any, x: Shape) -> int:
    """Elements are added up or compared, some of them changed before; of some sums something is made."""
    before = {"l1": ["made positive"], "l2": ["squared"], "sum_square": ["squared"], "log_sum_exp": ["raised"]}
    behind = {"l2": ["root"], "log_sum": ["logarithm"], "log_sum_exp": ["logarithm"]}
    steps = sum(len([*before.get(config.operation, []), "it enters"]) for _ in elements(x))
    return steps + sum(len(behind.get(config.operation, [])) for _ in elements(config.shape(x)))


def updated(config: Any, x: Shape, indices: Shape, updates: Shape) -> int:
    """An update that replaces what is there is no arithmetic."""
    return sum(1 for _ in elements(updates) if config.reduction != "none")


COUNTED: dict[str, Callable[..., int]] = {
    "conv": added,
    "conv_transpose": added,
    "linear": added,
    "deform_conv": sampled,
    "attention": attended,
    "scaled_dot_product_attention": weighed,
    "lstm": stepped(
        "input gate", "forget gate", "output gate", "candidate", "kept", "let in", "sum of both", "of the cell state",
        "let out", gates=4),
    "gru": stepped("update", "reset", "new", "times reset", "1 - update", "of the new", "of the old", "sum", gates=3),
    "rnn": stepped("activation", gates=1),
    "upsample": interpolated,
    "grid_sample": from_grid,
    "roi_align": in_boxes,
    "fold": of_each(lambda config, x: ["added to what is there"]),
    "avg_pool": pooled,
    "max_pool": compared,
    "adaptive_avg_pool": of_cells,
    "adaptive_max_pool": compared_in_cells,
    "global_max_pool": largest,
    "global_avg_pool": of_each(lambda config, x: ["addition, or the division in place of the first"]),
    "reduce": taken_together,
    "scatter": updated,
    "top_k": of_each(lambda config, x: ["it is looked at"]),
    "cumulate": of_each(lambda config, x: ["with all before it"]),
    "softmax": of_each(lambda config, x: ["exponential", "its part of the sum", "division"]),
    "log_softmax": of_each(lambda config, x: ["exponential", "its part of the sum", "difference"]),
    "normalize": of_each(lambda config, x: ["power", "its part of the sum", "division"]),
    "rms_norm": of_each(
        lambda config, x: ["square", "its part of the sum", "quotient", *["times weight"] * config.elementwise_affine]
    ),
    "l2_norm": of_each(lambda config, x: ["square", "its part of the sum", "division"]),
    "local_response_norm": of_each(among_neighbours),
    "affine": of_each(moved),
    "scale": of_each(lambda config, x: ["times weight", *["plus bias"] * config.bias]),
    **dict.fromkeys(("batch_norm", "instance_norm", "group_norm", "layer_norm"), of_each(normalised)),
    **dict.fromkeys(("add", "sub", "mul", "div", "max", "min"), met),
    "elementwise": lambda config, *inputs: sum(1 for _ in elements(config.shape(*inputs))),
    "pow": of_each(lambda config, x: ["it"]),
    **dict.fromkeys(
        ("embedding", "gather", "one_hot", "trilu", "affine_grid", "max_pool_indices", "max_unpool", "unfold",
         "channel_shuffle", "concat", "crop", "dropout", "flatten", "identity", "matmul", "opaque", "pad", "parameter",
         "permute", "pixel_shuffle", "pixel_unshuffle", "reshape", "slice", "split"),
        lambda config, *inputs: 0,
    ),
}  # fmt: skip


class Counted:
    """A number that takes down what is done to it; `steps` is shared by all that come of it."""

    def __init__(self, value: float, steps: list[str]) -> None:
        self.value, self.steps = value, steps

    def done(self, what: str, value: Any) -> Counted:
        self.steps.append(what)
        return Counted(float(value), self.steps)


def taken_down(name: str, work: Callable[..., Any]) -> Callable[..., Counted]:
    def method(self: Counted, *others: Any) -> Counted:
        return self.done(name, work(self.value, *(getattr(other, "value", other) for other in others)))

    return method


ARITHMETIC: dict[str, Callable[..., float]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "truediv": operator.truediv, "pow": operator.pow,
    "radd": lambda a, b: b + a, "rsub": lambda a, b: b - a, "rmul": operator.mul, "rtruediv": lambda a, b: b / a,
}  # fmt: skip
for word, work in ARITHMETIC.items():
    setattr(Counted, f"__{word}__", taken_down(word, work))
Counted.__abs__ = lambda self: Counted(abs(self.value), self.steps)  # type: ignore[attr-defined]  # a sign is no work


class OneByOne(Engine):
    """An engine that takes windows together tap by tap, and has counted numbers on the padding as well."""

    def __init__(self, steps: list[str]) -> None:
        super().__init__()
        self.steps = steps

    def pad(self, x: Any, pads: Any, mode: str = "zeros", fill: float = 0.0) -> Any:
        assert mode == "zeros"
        on_it: Any = Counted(fill, self.steps)
        return np.pad(x, [(0, 0), (0, 0), *pads], constant_values=on_it)

    def reduced(self, function: Any, x: Any, kernel: Any, stride: Any, dilation: Any) -> Any:
        geometry = list(zip(x.shape[2:], kernel, stride, dilation, strict=True))
        sizes = [(size - d * (k - 1) - 1) // s + 1 for size, k, s, d in geometry]
        y = np.empty((*x.shape[:2], *sizes), object)
        for place in np.ndindex(*y.shape):
            axes = zip(place[2:], stride, kernel, dilation, strict=True)
            window = (slice(p * s, p * s + d * (k - 1) + 1, d) for p, s, k, d in axes)
            y[place] = reduce(function, x[(*place[:2], *window)].ravel())
        return y


def carried_out(config: Any, *inputs: Shape) -> int:
    """What the kind's reference really does, number by number: for kinds of which nothing is written above."""
    steps: list[str] = []
    entering = []
    for x in inputs:
        numbers = [Counted(value, steps) for value in np.random.default_rng(0).standard_normal(prod(x))]
        entering.append(np.array(numbers, object).reshape(1, *x))
    type(config).reference(OneByOne(steps), written(config), {}, *entering)
    return len(steps)


@pytest.mark.parametrize("name", ["affine", "sub", "div", "crop", "permute"])
@settings(max_examples=MANY or 10)
@given(draw=draws)
def test_operations_can_be_counted_where_they_are_carried_out(name: str, draw: random.Random) -> None:
    config, inputs = load(name).case(draw)
    assert carried_out(config, *inputs) == COUNTED[name](config, *inputs)


@pytest.mark.parametrize("name", layers.names())
@settings(max_examples=MANY or 25)
@given(draw=draws)
def test_operations_are_those_that_are_done(name: str, draw: random.Random) -> None:
    config, inputs = load(name).case(draw)
    is_activation = name not in COUNTED and load(name).__module__.startswith(CONVENTION)
    steps = of_each(lambda config, x: ["it"]) if is_activation else COUNTED.get(name, carried_out)
    assert config.elementwise_ops(*inputs) == steps(config, *inputs)
