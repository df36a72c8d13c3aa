"""What a view of training gets, and what there is to say of it, whatever the format."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from convcalc.analysis.learning.lines import TrainingLine
from convcalc.analysis.learning.records import STATES, Alive, StepMoment, Training
from convcalc.views import words
from convcalc.visible import short

Write = Callable[[int], str]
"""How a count is written: with all digits, or short."""

CATEGORIES = {
    "kept": "kept for the way back",
    "tensors": "tensors still to be read",
    "tensor_gradients": "gradients of tensors",
    "weights": "weights",
    "gradients": "gradients of weights",
    "state": "state of the optimiser",
    "buffers": "buffers",
}
"""What memory is there for, as people read it, by its name in `Alive`."""


class Trained(msgspec.Struct, frozen=True):
    """The training of a spec, and the lines to show of it; `is_folded`: they are something else than its layers."""

    path: str
    training: Training
    lines: list[TrainingLine]
    is_folded: bool = False


class TrainingFigure(msgspec.Struct, frozen=True):
    """A column of numbers: its `header`, the amount of a line that it shows, and how soon it is left out for room."""

    header: str
    amount: str
    is_bytes: bool
    rank: int

    def write(self, line: TrainingLine, count: Write, size: Write) -> str:
        """The cell of a line: empty where a layer asks for nothing of that."""
        number = getattr(line, self.amount)
        if not number and not line.uncosted:
            return ""
        text = (size if self.is_bytes else count)(number)
        if not line.uncosted:
            return text
        return f"≥ {text}" if line.is_known else "?"


FIGURES = (
    TrainingFigure("MACs", "macs", False, 3),
    TrainingFigure("of inputs", "input_gradient_macs", False, 2),
    TrainingFigure("of weights", "weight_gradient_macs", False, 1),
    TrainingFigure("again", "recomputed_macs", False, 4),
    TrainingFigure("kept", "kept_bytes", True, 0),
    TrainingFigure("gradients", "gradient_bytes", True, 5),
    TrainingFigure("state", "state_bytes", True, 6),
)
"""Columns of a table: MACs forward, those of both gradients, those of running again, and bytes."""


def figures(trained: Trained) -> list[TrainingFigure]:
    """The columns that have anything to show."""
    return [figure for figure in FIGURES if any(getattr(line, figure.amount) for line in trained.lines)]


def marks(line: TrainingLine) -> str:
    """What must be known of a line beside its numbers: that its layers are frozen."""
    if not line.frozen:
        return ""
    return "frozen" if line.layers == 1 or not line.gradient_bytes else f"{line.frozen} frozen"


def when(moment: StepMoment) -> str:
    """A moment in words."""
    layer = short(moment.layer)
    return {
        "forward": f"forward of {layer}",
        "loss": "the loss",
        "recompute": f"forward of {layer} once more",
        "backward": f"backward of {layer}",
        "step": "the step of the optimiser",
    }[moment.phase]


def size(count: int) -> str:
    """Bytes for people, and all digits beside what is rounded."""
    return words.binary(count) if count < 2**10 else f"{words.binary(count)} ({words.exact(count)} bytes)"


def parts(alive: Alive) -> list[tuple[str, int]]:
    """What is in memory by what it is there for, where there is any of it."""
    amounts = ((text, getattr(alive, name)) for name, text in CATEGORIES.items())
    return [(text, amount) for text, amount in amounts if amount]


def facts(training: Training) -> list[str]:
    """The figures below the table, a line each."""
    return [_macs(training), *_again(training), _learned(training), _kept(training), _peak(training)]


def _macs(training: Training) -> str:
    totals, uncosted = training.totals, len(training.uncosted)
    ways = [
        (totals.macs, "forward"),
        (totals.input_gradient_macs, "for inputs"),
        (totals.weight_gradient_macs, "for weights"),
        (totals.recomputed_macs, "again"),
    ]
    terms = " + ".join(f"{words.exact(macs)} {way}" for macs, way in ways if macs or way == "forward")
    ratio = f", {totals.step_macs / totals.macs:.2f}x forward" if totals.macs else ""
    return f"MACs {words.at_least(words.exact(totals.step_macs), uncosted)} = {terms}{ratio}"


def _again(training: Training) -> Iterator[str]:
    checkpointing, totals = training.checkpointing, training.totals
    if checkpointing is None:
        return
    count = len(checkpointing.parts)
    if not count:
        yield "checkpoints: nothing is asked of these layers on the way back, so none runs again"
        return
    layers = sum(part.layers for part in checkpointing.parts)
    share = f" ({words.share(totals.recomputed_macs, totals.macs) or '0 %'} of forward)" if totals.macs else ""
    yield (
        f"checkpoints: {count} part{'s' * (count > 1)}, {layers:,} layer{'s' * (layers > 1)} run again for "
        f"{words.exact(totals.recomputed_macs)} MACs{share}; "
        f"peak {_change(checkpointing.peak_bytes_without, totals.peak_bytes)}, "
        f"kept {_change(checkpointing.kept_bytes_without, totals.kept_bytes)}"
    )


def _change(before: int, after: int) -> str:
    return f"{words.binary(after)} instead of {words.binary(before)}"


def _learned(training: Training) -> str:
    totals, optimizer = training.totals, training.convention.optimizer
    uncosted = len(training.uncosted)
    params = words.at_least(words.exact(totals.params), uncosted)
    trained = "" if totals.trained_params == totals.params else f", trained {words.exact(totals.trained_params)}"
    if not totals.trained_params:
        return f"params {params}{trained or ', trained 0'}: nothing is learned"
    amounts = [(totals.weight_bytes, "weights"), (totals.gradient_bytes, "gradients"), (totals.state_bytes, "state")]
    terms = " + ".join(f"{words.binary(amount)} {what}" for amount, what in amounts if amount)
    states = STATES[optimizer]
    keeps = f"{optimizer} keeps {states or 'no'} number{'s' * (states != 1)} a parameter"
    return f"params {params}{trained}: {terms}; {keeps}"


def _kept(training: Training) -> str:
    return f"kept for the way back {_least(training)}{size(training.totals.kept_bytes)}"


def _peak(training: Training) -> str:
    return f"peak {_least(training)}{size(training.totals.peak_bytes)} at {when(training.peak)}"


def _least(training: Training) -> str:
    return "at least " if training.uncosted else ""


def notes(training: Training) -> list[str]:
    """What a reader should know beside the numbers."""
    texts = []
    if training.uncosted:
        texts.append(f"the cost of {words.listed(training.uncosted)} is not known")
    if training.unreached:
        names = words.listed(training.unreached)
        texts.append(f"no gradient comes to {names}: no output depends on them, or only through what passes none on")
    return texts


def convention(training: Training) -> str:
    """What is counted, for which batch, formats and optimiser."""
    terms = training.convention
    return " · ".join([terms.macs, terms.memory, f"batch {terms.batch}", terms.dtype, terms.optimizer])


def title(trained: Trained) -> tuple[str, str, str]:
    """Name, input shapes, and the path of the spec."""
    network = trained.training.network
    shapes = ", ".join(
        f"{short(node.name)} {words.shape(node.shape)}" if len(network.inputs) > 1 else words.shape(node.shape)
        for node in network.inputs
    )
    return short(network.name), shapes, "<stdin>" if trained.path == "-" else trained.path
