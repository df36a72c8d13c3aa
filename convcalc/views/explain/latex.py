"""An explanation as LaTeX: ``align*`` environments for a document that loads amsmath."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
    if isinstance(explained, LayerExplanation):
        lines = _layer(explained)
    elif isinstance(explained, BlockExplanation):
        lines = _block(explained)
    elif isinstance(explained, NetworkExplanation):
        lines = _network(explained)
    else:
        lines = _kind(explained)
    return "\n".join([NEEDS, *lines, ""])


def _aligned(rows: Iterable[str]) -> list[str]:
    lines = list(rows)
    return [r"\begin{align*}", *(rf"{row} \\" for row in lines[:-1]), *lines[-1:], r"\end{align*}"] if lines else []


def _about(title: str, description: str, source: str) -> list[str]:
    lines = [rf"\paragraph{{{escaped(title)}}} {escaped(description)}".rstrip()]
    return [*lines, rf"Source: {escaped(source)}"] if source else lines


def _legend(entries: Sequence[tuple[str, str, int | None]], choices: str, notes: Iterable[str]) -> list[str]:
    def entry(name: str, meaning: str, value: int | None) -> str:
        parts = [latex_symbol(name)]
        parts += [rf"\text{{{escaped(meaning)}}}"] if meaning != name else []
        parts += [number(value)] if value is not None else []
        return f"${' = '.join(parts)}$"

    lines = [", ".join(entry(*parts) for parts in entries)] if entries else []
    lines += [rf"with {escaped(choices)}"] if choices else []
    # An empty line ends a paragraph; one before the formulas would leave a gap.
    return [rf"\noindent {'; '.join([*lines, *map(escaped, notes)])}."] if [*lines, *notes] else []


def _layer(layer: LayerExplanation) -> list[str]:
    rows = []
    for formula in shared.listed(layer.formulas):
        first, *others = [*shared.pieces(formula.term, formula_latex), number(formula.value)]
        rows += [f"{_left(formula)} &= {first}", *(f"&= {piece}" for piece in others)]
    if not shared.has_field_formula(layer):
        rows.append(rf"\text{{field}} &= \text{{{escaped(shared.field(layer.receptive_field) or '-')}}}")
    name, kind, shapes = shared.heading(layer)
    entries = [(symbol.symbol, symbol.meaning, symbol.value) for symbol in layer.legend]
    return [
        *_about(f"{name}: {kind}, {shapes}", layer.description, layer.source),
        *_aligned(rows),
        *_legend(entries, shared.choices(layer.choices), layer.notes),
    ]


def _left(formula: Formula) -> str:
    return latex_symbol(formula.symbol) if formula.symbol else _text(shared.label(formula.quantity))


def _kind(kind: KindExplanation) -> list[str]:
    rows = [f"{_left(formula)} &= {formula_latex(formula.term)}" for formula in shared.listed(kind.formulas)]
    entries = [(symbol.symbol, symbol.meaning, None) for symbol in kind.legend if symbol.symbol != symbol.meaning]
    return [
        *_about(f"{kind.kind}, on {kind.axes} spatial axes", kind.description, kind.source),
        *_aligned(rows),
        *_legend(entries, shared.choices(kind.choices), kind.notes),
    ]


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
    if not part.uncosted:
        return number(value)
    return rf"\geq {number(value)}" if value else "?"


def _network(network: NetworkExplanation) -> list[str]:
    rows = []
    for line in network.layers:
        if line.macs is None:
            rows.append(f"{_text(line.name)} &: ?")
            continue
        pieces = [formula_latex(line.macs.term, numbers=True)] if line.macs.term.operator else []
        rows.append(f"{_text(line.name)} &: {' = '.join([*pieces, number(line.macs.value)])}")
    return [rf"\paragraph{{{escaped(network.name)}}} MACs", *_aligned(rows)]
