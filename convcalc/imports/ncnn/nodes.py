"""The layers of a network, with the numbers that say what each does."""

from __future__ import annotations

import re
from math import isfinite

import msgspec

from convcalc.imports.errors import CannotImport, plain
from convcalc.imports.ncnn.text import WrittenLayer, whole_number
from convcalc.layers import Shape

Number = int | float
Parameter = Number | list[Number] | str

_ARRAY = -23300
"""The key of the array with number n is so much less n."""

_KEYS = 32
"""Numbers that a parameter may have, from 0."""


class NcnnLayer(msgspec.Struct, frozen=True):
    """A layer of the file; its parameters by their numbers."""

    line: WrittenLayer
    parameters: dict[int, Parameter]

    @property
    def title(self) -> str:
        return plain(self.line.name)

    @property
    def operator(self) -> str:
        return plain(self.line.type)

    def modules(self) -> list[str]:
        """Its name, at dots and slashes a path."""
        return [part for part in re.split(r"[./]", self.line.name) if part]

    def integer(self, number: int, default: int = 0) -> int:
        """A parameter that must be a whole number; one with a decimal point is cut, as the program has it."""
        value = self.parameters.get(number, default)
        if isinstance(value, list | str) or not isfinite(value) or abs(value) >= 2**31:
            raise CannotImport(f"{number}={_shown(value)}, where a whole number is expected")
        return int(value)

    def real(self, number: int, default: float = 0.0) -> float:
        """A parameter that must be a number."""
        value = self.parameters.get(number, default)
        if isinstance(value, list | str) or not isfinite(value):
            raise CannotImport(f"{number}={_shown(value)}, where a number is expected")
        return float(f"{value:.7g}")  # they are written as a float32 prints

    def text(self, number: int) -> str:
        """A parameter that is text, empty where it is not there."""
        value = self.parameters.get(number, "")
        return value if isinstance(value, str) else ""

    def reals(self, number: int) -> list[float]:
        """A parameter that is several numbers, none where it is not there."""
        return [float(f"{item:.7g}") for item in self._several(number)]

    def integers(self, number: int) -> list[int]:
        """A parameter that is several whole numbers, none where it is not there."""
        return [int(value) for value in self._several(number) if abs(value) < 2**31]

    def _several(self, number: int) -> list[Number]:
        value = self.parameters.get(number, [])
        if isinstance(value, str):
            raise CannotImport(f"{number}={_shown(value)}, where numbers are expected")
        return value if isinstance(value, list) else [value]


HINTS = 30
"""The parameter that has the sizes of what leaves, as they were when the file was written."""


def _shown(value: object) -> str:
    return plain(str(value))


def node_of(line: WrittenLayer) -> NcnnLayer:
    """A layer with its parameters, `key=value` each.

    Raises:
        CannotImport: a word is no parameter.
    """
    parameters: dict[int, Parameter] = {}
    for word in line.words:
        key, equals, text = word.partition("=")
        number = whole_number(key)
        if not equals or number is None:
            raise CannotImport(f"{line.place}: expected number=value, found {plain(word)!r}")
        is_array = number <= _ARRAY
        number = _ARRAY - number if is_array else number
        if not 0 <= number < _KEYS:
            raise CannotImport(f"{line.place}: parameter {plain(key)}, where 0 to {_KEYS - 1} are known")
        value = _value(text, is_counted=is_array)
        if value is None:
            raise CannotImport(f"{line.place}: {plain(word)!r} is no number, nor an array with its length in front")
        parameters[number] = value
    return NcnnLayer(line, parameters)


def _value(text: str, *, is_counted: bool) -> Parameter | None:
    """What stands behind the sign; None where it is nothing that is known."""
    if text.startswith('"') or text[:1].isalpha():
        return text.strip('"')
    parts = text.split(",")
    numbers = [_number(part) for part in parts if part]
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers) or not known:
        return None
    if is_counted:
        length, *items = known
        return items if length == len(items) else None
    return known if len(parts) > 1 else known[0]


def _number(word: str) -> Number | None:
    number = whole_number(word)
    if number is not None:
        return number
    if len(word) > 40 or not re.fullmatch(r"[+-]?[0-9.]+(?:[eE][+-]?[0-9]{1,3})?", word):
        return None
    try:
        return float(word)
    except ValueError:
        return None


def hinted(node: NcnnLayer, place: int) -> Shape | None:
    """The size that the file notes for a blob, channels first; None where it notes none."""
    numbers = node.integers(HINTS)
    count = len(node.line.tops)
    if not numbers or len(numbers) % count:
        return None
    step = len(numbers) // count
    rank, *sizes = numbers[place * step : (place + 1) * step]
    if not 1 <= rank <= 4 or step not in (4, 5):
        return None
    if rank == 3 and step == 5:  # depth has a place of its own
        sizes = [*sizes[:2], sizes[3]]
    shape = tuple(reversed(sizes[:rank]))
    return shape if len(shape) == rank and min(shape) > 0 else None
