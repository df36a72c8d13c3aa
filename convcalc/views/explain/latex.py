"""An explanation as LaTeX: ``align*`` environments for a document that loads amsmath."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.analysis.explain import BlockExplanation, Explanation, Formula, LayerExplanation, NetworkExplanation, Part
from convcalc.analysis.symbolic import KindExplanation
from convcalc.views import words
from convcalc.views.explain import shared
from convcalc.views.explain.shared import Explained
from convcalc.views.formats.latex import escaped
from convcalc.views.formulas import formula_latex, latex_symbol
from convcalc.views.output import Output

NEEDS = "% needs \\usepackage{amsmath}; \\allowdisplaybreaks lets long ones go over pages"


def number(value: int) -> str:
    """All digits, in groups of three."""
    return words.exact(value).replace(",", "{,}")


def write(result: Explained, out: Output) -> None:
    """The explanation of a layer, a block, a network or a kind."""
    out.text(text(result.explanation))


def text(explained: Explanation | KindExplanation) -> str:
    """A fragment to put into a document."""
    if isinstance(explained, BlockExplanation):
        lines = _block(explained)
    elif isinstance(explained, NetworkExplanation):
        lines = _network(explained)
    else:
        lines = _formulas(explained)
    return "\n".join([NEEDS, *lines, ""])


def _aligned(rows: Sequence[str]) -> list[str]:
    return [r"\begin{align*}", " \\\\\n".join(rows), r"\end{align*}"] if rows else []


def _about(title: str, description: str, source: str) -> list[str]:
    lines = [rf"\paragraph{{{escaped(title)}}} {escaped(description)}".rstrip()]
    return [*lines, rf"Source: {escaped(source)}"] if source else lines


def _formulas(explained: LayerExplanation | KindExplanation) -> list[str]:
    rows = []
    for formula in shared.listed(explained.formulas):
        first, *others = shared.sides(explained, formula, formula_latex, number)
        rows += [f"{_left(formula)} &= {first}", *(f"&= {piece}" for piece in others)]
    field = shared.field_without_formula(explained)
    if field is not None:
        rows.append(f"{_text('field')} &= {_text(field or '-')}")
    about = _about(shared.title(explained), explained.description, explained.source)
    return [*about, *_aligned(rows), *_legend(explained)]


def _legend(explained: LayerExplanation | KindExplanation) -> list[str]:
    entries = [
        f"${' = '.join(filter(None, (latex_symbol(symbol), meaning and _text(meaning), value)))}$"
        for symbol, meaning, value in shared.legend(explained, number)
        if meaning or value
    ]
    lines = [", ".join(entries)] if entries else []
    lines += [rf"with {escaped(shared.choices(explained))}"] if explained.choices else []
    lines += map(escaped, explained.notes)
    # An empty line ends a paragraph; one before the formulas would leave a gap.
    return [rf"\noindent {'; '.join(lines)}."] if lines else []


def _left(formula: Formula) -> str:
    return latex_symbol(formula.symbol) if formula.symbol else _text(shared.label(formula.quantity))


def _text(words_: str) -> str:
    return rf"\text{{{escaped(words_)}}}"


def _block(block: BlockExplanation) -> list[str]:
    rows = []
    for label, shares, total in shared.sums(block):
        parts = [" + ".join(map(number, shares))] if len(shares) > 1 else []
        rows.append(f"{_text(label)} &= {' = '.join([*parts, _total(total, len(block.uncosted_layers))])}")
    title = f"{block.name}: {shared.block_kind(block)}"
    parts_ = [
        rf"{_text(f'{part.name} ({part.kind})')} &: {_part(part, part.params)} \text{{ params}}, "
        rf"{_part(part, part.macs)} \text{{ MACs}}"
        for part in block.parts
    ]
    return [*_about(title, block.description, block.source), *_aligned(parts_), *_aligned(rows)]


def _total(value: int, uncosted: int) -> str:
    least, _, behind = words.at_least("|", uncosted).partition("|")
    return f"{_text(least)}{number(value)}{_text(behind)}" if uncosted else number(value)


def _part(part: Part, value: int) -> str:
    return shared.part_cost(part, value, number).replace("≥", r"\geq")


def _network(network: NetworkExplanation) -> list[str]:
    rows = []
    for line in network.layers:
        if line.macs is None:
            rows.append(f"{_text(line.name)} &: ?")
            continue
        pieces = [formula_latex(line.macs.term, numbers=True)] if line.macs.term.operator else []
        rows.append(f"{_text(line.name)} &: {' = '.join([*pieces, number(line.macs.value)])}")
    return [rf"\paragraph{{{escaped(network.name)}}} MACs", *_aligned(rows)]
