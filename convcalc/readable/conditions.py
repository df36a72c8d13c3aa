"""When a layer of a block is there, if it is not in all occurrences."""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.readable.expressions import are_numbers
from convcalc.readable.parameters import BlockParameter, Parameters
from convcalc.readable.slots import Slot


def condition(slot: Slot, parameters: Parameters, entering: list[int]) -> str:
    """What holds where a slot is there and nowhere else, of parameters and of the channels that enter the block.

    It is empty where the slot is there everywhere, and a new parameter where nothing else tells.
    """
    present = [bool(units) for units in slot.units]
    if all(present):
        return ""
    plain = [condition for parameter in parameters.by_name.values() for condition in _conditions(parameter, entering)]
    pairs = (
        (f"{text} {word} {other}", [both(pair) for pair in zip(flags, more, strict=True)])
        for word, both in (("or", any), ("and", all))
        for place, (text, flags) in enumerate(plain)
        for other, more in plain[:place]
    )
    match = next((text for text, flags in [*plain, *pairs] if flags == present), None)
    return match or parameters.flag(slot, present)


def _conditions(parameter: BlockParameter, entering: list[int]) -> Iterator[tuple[str, list[bool]]]:
    """What can be asked: a flag or its opposite; of a number whether it is 1, and whether channels become so many."""
    values, name = parameter.values, parameter.name
    if all(isinstance(value, bool) for value in values):
        yield name, values
        yield f"not {name}", [not value for value in values]
    elif are_numbers(values):
        if parameter.default == "1":
            yield f"{name} != 1", [value != 1 for value in values]
            yield f"{name} == 1", [value == 1 for value in values]
        for factor in (1, 2, 4):
            text = name if factor == 1 else f"{factor} * {name}"
            same = [channels == factor * value for channels, value in zip(entering, values, strict=True)]
            if any(same):
                yield f"input_channels != {text}", [not flag for flag in same]
                yield f"input_channels == {text}", same
