"""The formulas of a kind alone, for an input of two spatial axes, without the numbers of any network."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from convcalc.analysis.analyze import measured
from convcalc.analysis.explain import Work, told, used
from convcalc.arithmetic.field import at_input
from convcalc.layers import Kind, Shape, defaults, field_types, page

AXES = 2
DRAWS = 500
"""Generated configurations among which one for such an input is looked for."""

Case = tuple[Kind, tuple[Shape, ...]]


class Meaning(msgspec.Struct, frozen=True):
    """A symbol and what it stands for."""

    symbol: str
    meaning: str


class SymbolicFormula(msgspec.Struct, frozen=True):
    """One number's formula, and the symbol it has in others (empty: in none)."""

    quantity: str
    symbol: str
    symbols: str


class KindExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """What a layer of a kind costs, in symbols, on an input of `axes` spatial axes.

    `choices` are the fields that enter no formula as a number, with what they were taken to be: the default, unless the
    kind needs another here.
    """

    kind: str
    description: str
    source: str
    axes: int
    choices: dict[str, Any]
    legend: tuple[Meaning, ...]
    formulas: tuple[SymbolicFormula, ...]
    notes: tuple[str, ...]


def explain_kind(name: str, kind: type[Kind]) -> KindExplanation:
    """The kind's formulas in symbols, choices at their defaults."""
    config, shapes = _plainest(kind)
    work = Work(config, shapes)
    entering = tuple(at_input(len(shape) - 1) for shape in shapes)
    seen = measured(config.receptive_field(entering, shapes), config.shape(*shapes))
    local, notes = work.field(entering, seen)
    formulas = (*work.output, *work.costs(), *local)
    description, source = told(page(kind))
    return KindExplanation(
        kind=name,
        description=description,
        source=source,
        axes=len(shapes[0]) - 1,
        choices=work.layer.choices,
        legend=tuple(Meaning(symbol.symbol, symbol.meaning) for symbol in used(work.layer.legend, formulas)),
        formulas=tuple(SymbolicFormula(formula.quantity, formula.symbol, formula.symbols) for formula in formulas),
        notes=notes,
    )


def _plainest(kind: type[Kind]) -> Case:
    """A configuration that the kind accepts, made as plain as it lets itself be made, a change at a time."""
    drawn = [kind.case(random.Random(seed)) for seed in range(DRAWS)]
    case = next((case for case in drawn if all(len(shape) == AXES + 1 for shape in case[1])), drawn[0])
    for shapes in _plainer_shapes(case[1]):
        if _fits(case[0], shapes):
            case = case[0], shapes
    for fields in _plainer_fields(*case):
        changed = replace(case[0], **fields)
        if _fits(changed, case[1]):
            case = changed, case[1]
    return case


def _fits(config: Kind, shapes: tuple[Shape, ...]) -> bool:
    return all(check.holds for check in config.checks(*shapes))


def _plainer_shapes(shapes: tuple[Shape, ...]) -> Iterator[tuple[Shape, ...]]:
    """Each input square, all inputs alike, and long enough for any window."""
    square = tuple((shape[0], *[max(shape[1:], default=1)] * (len(shape) - 1)) for shape in shapes)
    yield square
    yield (square[0],) * len(shapes)
    yield ((12, *[24] * (len(shapes[0]) - 1)),) * len(shapes)


def _plainer_fields(config: Kind, shapes: tuple[Shape, ...]) -> Iterator[dict[str, Any]]:
    """Each field at its default, then one number for all axes, a window of which each position sees several."""
    types, standard, rank = field_types(type(config)), defaults(type(config)), len(shapes[0]) - 1
    yield from ({name: types[name].expand(default, rank)} for name, default in standard.items())
    for name, type_ in types.items():
        value = getattr(config, name)
        if isinstance(value, tuple) and value:
            yield {name: (value[0],) * len(value)}
            if name not in standard and type_.traced(value, name) is not value and isinstance(value[0], int):
                yield {name: (3,) * len(value)}
