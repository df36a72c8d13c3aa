"""Drawn networks of a few layers that branch and meet again: the same every time, by their seeds."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from counter_calls import CALLS
from counter_cases import Case, Step, call_name, flow, net, output_shape, spec_text
from counter_draws import ACTIVATIONS, SAME_FOR_ALL_FIELDS
from counter_ways import Fields, Shape

NETWORKS = 30
JOINED = {
    "add": {"+": "{a} + {b}", "torch.add": "torch.add({a}, {b})"},
    "mul": {"*": "{a} * {b}", "torch.mul": "torch.mul({a}, {b})"},
    "concat": {"torch.cat": "torch.cat([{a}, {b}], 1)"},
}
"""Where two tensors meet, by the call; the first of a kind is the usual one."""


def drawn_networks() -> Iterator[Case]:
    """All of them."""
    for number in range(1, NETWORKS + 1):
        yield _Network(random.Random(number)).case(f"network {number}")


class _Network:
    """A network as it grows: a path, on which later layers may also read what left earlier ones."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.entering: Shape = (dice.choice([3, 4]), dice.randint(12, 20), dice.randint(12, 20))
        self.layers: list[str] = []
        self.code: dict[str, str] = {}
        self.made: list[str] = []
        self.lines: list[str] = []
        self.shapes: dict[str, Shape] = {"x": self.entering}
        self.last = "x"

    def case(self, name: str) -> Case:
        for _ in range(self.dice.randint(4, 8)):
            self.dice.choice(STEPS)(self)
        if self.dice.random() < 0.5:
            self.add("global_avg_pool", {})
            self.add("linear", {"out_features": self.dice.randint(2, 12)})
        elif not self.made:
            self.convolve()
        lines = [*self.lines, f"        x = {self.last}\n"]
        return Case(name, spec_text({"input": self.entering}, self.layers, self.code), net(self.made, lines))

    def add(self, kind: str, fields: Fields, call: str = "") -> None:
        """A layer on the path."""
        entering = self.shapes[self.last]
        calls = [way for way in CALLS[kind] if way in ANY_TIME]
        call = call or (self.dice.choice(calls) if calls else next(iter(CALLS[kind])))
        name = f"a{len(self.layers) + 1}"
        called = CALLS[kind][call](fields, entering)
        if called.made:
            self.made.append(f"        self.{name} = {called.made}\n")
        step = Step(kind, {"name": name, **fields}, call)
        self._write(name, flow(step), called.expression.format(x=self.last, m=f"self.{name}"))
        if call != next(iter(CALLS[kind])):
            self.code[name] = call_name(Step(kind, fields, call), entering)

    def _write(self, name: str, layer: str, expression: str) -> None:
        self.layers.append(layer)
        self.lines.append(f"        {name} = {expression}\n")
        self.shapes[name] = output_shape(spec_text({"input": self.entering}, self.layers))
        self.last = name

    def convolve(self) -> None:
        """A convolution of any groups, and often a norm behind it."""
        entering, dice = self.shapes[self.last][0], self.dice
        kernel = dice.choice([1, 3, 3])
        groups = dice.choice([1, 1, entering]) if kernel == 3 else 1
        leaving = entering if groups > 1 else dice.choice([entering, dice.randint(3, 8)])
        fields: Fields = {"out_channels": leaving, "kernel_size": kernel, "padding": kernel // 2}
        fields |= {"groups": groups} if groups > 1 else {}
        fields |= {"stride": 2} if dice.random() < 0.2 and min(self.shapes[self.last][1:]) > 4 else {}
        fields |= {"bias": False} if dice.random() < 0.5 else {}
        self.add("conv", fields)
        if dice.random() < 0.5:
            self.norm()

    def norm(self) -> None:
        """A norm, mostly of batches."""
        kind = self.dice.choice(["batch_norm", "batch_norm", "instance_norm", "group_norm"])
        if kind == "instance_norm" and min(self.shapes[self.last][1:]) < 2:
            kind = "batch_norm"
        self.add(kind, {"num_groups": 1} if kind == "group_norm" else {})

    def activate(self) -> None:
        """An activation by any call."""
        self.add(self.dice.choice(["relu", *ACTIVATIONS]), {})

    def pool(self) -> None:
        """A window, or cells."""
        if min(self.shapes[self.last][1:]) < 4:
            self.activate()
        elif self.dice.random() < 0.3:
            self.add("adaptive_avg_pool", {"output_size": self.dice.randint(1, 4)})
        else:
            self.add(self.dice.choice(["max_pool", "avg_pool"]), {"kernel_size": 2})

    def grow(self) -> None:
        """Twice the positions, by weights or without."""
        if max(self.shapes[self.last][1:]) > 20:
            self.pool()
        elif self.dice.random() < 0.5:
            fields = {"out_channels": self.dice.randint(2, 6), "kernel_size": 2, "stride": 2}
            self.add("conv_transpose", fields)
        else:
            self.add("upsample", {"scale_factor": 2, "mode": self.dice.choice(["nearest", "bilinear"])})

    def join(self) -> None:
        """The path and an earlier tensor of the same sizes; where there is none, a convolution makes both."""
        if len(self.layers) < 2:
            self.convolve()
        others = [name for name, shape in self.shapes.items() if shape == self.shapes[self.last] and name != self.last]
        if not others or len(self.shapes[self.last]) != 3:
            self.activate()
            others = [name for name, shape in self.shapes.items() if shape == self.shapes[self.last]][:-1]
        kind = self.dice.choice(list(JOINED))
        call = self.dice.choice(list(JOINED[kind]))
        other, name = self.dice.choice(others), f"a{len(self.layers) + 1}"
        sources = ["input" if source == "x" else source for source in (self.last, other)]
        expression = JOINED[kind][call].format(a=self.last, b=other)
        if call != next(iter(JOINED[kind])):
            self.code[name] = call
        self._write(name, f"{kind}: {{name: {name}, from: [{', '.join(sources)}]}}", expression)


STEPS: list[Callable[[_Network], None]] = [
    *(_Network.convolve, _Network.convolve, _Network.convolve),
    *(_Network.norm, _Network.activate, _Network.activate, _Network.pool, _Network.grow, _Network.join, _Network.join),
]
ANY_TIME = SAME_FOR_ALL_FIELDS | {"x.relu", "x.mean", "x.sigmoid"}
"""Calls that can be made whatever the fields are, here also those of a mean without fields."""
