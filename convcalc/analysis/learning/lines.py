"""The lines of a table of training: layers, blocks or kinds, with repeats folded into one line."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from convcalc.analysis.learning.records import Phase, TrainedLayer, Training
from convcalc.analysis.lines import By, grouped
from convcalc.analysis.report import sums
from convcalc.layers import Shape
from convcalc.network import Group

SUMMED = (
    *("params", "macs", "input_gradient_macs", "weight_gradient_macs", "recomputed_macs"),
    *("kept_bytes", "gradient_bytes", "state_bytes"),
)
"""What a line adds up of its layers, as `TrainedLayer` calls it."""
ALIVE: dict[str, Phase] = {
    "forward_alive_bytes": "forward",
    "recompute_alive_bytes": "recompute",
    "backward_alive_bytes": "backward",
}
"""What a line has the largest of: all that is in memory while a layer runs, by the part of the step."""


class TrainingLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line: a layer, or several added up.

    `times` is how often a folded block is repeated, None for what is not. The shape is that of the last layer, None
    where layers are from all over the network. `frozen` and `uncosted` are how many of its layers are so. Bytes that
    are alive are the most while any of its layers runs; None where none runs in that part of the step.
    """

    name: str
    kind: str
    layers: int
    times: int | None
    output_shape: Shape | None
    params: int
    macs: int
    input_gradient_macs: int
    weight_gradient_macs: int
    recomputed_macs: int
    kept_bytes: int
    gradient_bytes: int
    state_bytes: int
    frozen: int
    uncosted: int
    forward_alive_bytes: int | None
    recompute_alive_bytes: int | None
    backward_alive_bytes: int | None

    @property
    def is_known(self) -> bool:
        """Whether there is any cost to speak of: not where it is known of none of its layers."""
        return self.uncosted < self.layers


def training_lines(
    training: Training, *, by: By = "layer", expand: bool = False, top: int | None = None
) -> list[TrainingLine]:
    """The layers in as few lines as asked for; `top` keeps those that keep the most bytes, in falling order.

    By layer, a repeated layer or block is one line unless `expand`; by block, so is every other block; by kind, layers
    of one kind are one line each.
    """
    in_order = _in_order(training)
    if by == "kind":
        kinds = grouped(in_order, lambda line: line.kind)
        in_order = sorted((_total(kind, kind, alike) for kind, alike in kinds.items()), key=_weight)
    elif not expand:
        start = training.network.input_count
        for group in reversed(_outermost(training.network.groups, repeats_only=by == "layer")):
            inside = slice(group.first - start, group.last - start)
            folded = in_order[inside]
            in_order[inside] = [_total(group.name, group.kind, folded, folded[-1].output_shape, group.times)]
    return in_order if top is None else sorted(in_order, key=_weight)[:top]


def _weight(line: TrainingLine) -> tuple[int, int]:
    """By which lines are in falling order."""
    return -line.kept_bytes, -line.macs


def _in_order(training: Training) -> list[TrainingLine]:
    alive = {(moment.phase, moment.layer): moment.alive.bytes for moment in training.moments}
    return [_line(layer, alive) for layer in training.layers]


def _line(layer: TrainedLayer, alive: dict[tuple[Phase, str], int]) -> TrainingLine:
    return TrainingLine(
        name=layer.name,
        kind=layer.kind,
        layers=1,
        times=None,
        output_shape=layer.output_shape,
        **sums([layer], SUMMED),
        frozen=int(layer.frozen),
        uncosted=int(not layer.costed),
        **{name: alive.get((phase, layer.name)) for name, phase in ALIVE.items()},  # type: ignore[arg-type]
    )


def _outermost(groups: Sequence[Group], *, repeats_only: bool) -> list[Group]:
    """The groups to fold, in order, those within others left out."""
    folded: list[Group] = []
    for group in sorted(groups, key=lambda group: (group.first, -group.last)):
        is_chosen = group.last > group.first and ((group.times or 0) > 1 or not repeats_only)
        if is_chosen and (not folded or group.first >= folded[-1].last):
            folded.append(group)
    return folded


def _total(
    name: str, kind: str, lines: Sequence[TrainingLine], shape: Shape | None = None, times: int | None = None
) -> TrainingLine:
    def most(amount: str) -> int | None:
        sizes = (getattr(line, amount) for line in lines)
        return max((size for size in sizes if size is not None), default=None)

    return TrainingLine(
        name=name,
        kind=kind,
        times=times,
        output_shape=shape,
        **sums(lines, (*SUMMED, "layers", "frozen", "uncosted")),
        **{amount: most(amount) for amount in ALIVE},  # type: ignore[arg-type]
    )
