"""A verified network as a table for the terminal: every number with a mark, and every disagreement in full."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console

from convcalc import steps
from convcalc.analysis.lines import Line, lines
from convcalc.reference.against import ValueCheck
from convcalc.reference.fields.field_checks import UNAFFORDABLE
from convcalc.reference.rounding import STATED
from convcalc.reference.verified import Expectation, Figure, LayerResult, Verification
from convcalc.views import words
from convcalc.views.columns import Column, Grid, end, first_words, fitted
from convcalc.views.formats import terminal
from convcalc.views.verification.marks import Marks, marks
from convcalc.visible import short

MORE = "--max-steps 100M allows more, --layer NAME runs one alone"
"""What to write where the steps of a run do not last."""


def show(console: Console, found: Verification, spec: str, seconds: float | None = None) -> None:
    """Print title, table, totals, what the spec expects, and what disagrees."""
    mark = marks(console.encoding)
    name, shapes, path = words.title(found.report, spec)
    run = f"{found.dtype}, seed {found.seed}"
    console.print(terminal.line((name, "bold"), "   ", shapes, "   ", (path, "dim"), "   ", (run, "dim")))
    if found.layers:
        _table(console, found, mark)
    console.print(terminal.line(totals(found, mark), style="bold"))
    if found.expectations:
        console.print(terminal.line(expectations(found.expectations, mark)))
    for text in disagreements(found):
        console.print(terminal.line(text, style="red"), soft_wrap=True)
    for note in notes(found):
        console.print(terminal.line(note), soft_wrap=True)
    console.print(terminal.line(verdict(found, seconds), style="bold green" if found.agrees else "bold red"))


def _table(console: Console, found: Verification, mark: Marks) -> None:
    folded = list(_folded(found))
    columns = [
        Column("layer", [line.name for line, _ in folded], "left", shorten=end),
        Column("", [f"x{line.times}" if line.times else "" for line, _ in folded], "left"),
        Column("kind", [words.kind(line) for line, _ in folded], "left", "cyan", rank=4, shorten=first_words),
        Column("output", [_marked(words.shape(line.output_shape or ()), _shapes(r), mark) for line, r in folded]),
        Column("params", [_marked(words.exact(line.params), _all(r, "params"), mark) for line, r in folded], rank=1),
        Column("MACs", [_marked(words.scaled(line.macs), _all(r, "macs"), mark) for line, r in folded], rank=2),
        Column("field", [_marked(words.field(line.receptive_field), _fields(r), mark) for line, r in folded], rank=3),
    ]
    if found.runtime:
        cells = [difference(layers, mark) for _, layers in folded]
        columns.append(Column(found.runtime, cells, rank=5))
    shown = [column for column in columns if (column.rank == 0 and column.header) or any(column.cells)]
    styles = ["" if all(layer.agrees for layer in layers) else "red" for _, layers in folded]
    console.print(Grid(fitted(shown, console.width), styles), soft_wrap=True)


def _folded(found: Verification) -> Iterator[tuple[Line, Sequence[LayerResult]]]:
    """The lines of the report's table, each with the layers it stands for."""
    first = 0
    for line in lines(found.report):
        yield line, found.layers[first : first + line.layers]
        first += line.layers


def _marked(text: str, agrees: bool | None, mark: Marks) -> str:
    return f"{text} {mark.of(agrees)}"


def _together(answers: Sequence[bool | None]) -> bool | None:
    return False if False in answers else None if None in answers else True


def _all(layers: Sequence[LayerResult], name: str) -> bool | None:
    return _together([getattr(layer, name).agrees for layer in layers])


def _shapes(layers: Sequence[LayerResult]) -> bool | None:
    return _together([layer.output_shape.agrees and not layer.problem for layer in layers])


def _fields(layers: Sequence[LayerResult]) -> bool | None:
    return _together([layer.receptive_field.agrees if layer.receptive_field else None for layer in layers])


def difference(layers: Sequence[LayerResult], mark: Marks) -> str:
    """The largest difference from the other runtime, and whether all are within what rounding accounts for."""
    made = [layer.against for layer in layers if layer.against is not None]
    answers = [comparison.agrees for comparison in made]
    largest = max((comparison.difference for comparison in made if comparison.agrees is not None), default=None)
    agrees = _together(answers or [None])
    return _marked("" if largest is None else f"{largest:.0e}" if largest else "0", agrees, mark).lstrip()


def totals(found: Verification, mark: Marks) -> str:
    """The line below the table: what was measured of the whole network."""
    figures = found.totals
    parts = [f"{label} {_figure(figures[name], write, mark)}" for label, name, write in _TOTALS]
    return "   ".join(parts)


_TOTALS: tuple[tuple[str, str, Any], ...] = (
    ("params", "params", words.exact),
    ("MACs", "macs", words.exact),
    ("peak activations", "peak_activation_bytes", words.binary),
)


def _figure(figure: Figure, write: Any, mark: Marks) -> str:
    if figure.agrees is not False:
        return f"{write(figure.claimed)} {mark.of(figure.agrees)}"
    return f"{write(figure.claimed)} claimed, {write(figure.measured)} measured {mark.of(False)}"


def expectations(found: Sequence[Expectation], mark: Marks) -> str:
    """What the spec expects, each with its mark."""
    parts = []
    for figure in found:
        text = f"{figure.name} {_value(figure.expected)}"
        if not figure.agrees:
            text += f" expected, {_value(figure.claimed if figure.measured is None else figure.measured)} found"
        parts.append(f"{text} {mark.of(figure.agrees)}")
    return f"the spec expects: {', '.join(parts)}"


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return words.shape(value)
    return words.exact(value) if isinstance(value, int) else "nothing" if value is None else str(value)


def disagreements(found: Verification) -> list[str]:
    """A line for every number that is not as claimed, with its layer and its place in the spec."""
    texts = []
    for layer in found.disagreements:
        where = f"{layer.name}{f' (line {layer.line})' if layer.line else ''}:"
        if layer.problem:
            texts.append(f"{where} could not be run: {layer.problem}")
        else:
            texts += [
                f"{where} {label} {_value(figure.claimed)} claimed, {_value(figure.measured)} measured"
                for label, figure in (("output", layer.output_shape), ("params", layer.params), ("MACs", layer.macs))
                if figure.agrees is False
            ]
        check = layer.receptive_field
        if check is not None and check.agrees is False:
            texts.append(f"{where} receptive field: {check.reason}")
        if layer.against is not None and layer.against.agrees is False:
            texts.append(f"{where} values {_apart(layer.against)} from {found.runtime}'s")
    nodes = found.network.nodes
    return texts + [
        f"output {nodes[output.place].name}: values {_apart(output)} from {found.runtime}'s"
        for output in found.outputs
        if output.agrees is False
    ]


def _apart(comparison: ValueCheck) -> str:
    return f"{comparison.difference:.1e}, more than {comparison.tolerance:.1e},"


def notes(found: Verification) -> list[str]:
    """What was not measured, and what overflowed."""
    texts = []
    left_out = [layer.name for layer in found.layers if not layer.is_run]
    if left_out:
        count = f"{len(left_out)} of {len(found.layers)} layers"  # the last ones: layers run in the order of the spec
        texts.append(f"not run: {count}, from {short(left_out[0])} on, so no totals: {steps.limit()}; {MORE}")
    reasons: dict[str, list[str]] = {}
    for layer in found.layers:
        check = layer.receptive_field
        if check is not None and check.agrees is None:
            reasons.setdefault(check.reason, []).append(layer.name)
    for reason, names in reasons.items():
        why = f"{reason}; {MORE}" if reason == UNAFFORDABLE else reason
        texts.append(f"field not probed at {words.listed(names)}: {why}")
    texts += _uncompared(found)
    infinite = [layer.name for layer in found.layers if not layer.finite]
    if infinite:
        where = words.listed(infinite)
        texts.append(f"values overflowed at {where}: random weights can do that, and no number above depends on values")
    return texts


def _uncompared(found: Verification) -> list[str]:
    """What the other runtime was not asked for, and what its tolerance is."""
    if not found.runtime:
        return []
    reasons: dict[str, list[str]] = {}
    for layer in found.layers:
        if layer.against is not None and layer.against.reason:
            reasons.setdefault(layer.against.reason, []).append(layer.name)
    texts = [f"not compared at {words.listed(names)}: {reason}" for reason, names in reasons.items()]
    whole = [output for output in found.outputs if output.agrees is not None]
    if whole:
        largest = max(output.difference for output in whole)
        texts.append(f"the whole network in {found.runtime}: outputs at most {largest:.1e} apart")
    return [*texts, f"{found.runtime}: {STATED}"]


def verdict(found: Verification, seconds: float | None = None) -> str:
    """The last line: how many layers ran, and whether all is as claimed."""
    count, count_run = len(found.layers), sum(layer.is_run for layer in found.layers)
    took = "" if seconds is None else f", {seconds:.1f} s"
    checks = (layer.receptive_field for layer in found.layers)
    if count and not count_run and all(check is None or check.agrees is None for check in checks):
        return f"no layer was run{took}, so nothing was measured: the first takes {steps.limit()}"
    ran = f"{count_run or 'none'} of {count} layers run"
    if count_run == count:
        ran = f"{count} layer{'s' if count != 1 else ''} run"
    if found.agrees:
        return f"{ran}{took}: every number measured is as claimed{_values(found)}"
    wrong = len(found.disagreements)
    unmet = sum(not figure.agrees for figure in found.expectations)
    parts = [f"{wrong} disagree{'s' if wrong == 1 else ''}"] if wrong else []
    parts += [f"{unmet} expectation{'s' if unmet > 1 else ''} not met"] if unmet else []
    return f"{ran}{took}: {', '.join(parts) or 'the totals disagree'}"


def _values(found: Verification) -> str:
    if not found.runtime:
        return ""
    compared = any(layer.against is not None and layer.against.agrees is not None for layer in found.layers)
    return f", every value compared equals {found.runtime}'s" if compared else ", no value was compared"
