"""An explanation for the terminal: as wide as it is, no number cut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rich.cells import cell_len
from rich.console import Console

from convcalc.analysis.explain import BlockExplanation, Formula, LayerExplanation, NetworkExplanation
from convcalc.analysis.symbolic import KindExplanation
from convcalc.views import words
from convcalc.views.columns import Column, end, first_words, show
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
    if isinstance(explained, BlockExplanation):
        _block(console, explained, spec)
    elif isinstance(explained, NetworkExplanation):
        _network(console, explained, spec)
    else:
        _formulas(console, explained, spec)


def _head(console: Console, path: str, name: str, *details: str) -> None:
    ends = [(name, "bold"), *((f"   {detail}", "") for detail in details), (f"   {path}" if path else "", "dim")]
    console.print(terminal.line(*ends))


def _about(console: Console, explained: LayerExplanation | BlockExplanation | KindExplanation) -> None:
    if explained.description:
        console.print(terminal.line(explained.description))
    if explained.source:
        console.print(terminal.line(f"Source: {explained.source}", style="dim"))
    console.print()


def _formulas(console: Console, explained: LayerExplanation | KindExplanation, spec: str) -> None:
    _head(console, spec, *shared.heading(explained))
    _about(console, explained)
    for entry in shared.legend(explained, words.exact):
        _formula(console, "", [*filter(None, entry)])
    if explained.choices:
        console.print(terminal.line(f"with {shared.choices(explained)}", style="dim"))
    console.print()
    for formula in shared.listed(explained.formulas):
        sides = shared.sides(explained, formula, formula_text, words.exact)
        _formula(console, shared.label(formula.quantity), [*filter(None, [formula.symbol]), *sides])
    field = shared.field_without_formula(explained)
    if field is not None:
        _formula(console, "field", [field])
    for note in explained.notes:
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
    indent = ""
    if label and console.width < NARROW:
        console.print(terminal.line(label, style="cyan"))
        label, indent = "", "  "
    elif label:
        indent = " " * LABEL
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
    _head(console, spec, short(block.name), shared.block_kind(block))
    _about(console, block)
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
        show(console, columns)
        console.print()
    for label, shares, total in shared.sums(block):
        _formula(console, label, shared.added(shares, total, len(block.uncosted_layers)).split(" = "))
    if shared.uncosted(block):
        console.print(terminal.line(shared.uncosted(block), style="dim"))
    if shared.block_field(block):
        _formula(console, "field", [shared.block_field(block)])


def _network(console: Console, network: NetworkExplanation, spec: str) -> None:
    _head(console, spec, short(network.name))
    lines = network.layers
    if not lines:
        return
    columns = [
        Column("layer", [line.name for line in lines], "left", shorten=end),
        Column("kind", [f"{line.kind} {line.summary}".rstrip() for line in lines], "left", "cyan", 1, first_words),
        Column("MACs", [words.exact(line.macs.value) if line.macs else "?" for line in lines]),
        Column("", [_in_numbers(line.macs) for line in lines], "left", rank=2, shorten=_first_parts),
    ]
    show(console, columns)


def _in_numbers(macs: Formula | None) -> str:
    return f"= {formula_text(macs.term, numbers=True)}" if macs and macs.term.operator else ""


def _first_parts(text: str, width: int) -> str:
    """As much of a formula as fits, whole numbers only."""
    if cell_len(text) <= width:
        return text
    line = next(_folded(text, width - 1)) if width > 1 else ""
    return f"{line}…" if cell_len(line) < width else "…"
