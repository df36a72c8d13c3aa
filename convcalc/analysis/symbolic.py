"""The formulas of a kind alone, for an input of two spatial axes, without the numbers of any network."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from convcalc.analysis.analyze import measured
from convcalc.analysis.explain import UNCOSTED, Formula, Work, described, used
from convcalc.analysis.symbols import Symbol
from convcalc.arithmetic.axes import Reach
from convcalc.arithmetic.field import Field, at_input
from convcalc.layers import Kind, Shape, defaults_on, field_types, page
from convcalc.layers._configured import fault

_AXES = 2
_DRAWS = 2000
"""Generated configurations among which one for such an input is looked for."""

_Case = tuple[Kind, tuple[Shape, ...]]


class KindExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """What a layer of a kind costs, in symbols, on an input of `axes` spatial axes.

    Formulas and symbols are those of an example; their values say nothing of the kind. `choices` are the fields that
    enter no formula as a number, with what they were taken to be: the default, unless the kind needs another here.
    """

    kind: str
    description: str
    source: str
    axes: int
    choices: dict[str, Any]
    legend: tuple[Symbol, ...]
    formulas: tuple[Formula, ...]
    notes: tuple[str, ...]


def explain_kind(name: str, kind: type[Kind]) -> KindExplanation:
    """The kind's formulas in symbols, choices at their defaults."""
    config, shapes = _plainest(kind)
    work = Work(config, shapes)
    entering = _entering(config, shapes)
    seen = measured(config.receptive_field(entering, shapes), config.shape(*shapes))
    local, notes = work.field(entering, seen)
    formulas = (*work.output, *work.costs(), *local)
    description, source = described(page(kind))
    return KindExplanation(
        kind=name,
        description=description,
        source=source,
        axes=len(shapes[0]) - 1,
        choices=work.layer.choices,
        legend=tuple(used(work.layer.legend, formulas)),
        formulas=formulas,
        notes=notes if kind.costed else (UNCOSTED, *notes),
    )


def _entering(config: Kind, shapes: tuple[Shape, ...]) -> tuple[Field, ...]:
    """The field of a first input that is the network's; the others move as it does where they meet.

    They see more than it does, so that no symbol stands for two things that only happen to be equal.
    """
    straight = tuple(at_input(len(shape) - 1) for shape in shapes)
    meeting = config.paths(straight, shapes)[0]
    return (straight[0], *(_wider(meeting, more) for more in range(1, len(shapes))))


def _wider(field: Field, more: int) -> Field:
    axes = [Reach(a.size + 2 * more, a.stride, a.start - more) if isinstance(a, Reach) else a for a in field.axes]
    return replace(field, axes=tuple(axes))


def _plainest(kind: type[Kind]) -> _Case:
    """A configuration that the kind accepts, made as plain as it lets itself be made, a change at a time."""
    case = min((kind.case(random.Random(seed)) for seed in range(_DRAWS)), key=_oddities)
    for shapes in _plainer_shapes(case[1]):
        if fault(case[0], shapes) is None:
            case = case[0], shapes
    for fields in _plainer_fields(*case):
        changed = replace(case[0], **fields)
        if fault(changed, case[1]) is None:
            case = changed, case[1]
    return case


def _oddities(case: _Case) -> tuple[int, ...]:
    """How far a case is from a plain one: axes, inputs, numbers that differ among axes, fields."""
    config, shapes = case
    kind, rank = type(config), len(shapes[0]) - 1
    values = {name: getattr(config, name) for name in field_types(kind)}
    uneven = [len(set(value)) - 1 for value in (*values.values(), *(x[1:] for x in shapes)) if isinstance(value, tuple)]
    written = [name for name in values if not _is_default(config, name, rank)]
    without_effect = [name for name in written if values[name] in (1, (1,) * rank)]
    return sum(len(x) != _AXES + 1 for x in shapes), len(shapes), sum(uneven), len(without_effect), len(written)


def _is_default(config: Kind, name: str, rank: int) -> bool:
    unwritten = defaults_on(type(config), rank)
    return name in unwritten and getattr(config, name) == unwritten[name]


def _plainer_shapes(shapes: tuple[Shape, ...]) -> Iterator[tuple[Shape, ...]]:
    """Each input square, all inputs alike, and long enough for any window."""
    square = tuple((shape[0], *[max(shape[1:], default=1)] * (len(shape) - 1)) for shape in shapes)
    yield square
    yield (square[0],) * len(shapes)
    yield ((12, *[24] * (len(shapes[0]) - 1)),) * len(shapes)


def _plainer_fields(config: Kind, shapes: tuple[Shape, ...]) -> Iterator[dict[str, Any]]:
    """Each field at its default, then one number for all axes, a window of which each position sees several."""
    types, rank = field_types(type(config)), len(shapes[0]) - 1
    yield from ({name: default} for name, default in defaults_on(type(config), rank).items())
    for name, type_ in types.items():
        value = getattr(config, name)
        if isinstance(value, tuple) and value:
            yield {name: (value[0],) * len(value)}
            if type_.traced(value, name) is not value and not _is_default(config, name, rank):
                yield {name: ((2, 2) if isinstance(value[0], tuple) else 3,) * len(value)}
