"""An explanation as Markdown: formulas as code, in tables."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.analysis.explain import BlockExplanation, Explanation, LayerExplanation, NetworkExplanation
from convcalc.analysis.symbolic import KindExplanation
from convcalc.views import words
from convcalc.views.explain import shared as said
from convcalc.views.explain.shared import Explained
from convcalc.views.formats.markdown import cell, code, escaped, row
from convcalc.views.output import Output


def write(result: Explained, out: Output) -> None:
    """The explanation of a layer, a block, a network or a kind."""
    out.text(text(result.explanation))


def text(explained: Explanation | KindExplanation) -> str:
    """Heading, description, table, legend."""
    if isinstance(explained, LayerExplanation):
        return _layer(explained)
    if isinstance(explained, BlockExplanation):
        return _block(explained)
    return _network(explained) if isinstance(explained, NetworkExplanation) else _kind(explained)


def _document(title: str, description: str, source: str, *parts: Sequence[str]) -> str:
    about = [escaped(description)] if description else []
    about += ["", f"*Source: {escaped(source)}*"] if source else []
    filled = [part for part in (about, *parts) if part]
    return "\n".join([f"### {title}", *(line for part in filled for line in ("", *part)), ""])


def _table(header: Sequence[str], sides: str, rows: Sequence[Sequence[str]]) -> list[str]:
    marks = [":--" if side == "l" else "--:" for side in sides]
    return [row(*cells) for cells in (header, marks, *rows)]


def _layer(layer: LayerExplanation) -> str:
    name, kind, shapes = said.heading(layer)
    rows = []
    for formula in said.listed(layer.formulas):
        first = f"{formula.symbol} = {formula.symbols}" if formula.symbol else formula.symbols
        rows.append((said.label(formula.quantity), code(first), code(formula.numbers), words.exact(formula.value)))
    if not said.has_field_formula(layer):
        rows.append(("field", "", "", said.field(layer.receptive_field)))
    legend = [
        f"- {code(symbol.symbol)} = {code(symbol.meaning)} = {words.exact(symbol.value)}"
        if symbol.symbol != symbol.meaning
        else f"- {code(symbol.symbol)} = {words.exact(symbol.value)}"
        for symbol in layer.legend
    ]
    return _document(
        f"{escaped(name)}: {escaped(kind)}, {shapes.replace('->', '→')}",
        layer.description,
        layer.source,
        _table(("", "formula", "in numbers", "value"), "lllr", rows),
        legend,
        _with(said.choices(layer.choices)),
        [escaped(f"{note[0].upper()}{note[1:]}.") for note in layer.notes],
    )


def _with(choices: str) -> list[str]:
    return [f"With {code(choices)}."] if choices else []


def _kind(kind: KindExplanation) -> str:
    rows = [
        (said.label(formula.quantity), code(" = ".join(filter(None, (formula.symbol, formula.symbols)))))
        for formula in kind.formulas
        if formula.symbol != formula.symbols
    ]
    legend = [f"- {code(each.symbol)} = {code(each.meaning)}" for each in kind.legend if each.symbol != each.meaning]
    return _document(
        f"{kind.kind}, on {kind.axes} spatial axes",
        kind.description,
        kind.source,
        _table(("", "formula"), "ll", rows),
        legend,
        _with(said.choices(kind.choices)),
        [escaped(f"{note[0].upper()}{note[1:]}.") for note in kind.notes],
    )


def _block(block: BlockExplanation) -> str:
    rows = [
        (
            cell(part.name),
            cell(part.kind),
            words.shape(part.output_shape),
            *(said.part_cost(part, number) for number in (part.params, part.macs, part.elementwise_ops)),
        )
        for part in block.parts
    ]
    seen = block.receptive_field
    return _document(
        f"{cell(block.name)}: {escaped(said.block_kind(block))}",
        block.description,
        block.source,
        _table(("part", "kind", "output", "params", "MACs", "element-wise ops"), "lllrrr", rows) if rows else [],
        [
            f"- {label}: {code(said.added(shares, total, len(block.uncosted_layers)))}"
            for label, shares, total in said.sums(block)
        ]
        + ([f"- {escaped(said.uncosted(block))}"] if block.at_least else [])
        + ([f"- field: {said.field(seen)}"] if seen is not None and words.field(seen) else []),
    )


def _network(network: NetworkExplanation) -> str:
    rows = [
        (
            cell(line.name),
            cell(f"{line.kind} {line.summary}".rstrip()),
            code(line.macs.numbers) if line.macs else "",
            words.exact(line.macs.value) if line.macs else "?",
        )
        for line in network.layers
    ]
    title = cell(network.name)
    return _document(title, "", "", _table(("layer", "kind", "MACs", "value"), "lllr", rows))
