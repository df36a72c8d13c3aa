"""An explanation as Markdown: formulas as code, in tables."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.analysis.explain import BlockExplanation, Explanation, Formula, LayerExplanation, NetworkExplanation
from convcalc.analysis.symbolic import KindExplanation
from convcalc.views import words
from convcalc.views.explain import shared
from convcalc.views.explain.shared import Explained
from convcalc.views.formats.markdown import cell, code, escaped, row
from convcalc.views.formulas import formula_text
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
    name, kind, shapes = shared.heading(layer)
    rows = []
    for formula in shared.listed(layer.formulas):
        numbers = formula_text(formula.term, numbers=True)
        rows.append((shared.label(formula.quantity), _equation(formula), code(numbers), words.exact(formula.value)))
    if not shared.has_field_formula(layer):
        rows.append(("field", "", "", shared.field(layer.receptive_field)))
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
        _with(shared.choices(layer.choices)),
        [escaped(f"{note[0].upper()}{note[1:]}.") for note in layer.notes],
    )


def _equation(formula: Formula) -> str:
    return code(" = ".join(filter(None, (formula.symbol, formula_text(formula.term)))))


def _with(choices: str) -> list[str]:
    return [f"With {code(choices)}."] if choices else []


def _kind(kind: KindExplanation) -> str:
    rows = [(shared.label(formula.quantity), _equation(formula)) for formula in shared.listed(kind.formulas)]
    legend = [
        f"- {code(symbol.symbol)} = {code(symbol.meaning)}" for symbol in kind.legend if symbol.symbol != symbol.meaning
    ]
    return _document(
        f"{kind.kind}, on {kind.axes} spatial axes",
        kind.description,
        kind.source,
        _table(("", "formula"), "ll", rows),
        legend,
        _with(shared.choices(kind.choices)),
        [escaped(f"{note[0].upper()}{note[1:]}.") for note in kind.notes],
    )


def _block(block: BlockExplanation) -> str:
    rows = [
        (
            cell(part.name),
            cell(part.kind),
            words.shape(part.output_shape),
            *(shared.part_cost(part, number) for number in (part.params, part.macs, part.elementwise_ops)),
        )
        for part in block.parts
    ]
    seen = block.receptive_field
    return _document(
        f"{cell(block.name)}: {escaped(shared.block_kind(block))}",
        block.description,
        block.source,
        _table(("part", "kind", "output", "params", "MACs", "element-wise ops"), "lllrrr", rows) if rows else [],
        [
            f"- {label}: {code(shared.added(shares, total, len(block.uncosted_layers)))}"
            for label, shares, total in shared.sums(block)
        ]
        + ([f"- {escaped(shared.uncosted(block))}"] if block.at_least else [])
        + ([f"- field: {shared.field(seen)}"] if seen is not None and words.field(seen) else []),
    )


def _network(network: NetworkExplanation) -> str:
    rows = [
        (
            cell(line.name),
            cell(f"{line.kind} {line.summary}".rstrip()),
            code(formula_text(line.macs.term, numbers=True)) if line.macs else "",
            words.exact(line.macs.value) if line.macs else "?",
        )
        for line in network.layers
    ]
    title = cell(network.name)
    return _document(title, "", "", _table(("layer", "kind", "MACs", "value"), "lllr", rows))
