"""A fused network run beside the network as it is written: the same function, tensor by tensor.

Both get the same input. Each kernel runs when the layers that it is made of have run, and its output is held against
that of the last of them. What each of them rounds differs by (16 + √n)·eps of the largest number that enters or leaves,
n numbers to an element, as in `convcalc.reference.rounding`; a tensor may differ by what all kernels up to it have
rounded, added up as errors that know nothing of each other. A network may enlarge what was rounded on the way. Where
that is not enough, it is measured: the network as written runs once more, every tensor of it moved by about its own
rounding, and what that does to a tensor, 16 times, is what it may differ by.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from msgspec.structs import replace

from convcalc import steps
from convcalc.fusing import Fusion
from convcalc.network import Network, Node
from convcalc.reference.against import ValueCheck, apart
from convcalc.reference.execution import Step, execute, running_steps
from convcalc.reference.folded import KernelWeights, Lasting
from convcalc.reference.impulses import check_folded
from convcalc.reference.measured import Measured, kept
from convcalc.reference.rounding import largest
from convcalc.reference.weights import RandomWeights
from convcalc.tensors.engine import Array, Engine

_DISTURBED = 16
"""A tensor may differ by so many times what disturbing every layer by its own rounding does to it."""

Inputs = Mapping[str, Array]


class Beside:
    """Runs the network as written up to a kernel, then compares what the kernel made.

        beside = Beside(fusion, inputs, KernelWeights(fusion, weights), engine)
        for step in execute(fusion.network, inputs, beside, engine):
            check = beside.compare(step)

    It stands between the executor and the kernels' arrays, as these are drawn for the tensors of the network as
    written. `seen` is what was measured of that one, `folded` what came of the arrays of the kernel that runs.
    """

    def __init__(
        self,
        fusion: Fusion,
        inputs: Inputs,
        weights: KernelWeights,
        engine: Engine,
    ) -> None:
        self.fusion = fusion
        self._weights = weights
        self.seen: list[Measured] = []
        self.folded: ValueCheck | None = None
        self._run = execute(fusion.original, inputs, weights.as_written, engine)
        self._awaited = {places_end(fusion, index) for index in range(len(fusion.parts))}
        self._reached = fusion.original.input_count - 1
        self._outputs: dict[int, Array] = {}
        self._entering = 0.0
        self._spread = 0.0

    def of(self, index: int, inputs: Sequence[Array]) -> Mapping[str, Array]:
        """The arrays of a kernel, once the layers that it is made of have run."""
        self._entering = max(map(largest, inputs), default=0.0)
        self._go_to(places_end(self.fusion, index))
        self.folded = check_folded(self.fusion, index, self._weights)
        return self._weights.of(index)

    def done(self, index: int) -> None:
        """The kernel has run; see `Weights`."""
        self._weights.done(index)

    def finish(self) -> None:
        """Run what no kernel waits for."""
        self._go_to(len(self.fusion.original.nodes) - 1)

    def _go_to(self, place: int) -> None:
        while self._reached < place:
            step = next(self._run)
            self._reached = step.place
            if step.place in self._awaited and step.output is not None:
                self._outputs[step.place] = step.output
            self.seen.append(kept(step))
            del step

    def compare(self, step: Step) -> ValueCheck:
        """The output of the kernel that the executor has just run against that of the last layer in it."""
        written = self._outputs.pop(places_end(self.fusion, step.place), None)
        if step.output is None or written is None:
            return ValueCheck(step.place, reason="the executor has no output")
        shape = tuple(written.shape[1:])
        if step.output.shape != written.shape:
            return ValueCheck(step.place, shape, math.inf, 0.0)
        size = max(self._entering, largest(step.output), largest(written))
        numbers = step.multiplications / max(step.output.size, 1)
        rounded = float(np.finfo(step.output.dtype).eps) * (16 + math.sqrt(numbers))
        self._spread = math.hypot(self._spread, rounded)
        return ValueCheck(step.place, shape, apart(step.output, written), self._spread * size)


def places_end(fusion: Fusion, index: int) -> int:
    """The last of the layers that the node at `index` of a fused network is made of, as they are written."""
    return fusion.parts[index].nodes[-1]


def settled(
    fusion: Fusion, checks: Sequence[ValueCheck], inputs: Inputs, weights: RandomWeights, engine: Engine
) -> list[ValueCheck]:
    """The checks, those that differ held against what a rounding put into every tensor does to theirs as well."""
    network = fusion.original
    if not steps.afford(2 * sum(map(_steps_of, [network] * len(network.layers), network.layers))):
        return [replace(check, reason=_UNSETTLED) if check.agrees is False else check for check in checks]
    differing = {places_end(fusion, check.place) for check in checks if check.agrees is False}
    with np.errstate(all="ignore"):
        allowed = _moved(network, inputs, weights, engine, differing)
    tolerances = (max(check.tolerance, allowed.get(places_end(fusion, check.place), 0.0)) for check in checks)
    return [replace(check, tolerance=tolerance) for check, tolerance in zip(checks, tolerances, strict=True)]


_UNSETTLED = "it differs by more than was rounded, and the steps do not last to see what rounding does to it"


def _steps_of(network: Network, node: Node) -> int:
    shapes, config = network.shapes_into(node), node.config
    return running_steps(
        config, node.shape, config.macs(*shapes), config.elementwise_ops(*shapes), config.params(*shapes)
    )


def _moved(
    network: Network, inputs: Inputs, weights: RandomWeights, engine: Engine, places: set[int]
) -> dict[int, float]:
    """By how much the tensors at `places` may differ."""
    exact = execute(network, inputs, Lasting(weights), engine)
    others = {name: array.copy() for name, array in inputs.items()}
    disturbed = _disturbed(execute(network, others, weights, engine), np.random.default_rng(0))
    allowed = {}
    for step, other in zip(exact, disturbed, strict=True):
        if step.place in places and step.output is not None and other.output is not None:
            allowed[step.place] = _DISTURBED * apart(step.output, other.output)
        del step, other
    return allowed


def _disturbed(run: Iterator[Step], generator: np.random.Generator) -> Iterator[Step]:
    """The steps of a run, every element of what they made moved by about its own rounding."""
    for step in run:
        output = step.output
        if output is not None and step.output_bytes and output.flags.writeable and output.dtype.kind == "f":
            output *= 1 + np.finfo(output.dtype).eps * generator.standard_normal(output.shape).astype(output.dtype)
        yield step
        del step, output
