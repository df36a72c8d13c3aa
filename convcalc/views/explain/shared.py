"""What the formats of an explanation have in common: which pieces a formula has, and how things are called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from convcalc.analysis.explain import COSTS, BlockExplanation, Explanation, Formula, LayerExplanation, Part
from convcalc.analysis.report import ReceptiveField
from convcalc.analysis.symbolic import KindExplanation
from convcalc.language.writing import value_text
from convcalc.layers import field_types, kind_of
from convcalc.views import words
from convcalc.visible import short

LABELS = {
    "padding": "padding in all",
    "output channels": "channels",
    "macs": "MACs",
    "elementwise_ops": "element-wise ops",
}
"""What quantities are called for people; the others as they are."""


_Formulas = LayerExplanation | KindExplanation
"""What is explained by formulas."""


class Explained(msgspec.Struct, frozen=True):
    """What a view of explain gets: an explanation, and of which network in which spec, if in one."""

    explanation: Explanation | KindExplanation
    model: str = ""
    spec: str = ""


def label(quantity: str) -> str:
    """What a quantity is called for people."""
    return LABELS.get(quantity, quantity)


def listed(formulas: Iterable[Formula]) -> list[Formula]:
    """The formulas that say something: `C_out = C_out` does not."""
    return [formula for formula in formulas if not formula.is_trivial]


def sides(explained: _Formulas, formula: Formula, write: Callable[..., str], number: Callable[[int], str]) -> list[str]:
    """The formula in symbols; of a layer also in numbers and the value, each once."""
    term = formula.term
    if isinstance(explained, KindExplanation):
        return [write(term)]
    texts = dict.fromkeys((write(term), write(term, numbers=True)))
    return [*(text for text in texts if text != str(term.value)), number(term.value)]


def choices(explained: _Formulas) -> str:
    """`bias = false, padding_mode = zeros`."""
    types = field_types(kind_of(explained.kind))
    return ", ".join(f"{name} = {value_text(types[name].written(value))}" for name, value in explained.choices.items())


def legend(explained: _Formulas, number: Callable[[int], str]) -> list[tuple[str, str, str]]:
    """Each symbol, what it stands for where that says more, and of a layer its value."""
    is_layer = isinstance(explained, LayerExplanation)
    return [
        (entry.symbol, entry.meaning if entry.meaning != entry.symbol else "", number(entry.value) if is_layer else "")
        for entry in explained.legend
    ]


def heading(explained: _Formulas, arrow: str = "->") -> tuple[str, ...]:
    """Name, kind with its summary, and the shapes that enter and leave; of a kind, its axes."""
    if isinstance(explained, KindExplanation):
        return explained.kind, f"on {explained.axes} spatial {'axis' if explained.axes == 1 else 'axes'}"
    entering = ", ".join(words.shape(shape) for shape in explained.input_shapes)
    kind = f"{explained.kind} {explained.summary}".rstrip()
    return short(explained.name), kind, f"{entering} {arrow} {words.shape(explained.output_shape)}"


def title(explained: _Formulas, arrow: str = "->") -> str:
    """The heading in one: conv1: conv 3x3, 3x32x32 -> 8x32x32."""
    name, *details = heading(explained, arrow)
    return f"{name}{': ' if isinstance(explained, LayerExplanation) else ', '}{', '.join(details)}"


def _field(seen: ReceptiveField) -> str:
    """A receptive field that has no formula, in numbers."""
    if seen.size is None or seen.stride is None or seen.start is None:
        return words.field(seen)
    parts = (("size", seen.size), ("stride", seen.stride), ("start", seen.start))
    return ", ".join(f"{name} {words.per_axis(numbers)}" for name, numbers in parts)


def field_without_formula(explained: _Formulas) -> str | None:
    """The receptive field of a layer, None where it has a formula on every axis that it has a size on."""
    if isinstance(explained, KindExplanation):
        return None
    axes = {axis for formula in explained.formulas if formula.quantity == "field size" for axis in formula.axes}
    sizes = explained.receptive_field.size or ()
    is_complete = axes >= {axis for axis, size in enumerate(sizes) if size is not None}
    return None if is_complete else _field(explained.receptive_field)


def block_field(block: BlockExplanation) -> str:
    """The receptive field of a block; nothing where it has none."""
    seen = block.receptive_field
    return _field(seen) if seen is not None and words.field(seen) else ""


def sums(block: BlockExplanation) -> list[tuple[str, list[int], int]]:
    """What each cost adds up from: label, the parts' shares but for zeros, the sum; without costs there are none of."""
    costs = []
    for cost in COSTS:
        shares = [getattr(part, cost) for part in block.parts]
        if any(shares) or cost in {"params", "macs"}:
            costs.append((label(cost), [share for share in shares if share], getattr(block, cost)))
    return costs


def added(shares: Sequence[int], total: int, uncosted: int = 0) -> str:
    """4,800 + 49,152 = 53,952; at least that where so many layers add what is not known."""
    amount = words.at_least(words.exact(total), uncosted)
    if len(shares) < 2:
        return amount
    return f"{' + '.join(map(words.exact, shares))} = {amount}"


def uncosted(block: BlockExplanation) -> str:
    """The layers that add what is not known; nothing where there are none."""
    return f"it is not known what {words.listed(block.uncosted_layers)} cost" if block.at_least else ""


def part_cost(part: Part, cost: int, number: Callable[[int], str] = words.exact) -> str:
    """What a part adds: ``?`` where nothing of it is known, ``≥ 4,096`` where not all is."""
    if not part.uncosted:
        return number(cost)
    return f"≥ {number(cost)}" if cost else "?"


def block_kind(block: BlockExplanation) -> str:
    """The block's kind, and how often it is repeated."""
    return block.kind if block.times is None else f"{block.kind} x{block.times}"
