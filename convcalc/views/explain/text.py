"""An explanation for the terminal: as wide as it is, no number cut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rich.cells import cell_len
from rich.console import Console

from convcalc.analysis.explain import BlockExplanation, Formula, LayerExplanation, NetworkExplanation
from convcalc.analysis.symbolic import KindExplanation
from convcalc.views import words
from convcalc.views.columns import Column, Grid, end, first_words, fitted
from convcalc.views.explain import shared
from convcalc.views.explain.shared import Explained
from convcalc.views.formats import terminal
from convcalc.views.formulas import formula_text
from convcalc.views.output import Output
from convcalc.visible import short

LABEL = 18
"""Columns for what a formula is of."""
NARROW = 60
"""Columns below which that stands on a line of its own."""


def write(result: Explained, out: Output) -> None:
    """The explanation of a layer, a block, a network or a kind."""
    explained, spec, console = result.explanation, result.spec, out.console
    if isinstance(explained, LayerExplanation):
        _layer(console, explained, spec)
    elif isinstance(explained, BlockExplanation):
        _block(console, explained, spec)
    elif isinstance(explained, NetworkExplanation):
        _network(console, explained, spec)
    else:
        _kind(console, explained)


def _head(console: Console, name: str, *others: str, path: str) -> None:
    said_ = terminal.line((name, "bold"), *(f"   {other}" for other in others), (f"   {path}", "dim"))
    said_.rstrip()
    console.print(said_)


def _about(console: Console, description: str, source: str) -> None:
    if description:
        console.print(terminal.line(description))
    if source:
        console.print(terminal.line(f"Source: {source}", style="dim"))


def _layer(console: Console, layer: LayerExplanation, spec: str) -> None:
    _head(console, *shared.heading(layer), path=spec)
    _about(console, layer.description, layer.source)
    console.print()
    for symbol in layer.legend:
        meaning = [symbol.meaning] if symbol.meaning != symbol.symbol else []
        _formula(console, "", [symbol.symbol, *meaning, words.exact(symbol.value)])
    if layer.choices:
        console.print(terminal.line(f"with {shared.choices(layer.choices)}", style="dim"))
    console.print()
    for formula in shared.listed(layer.formulas):
        pieces = [formula.symbol, *shared.pieces(formula.term), words.exact(formula.value)]
        _formula(console, shared.label(formula.quantity), [*filter(None, pieces)])
    if not shared.has_field_formula(layer):
        _formula(console, "field", [shared.field(layer.receptive_field)])
    for note in layer.notes:
        console.print(terminal.line(note, style="dim"))


def _kind(console: Console, kind: KindExplanation) -> None:
    _head(console, kind.kind, f"on {kind.axes} spatial axes", path="")
    _about(console, kind.description, kind.source)
    console.print()
    for symbol in kind.legend:
        _formula(console, "", [symbol.symbol, symbol.meaning] if symbol.meaning != symbol.symbol else [symbol.symbol])
    if kind.choices:
        console.print(terminal.line(f"with {shared.choices(kind.choices)}", style="dim"))
    console.print()
    for formula in shared.listed(kind.formulas):
        _formula(console, shared.label(formula.quantity), [*filter(None, (formula.symbol, formula_text(formula.term)))])
    for note in kind.notes:
        console.print(terminal.line(note, style="dim"))


def _formula(console: Console, label: str, pieces: list[str]) -> None:
    """All on one line where it fits; else a line a piece, broken between the parts of a formula."""
    room = console.width - (LABEL if label and console.width >= NARROW else 2 if label else 0)
    equation = " = ".join(pieces)
    if cell_len(equation) <= room:
        _labelled(console, label, [equation])
        return
    first, *others = pieces
    if others and cell_len(f"{first} = {others[0]}") <= room:
        first, others = f"{first} = {others[0]}", others[1:]
    lines = [*_folded(first, room), *(line for piece in others for line in _folded(f"= {piece}", room))]
    _labelled(console, label, lines)


def _labelled(console: Console, label: str, lines: Iterable[str]) -> None:
    if label and console.width < NARROW:
        console.print(terminal.line(label, style="cyan"))
        label = ""
        lines = [f"  {line}" for line in lines]
        indent = ""
    else:
        indent = " " * LABEL if label else ""
    for number, line in enumerate(lines):
        head = label.ljust(LABEL) if label and not number else indent
        console.print(terminal.line((head, "cyan"), line), soft_wrap=True)


def _folded(text: str, width: int) -> Iterator[str]:
    """Lines of no more than `width` characters, where there are places to break; never within a number or a name."""
    line = ""
    for token in re.findall(r"·?[^ ·]+ *", text):
        if line and cell_len(line + token.rstrip()) > width:
            yield line.rstrip()
            line = "  " + token.lstrip()
        else:
            line += token
    yield line.rstrip()


def _block(console: Console, block: BlockExplanation, spec: str) -> None:
    _head(console, short(block.name), shared.block_kind(block), path=spec)
    _about(console, block.description, block.source)
    console.print()
    if block.parts:
        parts = block.parts
        columns = [
            Column("part", [part.name for part in parts], "left", shorten=end),
            Column("kind", [part.kind for part in parts], "left", "cyan", rank=2, shorten=first_words),
            Column("output", [words.shape(part.output_shape) for part in parts], "left", rank=3),
            Column("params", [shared.part_cost(part, part.params) for part in parts], rank=1),
            Column("MACs", [shared.part_cost(part, part.macs) for part in parts]),
            Column("element-wise ops", [shared.part_cost(part, part.elementwise_ops) for part in parts], rank=4),
        ]
        console.print(_table(columns, console.width), soft_wrap=True)
        console.print()
    for label, shares, total in shared.sums(block):
        _formula(console, label, shared.added(shares, total, len(block.uncosted_layers)).split(" = "))
    if shared.uncosted(block):
        console.print(terminal.line(shared.uncosted(block), style="dim"))
    if block.receptive_field is not None and words.field(block.receptive_field):
        _formula(console, "field", [shared.field(block.receptive_field)])


def _network(console: Console, network: NetworkExplanation, spec: str) -> None:
    _head(console, short(network.name), path=spec)
    lines = network.layers
    if not lines:
        return
    columns = [
        Column("layer", [line.name for line in lines], "left", shorten=end),
        Column("kind", [f"{line.kind} {line.summary}".rstrip() for line in lines], "left", "cyan", 1, first_words),
        Column("MACs", [words.exact(line.macs.value) if line.macs else "?" for line in lines]),
        Column(
            "",
            [_in_numbers(line.macs) for line in lines],
            "left",
            rank=2,
            shorten=_first_parts,
        ),
    ]
    console.print(_table(columns, console.width), soft_wrap=True)


def _in_numbers(macs: Formula | None) -> str:
    return f"= {formula_text(macs.term, numbers=True)}" if macs and macs.term.operator else ""


def _first_parts(text: str, width: int) -> str:
    """As much of a formula as fits, whole numbers only."""
    if cell_len(text) <= width:
        return text
    line = next(_folded(text, width - 1)) if width > 1 else ""
    return f"{line}…" if cell_len(line) < width else "…"


def _table(columns: list[Column], width: int) -> Grid:
    return Grid(fitted(columns, width), [""] * len(columns[0].cells))
