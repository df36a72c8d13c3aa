"""An explanation as Markdown: formulas as code, in tables."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.analysis.explain import BlockExplanation, Explanation, LayerExplanation, NetworkExplanation
from convcalc.analysis.symbolic import KindExplanation
from convcalc.views import words
from convcalc.views.explain import shared
from convcalc.views.explain.shared import Explained
from convcalc.views.formats.markdown import cell, code, escaped, table
from convcalc.views.formulas import formula_text
from convcalc.views.output import Output


def write(result: Explained, out: Output) -> None:
    """The explanation of a layer, a block, a network or a kind."""
    out.text(text(result.explanation))


def text(explained: Explanation | KindExplanation) -> str:
    """Heading, description, table, legend."""
    if isinstance(explained, BlockExplanation):
        return _block(explained)
    return _network(explained) if isinstance(explained, NetworkExplanation) else _formulas(explained)


def _document(title: str, description: str, source: str, *parts: Sequence[str]) -> str:
    about = [escaped(description)] if description else []
    about += ["", f"*Source: {escaped(source)}*"] if source else []
    filled = [part for part in (about, *parts) if part]
    return "\n".join([f"### {title}", *(line for part in filled for line in ("", *part)), ""])


def _formulas(explained: LayerExplanation | KindExplanation) -> str:
    is_layer, rows = isinstance(explained, LayerExplanation), []
    for formula in shared.listed(explained.formulas):
        equation = code(" = ".join(filter(None, (formula.symbol, formula_text(formula.term)))))
        numbers = (code(formula_text(formula.term, numbers=True)), words.exact(formula.value)) if is_layer else ()
        rows.append((shared.label(formula.quantity), equation, *numbers))
    field = shared.field_without_formula(explained)
    if field is not None:
        rows.append(("field", "", "", field))
    header = ("", "formula", "in numbers", "value") if is_layer else ("", "formula")
    legend = [
        f"- {' = '.join(filter(None, (code(symbol), code(meaning), value)))}"
        for symbol, meaning, value in shared.legend(explained, words.exact)
        if meaning or value
    ]
    return _document(
        escaped(shared.title(explained, "→")),
        explained.description,
        explained.source,
        table(header, "lllr"[: len(header)], rows),
        legend,
        [f"With {code(shared.choices(explained))}."] if explained.choices else [],
        [escaped(f"{note[0].upper()}{note[1:]}.") for note in explained.notes],
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
    sums = [
        f"- {label}: {code(shared.added(shares, total, len(block.uncosted_layers)))}"
        for label, shares, total in shared.sums(block)
    ]
    sums += [f"- {escaped(shared.uncosted(block))}"] if block.at_least else []
    sums += [f"- field: {shared.block_field(block)}"] if shared.block_field(block) else []
    return _document(
        f"{cell(block.name)}: {escaped(shared.block_kind(block))}",
        block.description,
        block.source,
        table(("part", "kind", "output", "params", "MACs", "element-wise ops"), "lllrrr", rows) if rows else [],
        sums,
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
    return _document(cell(network.name), "", "", table(("layer", "kind", "MACs", "value"), "lllr", rows))
