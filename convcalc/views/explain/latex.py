r"""An explanation as LaTeX: ``align*`` environments for a document that loads amsmath.

A formula's text is read as the Python it is, once ``·`` is ``*``, and written as mathematics: ``//`` is a fraction
rounded down, ``ceil(a / b)`` one rounded up.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence

from convcalc.analysis.explain import BlockExplanation, Explanation, LayerExplanation, NetworkExplanation, Part
from convcalc.analysis.symbolic import KindExplanation
from convcalc.views import words
from convcalc.views.explain import shared as said
from convcalc.views.explain.shared import Explained
from convcalc.views.formats.latex import escaped
from convcalc.views.output import Output

NEEDS = "% needs \\usepackage{amsmath}; \\allowdisplaybreaks lets long ones go over pages"
SUM, TERM, FACTOR = range(3)
"""How tightly a part of a formula holds together: a sum, a product or remainder, and what needs no brackets."""


def symbol(name: str) -> str:
    r"""``C_out`` as ``C_{\mathrm{out}}``, a whole word upright."""
    found = re.fullmatch(r"([A-Za-z])(\d*)((?:_[^_]+)*)", name)
    if found is None:
        return rf"\mathrm{{{escaped(name)}}}"
    letter, number, rest = found.groups()
    words_and_numbers = re.findall(r"\d+|[^\W\d_]+", number + rest)
    below = [part if part.isdigit() else rf"\mathrm{{{part}}}" for part in words_and_numbers]
    return f"{letter}_{{{', '.join(below)}}}" if below else letter


def formula(text: str) -> str:
    """The formula of a text, as mathematics."""
    return _written(ast.parse(text.replace("·", "*"), mode="eval").body)[0]


def number(value: int) -> str:
    """All digits, in groups of three."""
    return words.exact(value).replace(",", "{,}")


def _written(node: ast.expr) -> tuple[str, int]:
    """The part, and how tightly it holds together."""
    if isinstance(node, ast.Constant):
        return str(node.value), FACTOR
    if isinstance(node, ast.Name):
        return symbol(node.id), FACTOR
    if isinstance(node, ast.UnaryOp):
        return f"-{_within(node.operand, FACTOR)}", SUM
    if isinstance(node, ast.Call):
        return _called(node), FACTOR
    assert isinstance(node, ast.BinOp)  # noqa: S101  # for the type checker: formulas have nothing else
    return _binary(node)


def _binary(node: ast.BinOp) -> tuple[str, int]:
    left, right = node.left, node.right
    if isinstance(node.op, ast.FloorDiv):
        return rf"\left\lfloor {_fraction(left, right)} \right\rfloor", FACTOR
    if isinstance(node.op, ast.Div):
        return _fraction(left, right), FACTOR
    if isinstance(node.op, ast.Mult):
        return rf"{_within(left, TERM)} \cdot {_within(right, FACTOR)}", TERM
    if isinstance(node.op, ast.Mod):
        return rf"({_within(left, FACTOR)} \bmod {_within(right, FACTOR)})", FACTOR
    sign, least = ("+", TERM) if isinstance(node.op, ast.Add) else ("-", TERM)
    return f"{_written(left)[0]} {sign} {_within(right, least)}", SUM


def _within(node: ast.expr, least: int) -> str:
    text, tightness = _written(node)
    return text if tightness >= least else rf"\left({text}\right)"


def _fraction(top: ast.expr, bottom: ast.expr) -> str:
    return rf"\frac{{{_written(top)[0]}}}{{{_written(bottom)[0]}}}"


def _called(node: ast.Call) -> str:
    assert isinstance(node.func, ast.Name)  # noqa: S101  # for the type checker
    arguments = ", ".join(_written(argument)[0] for argument in node.args)
    if node.func.id == "ceil":
        return rf"\left\lceil {arguments} \right\rceil"
    return rf"\{node.func.id}\left({arguments}\right)"


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
    found = list(rows)
    return [r"\begin{align*}", *(rf"{row} \\" for row in found[:-1]), *found[-1:], r"\end{align*}"] if found else []


def _about(title: str, description: str, source: str) -> list[str]:
    lines = [rf"\paragraph{{{escaped(title)}}} {escaped(description)}".rstrip()]
    return [*lines, rf"Source: {escaped(source)}"] if source else lines


def _legend(entries: Sequence[tuple[str, str, int | None]], choices: str, notes: Iterable[str]) -> list[str]:
    def entry(name: str, meaning: str, value: int | None) -> str:
        parts = [symbol(name)]
        parts += [rf"\text{{{escaped(meaning)}}}"] if meaning != name else []
        parts += [number(value)] if value is not None else []
        return f"${' = '.join(parts)}$"

    lines = [", ".join(entry(*one) for one in entries)] if entries else []
    lines += [rf"with {escaped(choices)}"] if choices else []
    # An empty line ends a paragraph; one before the formulas would leave a gap.
    return [rf"\noindent {'; '.join([*lines, *map(escaped, notes)])}."] if [*lines, *notes] else []


def _layer(layer: LayerExplanation) -> list[str]:
    rows = []
    for one in said.listed(layer.formulas):
        first, *others = said.pieces(one)[bool(one.symbol) :]
        left = symbol(one.symbol) if one.symbol else rf"\text{{{escaped(said.label(one.quantity))}}}"
        written = [*map(formula, [first, *others][:-1]), number(one.value)] if others else [number(one.value)]
        rows += [f"{left} &= {written[0]}", *(f"&= {piece}" for piece in written[1:])]
    if not said.has_field_formula(layer):
        rows.append(rf"\text{{field}} &= \text{{{escaped(said.field(layer.receptive_field) or '-')}}}")
    name, kind, shapes = said.heading(layer)
    entries = [(each.symbol, each.meaning, each.value) for each in layer.legend]
    return [
        *_about(f"{name}: {kind}, {shapes}", layer.description, layer.source),
        *_aligned(rows),
        *_legend(entries, said.choices(layer.choices), layer.notes),
    ]


def _kind(kind: KindExplanation) -> list[str]:
    rows = [
        f"{symbol(one.symbol) if one.symbol else rf'{_text(said.label(one.quantity))}'} &= {formula(one.symbols)}"
        for one in kind.formulas
        if one.symbol != one.symbols
    ]
    entries = [(each.symbol, each.meaning, None) for each in kind.legend if each.symbol != each.meaning]
    return [
        *_about(f"{kind.kind}, on {kind.axes} spatial axes", kind.description, kind.source),
        *_aligned(rows),
        *_legend(entries, said.choices(kind.choices), kind.notes),
    ]


def _text(words_: str) -> str:
    return rf"\text{{{escaped(words_)}}}"


def _block(block: BlockExplanation) -> list[str]:
    rows = []
    for label, shares, total in said.sums(block):
        parts = [" + ".join(map(number, shares))] if len(shares) > 1 else []
        rows.append(f"{_text(label)} &= {' = '.join([*parts, _total(total, len(block.uncosted_layers))])}")
    title = f"{block.name}: {said.block_kind(block)}"
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
        pieces = [] if line.macs.numbers.isdigit() else [formula(line.macs.numbers)]
        rows.append(f"{_text(line.name)} &: {' = '.join([*pieces, number(line.macs.value)])}")
    return [rf"\paragraph{{{escaped(network.name)}}} MACs", *_aligned(rows)]
