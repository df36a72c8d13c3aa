"""A step of training both ways: worked out from shapes, and run on real arrays that are measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convcalc.analysis.learning.naming import named
from convcalc.analysis.learning.records import STATES, Optimizer, StepMoment, Training
from convcalc.analysis.learning.segments import segments
from convcalc.analysis.learning.training import training
from convcalc.analysis.learning.wanted import asked
from convcalc.network import Network
from convcalc.reference.training import TrainingStep
from convcalc.reference.weights import RandomWeights

Macs = tuple[int, int, int, int]
"""MACs of a layer: forward, of the gradients of inputs, of those of weights, and of running again."""


def run_step(
    network: Network,
    freeze: Sequence[str] = (),
    checkpoint: Sequence[str] = (),
    batch: int = 2,
    optimizer: Optimizer = "adam",
    dtype: str = "float32",
) -> TrainingStep:
    """A step of training that has been run, on drawn inputs and weights."""
    gradients = asked(network, named(network, freeze, "freeze"))
    parts = segments(network, named(network, checkpoint, "checkpoint"), gradients)
    drawn = np.random.default_rng(0)
    inputs = {node.name: drawn.standard_normal((batch, *node.shape)).astype(dtype) for node in network.inputs}
    weights = RandomWeights(network, dtype=dtype, keep=True)
    step = TrainingStep(network, inputs, weights, gradients, parts, STATES[optimizer])
    step.run()
    return step


def both(
    network: Network,
    freeze: Sequence[str] = (),
    checkpoint: Sequence[str] = (),
    batch: int = 2,
    optimizer: Optimizer = "adam",
    dtype: str = "float32",
) -> tuple[Training, TrainingStep]:
    """What is worked out of a step of training, and that step run."""
    costs = training(network, freeze=freeze, checkpoint=checkpoint, batch=batch, optimizer=optimizer, dtype=dtype)
    return costs, run_step(network, freeze, checkpoint, batch, optimizer, dtype)


def claimed(costs: Training) -> dict[str, Macs]:
    """The MACs of every layer, as they are worked out."""
    return {
        layer.name: (layer.macs, layer.input_gradient_macs, layer.weight_gradient_macs, layer.recomputed_macs)
        for layer in costs.layers
    }


def executed(step: TrainingStep) -> dict[str, Macs]:
    """The MACs of every layer, as they were counted."""
    network = step.network
    ways = ("forward", "inputs", "arrays", "recompute")
    return {
        network.nodes[index].name: tuple(step.macs.get((index, way), 0) for way in ways)  # type: ignore[misc]
        for index in range(network.input_count, len(network.nodes))
    }


def differences(costs: Training, step: TrainingStep) -> list[tuple[StepMoment, StepMoment]]:
    """The moments in which something else is in memory than is worked out, both beside each other."""
    assert [(moment.phase, moment.layer) for moment in costs.moments] == [
        (moment.phase, moment.layer) for moment in step.moments
    ]
    pairs = zip(costs.moments, step.moments, strict=True)
    return [(worked_out, seen) for worked_out, seen in pairs if worked_out != seen]
