"""The costs of one step of training: forward, back, and the optimiser's step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from convcalc import steps
from convcalc.analysis.learning.lines import SUMMED
from convcalc.analysis.learning.moments import Sizes, StepMemory
from convcalc.analysis.learning.naming import named
from convcalc.analysis.learning.records import (
    STATES,
    CheckpointedPart,
    Checkpointing,
    Optimizer,
    TrainedLayer,
    Training,
    TrainingConvention,
    TrainingTotals,
)
from convcalc.analysis.learning.segments import Segment, segments
from convcalc.analysis.learning.wanted import AskedGradients, asked
from convcalc.analysis.report import sums
from convcalc.arithmetic.number import product
from convcalc.arithmetic.precision import Precision
from convcalc.arithmetic.precision import precision as precision_of
from convcalc.network import Network

_LAYER_STEPS = 40
"""Steps that a layer takes, with its moments forward and back."""


def training(
    network: Network,
    *,
    optimizer: Optimizer = "sgd",
    freeze: Sequence[str] = (),
    checkpoint: Sequence[str] = (),
    batch: int = 1,
    dtype: str | Precision = "float32",
) -> Training:
    """MACs of the way forward and back, what is kept in between, and the most memory that a step of training takes.

    `freeze` names layers that learn nothing, `checkpoint` those that run again on the way back and so keep nothing but
    what enters them: each by a layer's name, the path of a block, or a pattern such as ``layer?.*``. What a spec says
    in `deploy`, and formats of single layers, are for a network that has been trained, and do not count here.

    Raises:
        ValueError: a batch below 1, an optimiser or a format that there is not, or one of whole numbers; names that no
            layer has (`NoSuchLayers`); layers that share weights, only some of them frozen (`UnevenFreeze`);
            a network that is fused.
        OutOfSteps: there are more layers than a run may go through.
    """
    if optimizer not in STATES:
        raise ValueError(f"optimizer: expected one of {', '.join(STATES)}, found {optimizer}")
    if batch < 1:
        raise ValueError(f"batch: expected a whole number from 1, found {batch}")
    precision = _formats(dtype)
    _refuse_kernels(network)
    steps.spend(_LAYER_STEPS * len(network.nodes))
    frozen = named(network, freeze, "freeze")
    gradients = asked(network, frozen)
    parts = segments(network, named(network, checkpoint, "checkpoint"), gradients)
    sizes = Sizes(network, batch, precision)
    memory = StepMemory(network, sizes, gradients, parts, optimizer)
    again = {index for segment in parts for index in segment.again}
    layers = tuple(_layers(network, sizes, gradients, memory, STATES[optimizer], again, frozen))
    peak = max(memory.moments, key=lambda moment: moment.alive.bytes)
    return Training(
        network=network,
        convention=TrainingConvention(batch=batch, dtype=str(precision), optimizer=optimizer),
        precision=precision,
        totals=_totals(layers, gradients, memory),
        layers=layers,
        moments=memory.moments,
        peak=peak,
        unreached=tuple(network.nodes[index].name for index in gradients.unreached),
        checkpointing=_checkpointing(network, sizes, gradients, parts, optimizer, layers) if checkpoint else None,
    )


def _refuse_kernels(network: Network) -> None:
    from convcalc.fusing.kernels import Kernel

    kernel = next((node.name for node in network.layers if isinstance(node.config, Kernel)), None)
    if kernel is not None:
        raise ValueError(
            f"network: expected one as it is written, found a fused one, with kernel `{kernel}`: layers merge once "
            "training is over; take the network that was fused, which a report has as `written`"
        )


def _formats(dtype: str | Precision) -> Precision:
    """The formats by role; nothing is learned in whole numbers.

    Raises:
        ValueError: there is no such format, or it is one of whole numbers.
    """
    try:
        formats = precision_of(dtype) if isinstance(dtype, str) else dtype
    except ValueError as error:
        raise ValueError(f"dtype: {error}") from None
    for part in (formats.weights, formats.activations, formats.bias):
        if part.is_integer:
            raise ValueError(
                f"dtype: training takes a format with fractions, such as float32 or bfloat16, found {part}"
            )
    return formats


def _layers(
    network: Network,
    sizes: Sizes,
    gradients: AskedGradients,
    memory: StepMemory,
    states: int,
    again: set[int],
    frozen: dict[int, tuple[int, str]],
) -> Iterator[TrainedLayer]:
    trained: dict[int, int] = {}
    for (owner, name), shape in gradients.trained.items():
        trained[owner] = trained.get(owner, 0) + sizes.array(name, shape)
    for index in range(network.input_count, len(network.nodes)):
        node, shapes, wanted = network.nodes[index], network.shapes_into(network.nodes[index]), gradients.wanted[index]
        macs = node.config.macs(*shapes) * sizes.batch
        back = node.config.gradient_macs(wanted, *shapes) if wanted.anything else (0, 0)
        gradient_bytes = trained.get(index, 0)
        yield TrainedLayer(
            name=node.name,
            kind=node.kind,
            line=node.line,
            output_shape=node.shape,
            params=node.config.own_params(node.borrowed_names, *shapes) if node.shared is None else 0,
            macs=macs,
            input_gradient_macs=back[0] * sizes.batch,
            weight_gradient_macs=back[1] * sizes.batch,
            recomputed_macs=macs if index in again else 0,
            kept_bytes=memory.kept_by[index],
            gradient_bytes=gradient_bytes,
            state_bytes=states * gradient_bytes,
            frozen=index in frozen and bool(node.config.weights(*shapes)),
            costed=node.config.costed,
        )


def _totals(layers: tuple[TrainedLayer, ...], gradients: AskedGradients, memory: StepMemory) -> TrainingTotals:
    added, always = sums(layers, SUMMED), memory.moments[0].alive
    ways = ("macs", "input_gradient_macs", "weight_gradient_macs", "recomputed_macs")
    return TrainingTotals(
        **added,
        trained_params=sum(product(shape) for shape in gradients.trained.values()),
        step_macs=sum(added[way] for way in ways),
        weight_bytes=always.weights,
        buffer_bytes=always.buffers,
        peak_bytes=max(moment.alive.bytes for moment in memory.moments),
    )


def _checkpointing(
    network: Network,
    sizes: Sizes,
    gradients: AskedGradients,
    parts: tuple[Segment, ...],
    optimizer: Optimizer,
    layers: tuple[TrainedLayer, ...],
) -> Checkpointing:
    """What is saved by running segments again, beside the same step without."""
    steps.spend(_LAYER_STEPS * len(network.nodes))
    plain = StepMemory(network, sizes, gradients, (), optimizer)
    first = network.input_count
    described = (
        CheckpointedPart(
            name=part.name,
            first=network.nodes[part.first].name,
            last=network.nodes[part.last - 1].name,
            layers=len(part.again),
            macs=sum(layers[index - first].recomputed_macs for index in part.again),
        )
        for part in parts
    )
    return Checkpointing(
        parts=tuple(described),
        peak_bytes_without=max(moment.alive.bytes for moment in plain.moments),
        kept_bytes_without=plain.kept,
    )
