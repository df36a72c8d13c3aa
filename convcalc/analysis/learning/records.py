"""What is known of a step of training. Every number is an exact int; what is not known of a layer is left out of it."""

from __future__ import annotations

from typing import Literal

import msgspec

from convcalc.arithmetic.precision import Precision
from convcalc.layers import UNSIZED, Shape
from convcalc.network import Network
from convcalc.presenting import Presented

Optimizer = Literal["sgd", "momentum", "adam"]

STATES = {"sgd": 0, "momentum": 1, "adam": 2}
"""Numbers that an optimiser keeps for each parameter that it moves."""

Phase = Literal["forward", "loss", "recompute", "backward", "step"]
"""A part of a step of training: `recompute` is a layer's way forward once more, `step` that of the optimiser."""


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that are in memory at one time, by what they are there for.

    `gradients` are those of the weights, `state` is the optimiser's. `kept` is what layers keep for the way back,
    `tensors` are those between layers that are still to be read and that no layer keeps, `tensor_gradients` the
    gradients of tensors between layers.
    """

    weights: int = 0
    buffers: int = 0
    gradients: int = 0
    state: int = 0
    kept: int = 0
    tensors: int = 0
    tensor_gradients: int = 0

    @property
    def bytes(self) -> int:
        """All of them together."""
        between = self.kept + self.tensors + self.tensor_gradients
        return self.weights + self.buffers + self.gradients + self.state + between


class StepMoment(msgspec.Struct, frozen=True):
    """What is alive while a layer runs forward or back; without a layer, at the loss or at the optimiser's step."""

    phase: Phase
    layer: str
    alive: Alive


class TrainedLayer(msgspec.Struct, frozen=True, kw_only=True):
    """One layer in training. MACs are for the batch; shapes are without it.

    `input_gradient_macs` are those of the gradients of what enters and of what is made on the way, and
    `weight_gradient_macs` those of the gradients of the layer's own arrays. `recomputed_macs` are those of running it
    once more. `kept_bytes` is what it keeps for the way back and no layer before it does, `gradient_bytes` and
    `state_bytes` are of the arrays that are its own. `frozen`: it has learned something and is told to leave it.
    `costed`: what it costs is known. Where it is not, its numbers are 0.
    """

    name: str
    kind: str
    line: int
    output_shape: Shape
    params: int
    macs: int
    input_gradient_macs: int
    weight_gradient_macs: int
    recomputed_macs: int
    kept_bytes: int
    gradient_bytes: int
    state_bytes: int
    frozen: bool = False
    costed: bool = True


class TrainingTotals(msgspec.Struct, frozen=True, kw_only=True):
    """The sums over the layers, and what follows from them.

    `trained_params` are those that the step moves: not frozen, and behind which the loss is. `step_macs` are all MACs
    of the step, `kept_bytes` what is kept when the way forward ends. `peak_bytes` is the most that is in memory at one
    time.
    """

    params: int
    trained_params: int
    macs: int
    input_gradient_macs: int
    weight_gradient_macs: int
    recomputed_macs: int
    step_macs: int
    weight_bytes: int
    buffer_bytes: int
    gradient_bytes: int
    state_bytes: int
    kept_bytes: int
    peak_bytes: int


class CheckpointedPart(msgspec.Struct, frozen=True):
    """Layers that keep nothing but what enters them, and run again on the way back: the first, the last, how many run.

    `name` is the block's that they are, or the first layer's. `macs` are those of running them again.
    """

    name: str
    first: str
    last: str
    layers: int
    macs: int


class Checkpointing(msgspec.Struct, frozen=True, kw_only=True):
    """What running layers again saves: the peak, and what is kept, where nothing ran again."""

    parts: tuple[CheckpointedPart, ...]
    peak_bytes_without: int
    kept_bytes_without: int


class TrainingConvention(msgspec.Struct, frozen=True, kw_only=True):
    """What the numbers count, and for which batch, formats and optimiser."""

    batch: int
    dtype: str
    optimizer: Optimizer
    macs: str = "1 MAC = one multiply and its add, padded taps counted; element-wise work is not counted"
    memory: str = (
        "nothing is overwritten, what only gets another shape shares memory, every gradient is an array of its own, "
        "the optimiser's state is there throughout"
    )


class Training(Presented, msgspec.Struct, frozen=True, kw_only=True):
    """A step of training: layer by layer, and at every moment from the first layer to the optimiser's step.

    `peak` is the first of the `moments` at which the most is in memory. `unreached` names the layers whose weights no
    gradient comes to, though they are not frozen: no output depends on them, or only through what passes none on.
    """

    network: Network
    convention: TrainingConvention
    precision: Precision
    totals: TrainingTotals
    layers: tuple[TrainedLayer, ...]
    moments: tuple[StepMoment, ...]
    peak: StepMoment
    unreached: tuple[str, ...] = ()
    checkpointing: Checkpointing | None = None

    @property
    def uncosted(self) -> tuple[str, ...]:
        """The layers of which it is not known what they cost, by name."""
        return tuple(layer.name for layer in self.layers if not layer.costed)

    @property
    def unsized(self) -> tuple[str, ...]:
        """The layers of which it is not even known how large their outputs are, by name."""
        return tuple(layer.name for layer in self.layers if layer.output_shape == UNSIZED)
