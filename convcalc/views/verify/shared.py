"""What a view of verify gets, and what there is to show of it, whatever the format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from convcalc import steps
from convcalc.analysis.lines import By, Line, lines
from convcalc.language.source import Diagnostic
from convcalc.reference.against import ValueCheck
from convcalc.reference.fields.field_checks import UNAFFORDABLE
from convcalc.reference.model_file import FileCheck, TensorCheck
from convcalc.reference.rounding import STATED
from convcalc.reference.verified import GRADIENT_MACS, Expectation, Figure, LayerResult, Verification
from convcalc.views import words
from convcalc.views.marks import Marks
from convcalc.visible import short

_MORE = "--max-steps 100M allows more, --layer NAME runs one alone"
"""What to write where the steps of a run do not last."""


class Verified(msgspec.Struct, frozen=True):
    """A network that ran, the name of its spec, and how long it took."""

    verification: Verification
    spec: str
    seconds: float | None = None


class NotVerified(msgspec.Struct, frozen=True):
    """A spec with errors, or the network `model`, which was not run for a reason."""

    spec: str
    errors: Sequence[Diagnostic] = ()
    model: str = ""
    reason: str = ""


def marked(text: str, agrees: bool | None, mark: Marks) -> str:
    """64x112x112 ✓."""
    return f"{text} {mark.of(agrees)}"


def together(answers: Sequence[bool | None]) -> bool | None:
    """Whether all agree, None where none differs and some are not known."""
    return False if False in answers else None if None in answers else True


def folded(verification: Verification, by: By = "layer") -> Iterator[tuple[Line, Sequence[LayerResult]]]:
    """The lines of the report's table, each with the layers it stands for."""
    first = 0
    for line in lines(verification.report, by=by):
        yield line, verification.layers[first : first + line.layers]
        first += line.layers


def all_agree(layers: Sequence[LayerResult], name: str) -> bool | None:
    """Whether a figure of all layers is as claimed."""
    return together([getattr(layer, name).agrees for layer in layers])


def shapes_agree(layers: Sequence[LayerResult]) -> bool | None:
    """Whether all layers could be run, and what came of them has the shape that is claimed."""
    return together([layer.output_shape.agrees and not layer.problem for layer in layers])


def fields_agree(layers: Sequence[LayerResult]) -> bool | None:
    """Whether all receptive fields are as claimed."""
    return together([layer.receptive_field.agrees if layer.receptive_field else None for layer in layers])


def run(verification: Verification) -> str:
    """What it ran in, beside the title."""
    fused = ", fused" if verification.fusion is not None else ""
    return f"{verification.dtype}, seed {verification.seed}{fused}"


Checks = Callable[[Sequence[LayerResult]], list[ValueCheck]]


def comparisons(verification: Verification) -> list[tuple[str, Checks]]:
    """What values were held against: the header of a column, and what there is in it of some layers."""
    columns: list[tuple[str, Checks]] = []
    if verification.fusion is not None:
        columns.append(("as written", lambda layers: [layer.written for layer in layers if layer.written is not None]))
    if verification.runtime and verification.file is None:
        against: Checks = lambda layers: [layer.against for layer in layers if layer.against is not None]  # noqa: E731
        columns.append((verification.runtime, against))
    return columns


def difference(checks: Sequence[ValueCheck], mark: Marks) -> str:
    """The largest difference, and whether all are within what rounding accounts for."""
    answers = [check.agrees for check in checks]
    largest = max((check.difference for check in checks if check.agrees is not None), default=None)
    agrees = together(answers or [None])
    return marked("" if largest is None else f"{largest:.0e}" if largest else "0", agrees, mark).lstrip()


def gradients_agree(layers: Sequence[LayerResult]) -> bool | None:
    """Whether what came back through all layers is as differences have it."""
    return together([layer.gradients.values_agree if layer.gradients else None for layer in layers])


def way_back(layers: Sequence[LayerResult], mark: Marks, write: Callable[[int], str] = words.scaled) -> str:
    """The MACs of all gradients of layers, and whether as many were executed."""
    figures = [getattr(layer.gradients, name, None) for layer in layers for name in GRADIENT_MACS]
    tried = [figure for figure in figures if figure is not None and figure.is_tried]
    agrees = together([figure.agrees if figure is not None else None for figure in figures])
    return marked(write(sum(figure.claimed for figure in tried)) if tried else "", agrees, mark).lstrip()


def totals(verification: Verification, mark: Marks) -> list[str]:
    """What stands below the table: what was measured of the whole network."""
    figures = verification.totals
    report, parts = verification.report, list[str]()
    for label, name, write in _TOTALS:
        if name == "buffers" and not (figures[name].claimed or figures[name].measured):
            continue
        figure = _figure(figures[name], write, mark)
        parts.append(f"{label} {words.at_least(figure, len(words.lacking(report, name)))}")
    if verification.has_gradients:
        for label, name in (("gradient MACs", "macs_of_inputs"), ("of weights", "macs_of_weights")):
            parts.append(f"{label} {_figure(verification.gradient_macs[name], words.exact, mark)}")
    return parts


_TOTALS: tuple[tuple[str, str, Any], ...] = (
    ("params", "params", words.exact),
    ("buffers", "buffers", words.exact),
    ("MACs", "macs", words.exact),
    ("ops", "elementwise_ops", words.exact),
    ("peak activations", "peak_activation_bytes", words.binary),
)


def _figure(figure: Figure, write: Any, mark: Marks) -> str:
    if figure.agrees is not False:
        return f"{write(figure.claimed)} {mark.of(figure.agrees)}"
    return f"{write(figure.claimed)} claimed, {write(figure.measured)} measured {mark.of(False)}"


def expectations(expected: Sequence[Expectation], mark: Marks) -> str:
    """What the spec expects, each with its mark."""
    parts = []
    for figure in expected:
        text = f"{figure.name} {_written(figure.expected)}"
        if not figure.agrees:
            text += f" expected, {_written(figure.claimed if figure.measured is None else figure.measured)} found"
        parts.append(f"{text} {mark.of(figure.agrees)}")
    return f"the spec expects: {', '.join(parts)}"


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return words.shape(value)
    return words.exact(value) if isinstance(value, int) else "nothing" if value is None else str(value)


def disagreements(verification: Verification) -> list[str]:
    """A line for every number that is not as claimed, with its layer and its place in the spec."""
    texts = []
    for layer in verification.disagreements:
        where = f"{layer.name}{f' (line {layer.line})' if layer.line else ''}:"
        if layer.problem:
            texts.append(f"{where} could not be run: {layer.problem}")
        else:
            texts += [
                f"{where} {label} {_written(figure.claimed)} claimed, {_written(figure.measured)} measured"
                for label, name in _FIGURES
                for figure in [getattr(layer, name)]
                if figure.agrees is False
            ]
        check = layer.receptive_field
        if check is not None and check.agrees is False:
            texts.append(f"{where} receptive field: {check.reason}")
        if layer.against is not None and layer.against.agrees is False:
            texts.append(f"{where} values {_apart(layer.against)} from {verification.runtime}'s")
        if layer.written is not None and layer.written.agrees is False:
            texts.append(
                f"{where} values {_apart(layer.written)} from those of {_last(verification, layer)} as written"
            )
        if layer.gradients is not None:
            texts += [f"{where} gradients: {message}" for message in layer.gradients.mismatches]
        if layer.folded is not None and layer.folded.agrees is False:
            texts.append(f"{where} arrays {_apart(layer.folded)} from what the layers folded make of them, relatively")
    if verification.gradients is not None and verification.gradients.wrong:
        texts.append(f"gradients of the whole network: {verification.gradients.wrong}")
    nodes = verification.network.nodes
    for tensor in verification.file.tensors if verification.file else ():
        if tensor.agrees is False:
            texts.append(f"{tensor.layer}, tensor {tensor.tensor} of the file: {_tensor(tensor, verification.runtime)}")
    return texts + [
        f"output {nodes[output.place].name}: values {_apart(output)} from {verification.runtime}'s"
        for output in verification.outputs
        if output.agrees is False
    ]


_FIGURES = (
    ("output", "output_shape"),
    ("params", "params"),
    ("buffers", "buffers"),
    ("MACs", "macs"),
    ("element-wise ops", "elementwise_ops"),
    ("output in place", "in_place"),
)
"""What of a layer is a number, or a shape, claimed and measured."""


def _last(verification: Verification, layer: LayerResult) -> str:
    """The layer whose output a kernel gives."""
    fusion = verification.fusion
    if fusion is None or layer.written is None:
        return layer.name
    return fusion.original.nodes[fusion.parts[layer.written.place].nodes[-1]].name


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _tensor(tensor: TensorCheck, runtime: str) -> str:
    if not tensor.same_shape:
        return f"{_written(tensor.read)} was read, {_written(tensor.shape)} it is in {runtime}"
    return f"values {_apart(tensor)} from {runtime}'s"


def _apart(comparison: ValueCheck | TensorCheck) -> str:
    return f"{comparison.difference:.1e}, more than {comparison.tolerance:.1e},"


def notes(verification: Verification) -> list[str]:
    """What was not measured, and what overflowed."""
    texts = []
    left_out = [layer.name for layer in verification.layers if not layer.is_run]
    if left_out:
        count = f"{len(left_out)} of {len(verification.layers)} layers"
        texts.append(f"not run: {count}, from {short(left_out[0])} on, so no totals: {steps.limit()}; {_MORE}")
    uncosted = verification.report.uncosted
    if uncosted:
        texts.append(f"not measured at {words.listed(uncosted)}: nothing says what is computed there")
    rows = zip(verification.layers, verification.report.layers, strict=True)
    free = [layer.name for layer, row in rows if layer.is_run and row.costed and not layer.elementwise_ops.is_tried]
    if free:
        texts.append(f"ops not measured at {words.listed(free)}: how many there are depends on values; the most count")
    reasons: dict[str, list[str]] = {}
    for layer in verification.layers:
        check = layer.receptive_field
        if check is not None and check.agrees is None:
            reasons.setdefault(check.reason, []).append(layer.name)
    for reason, names in reasons.items():
        why = f"{reason}; {_MORE}" if reason == UNAFFORDABLE else reason
        texts.append(f"field not probed at {words.listed(names)}: {why}")
    texts += [*_fused(verification), *_gradients(verification), *_uncompared(verification)]
    infinite = [layer.name for layer in verification.layers if not layer.finite]
    if infinite:
        where = words.listed(infinite)
        texts.append(f"values overflowed at {where}: random weights can do that, and no number above depends on values")
    return texts


def _gradients(verification: Verification) -> list[str]:
    """How many derivatives were compared, and which were not."""
    if not verification.has_gradients:
        return []
    reasons: dict[str, list[str]] = {}
    for layer in verification.layers:
        check = layer.gradients
        if check is None or check.reason:
            reasons.setdefault(f"{UNAFFORDABLE}; {_MORE}" if check is None else check.reason, []).append(layer.name)
        elif check.without:
            reasons.setdefault(f"of an input alone: {check.without}", []).append(layer.name)
    texts = [f"gradients not compared at {words.listed(names)}: {reason}" for reason, names in reasons.items()]
    count = sum(layer.gradients.compared for layer in verification.layers if layer.gradients is not None)
    whole_network = verification.gradients
    if whole_network is None:
        beside = f"none of the whole network: {UNAFFORDABLE}; {_MORE}"
    elif whole_network.reason:
        beside = f"none of the whole network: {whole_network.reason}"
    else:
        beside = "one of the whole network"
    return [*texts, f"gradients: {_count(count, 'derivative')} in float64 compared, {beside}"]


def _fused(verification: Verification) -> list[str]:
    """What was merged, and how far what came of it is from the network as it is written."""
    fusion = verification.fusion
    if fusion is None:
        return []
    if fusion.changes_nothing:
        return ["fused: nothing is merged, so the network runs as it is written"]
    merged, over = len(fusion.merged), len(fusion.overwriting)
    counts = {"folded": len(fusion.folded), "merged": merged, "in place": over, "left out": len(fusion.vanished)}
    what = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
    kernels = _count(len(fusion.network.layers), "kernel")
    texts = [f"fused: {_count(len(fusion.original.layers), 'layer')} as {kernels}: {what}"]
    reasons: dict[str, list[str]] = {}
    for layer in verification.layers:
        if layer.written is not None and layer.written.reason:
            reasons.setdefault(layer.written.reason, []).append(layer.name)
    texts += [f"not compared with the network as written at {words.listed(n)}: {why}" for why, n in reasons.items()]
    checks = [layer.written for layer in verification.layers if layer.written is not None]
    apart = [check.difference for check in checks if check.agrees is not None]
    if apart:
        within = "" if all(check.agrees is not False for check in checks) else "not all "
        tensors = _count(len(apart), "tensor")
        texts.append(f"as written: {tensors} compared, at most {max(apart):.1e} apart, {within}within rounding")
    return texts


def _uncompared(verification: Verification) -> list[str]:
    """What the other runtime was not asked for, and what its tolerance is."""
    if not verification.runtime:
        return []
    if verification.file is not None:
        return _file(verification.file, verification.runtime)
    reasons: dict[str, list[str]] = {}
    for layer in verification.layers:
        if layer.against is not None and layer.against.reason:
            reasons.setdefault(layer.against.reason, []).append(layer.name)
    texts = [f"not compared at {words.listed(names)}: {reason}" for reason, names in reasons.items()]
    outputs = [output for output in verification.outputs if output.agrees is not None]
    if outputs:
        largest = max(output.difference for output in outputs)
        texts.append(f"the outputs network in {verification.runtime}: outputs at most {largest:.1e} apart")
    return [*texts, f"{verification.runtime}: {STATED}"]


def _file(file: FileCheck, runtime: str) -> list[str]:
    """What was compared of a model file that ran."""
    if file.reason:
        return [f"the file was not compared, {runtime} does not run it: {file.reason}"]
    shapes = [tensor for tensor in file.tensors if tensor.shape is not None]
    values = [tensor for tensor in shapes if not tensor.reason]
    compared = f"shapes of {_count(len(shapes), 'tensor')} compared, values of {len(values)}"
    apart = f", at most {max(tensor.difference for tensor in values):.1e} apart; {STATED}" if values else ""
    texts = [f"the file itself in {runtime}: {compared}{apart}"]
    reasons: dict[str, list[str]] = {}
    for tensor in file.tensors:
        if tensor.reason:
            reasons.setdefault(tensor.reason, []).append(tensor.layer)
    texts += [f"values not compared at {words.listed(names)}: {reason}" for reason, names in reasons.items()]
    if file.unmatched:
        texts.append(f"not compared: {_count(file.unmatched, 'layer')} of which the file has no tensor")
    if file.filled:
        arrays = f"{_count(len(file.filled), 'array')}, {short(file.filled[0])} the first"
        texts.append(f"the file holds no numbers for {arrays}: random ones stand for them")
    return texts


def verdict(verification: Verification, seconds: float | None = None) -> str:
    """The last line: how many layers ran, and whether all is as claimed."""
    count, count_run = len(verification.layers), sum(layer.is_run for layer in verification.layers)
    took = "" if seconds is None else f", {seconds:.1f} s"
    checks = (layer.receptive_field for layer in verification.layers)
    if count and not count_run and all(check is None or check.agrees is None for check in checks):
        return f"no layer was run{took}, so nothing was measured: the first takes {steps.limit()}"
    ran = f"{count_run or 'none'} of {count} layers run"
    if count_run == count:
        ran = f"{count} layer{'s' if count != 1 else ''} run"
    if verification.agrees:
        gradients = ", every gradient compared is as differences have it" if _has_gradients(verification) else ""
        return f"{ran}{took}: every number measured is as claimed{gradients}{_values(verification)}"
    wrong = len(verification.disagreements)
    of_file = sum(tensor.agrees is False for tensor in verification.file.tensors) if verification.file else 0
    unmet = sum(not figure.agrees for figure in verification.expectations)
    parts = [f"{wrong} disagree{'s' if wrong == 1 else ''}"] if wrong else []
    parts += [f"{_count(of_file, 'tensor')} of the file not as read"] if of_file else []
    parts += [f"{unmet} expectation{'s' if unmet > 1 else ''} not met"] if unmet else []
    return f"{ran}{took}: {', '.join(parts) or 'the totals disagree'}"


def _has_gradients(verification: Verification) -> bool:
    return any(layer.gradients is not None and layer.gradients.compared for layer in verification.layers)


def _values(verification: Verification) -> str:
    if not verification.runtime:
        return ""
    if verification.file is not None:
        ran = any(tensor.agrees is not None for tensor in verification.file.tensors)
        return (
            f", every tensor of the file is as {verification.runtime} has it" if ran else ", the file was not compared"
        )
    compared = any(layer.against is not None and layer.against.agrees is not None for layer in verification.layers)
    return f", every value compared equals {verification.runtime}'s" if compared else ", no value was compared"
