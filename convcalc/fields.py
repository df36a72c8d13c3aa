"""The types a layer's field can have: what a value must be, how it is said in an error and in the JSON Schema.

A type knows nothing of YAML. It gets the value that the spec language evaluated (int, Fraction, bool, str, None
or a tuple of such) and the number of spatial axes, and returns the value the formulas use, or raises
`FieldError` saying what was expected.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from convcalc.arithmetic.number import Term, TracedNumber, Vocabulary, is_truth, traced_axes, whole
from convcalc.arithmetic.varying import Varying, VaryingRatio
from convcalc.arithmetic.window import PADDING_WORDS, Padding

MOST_AXES = 16
"""Axes of a tensor."""
LARGEST = 2**31 - 1
"""The largest size, count or index a field may hold."""


AMBIGUOUS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
"""Texts that YAML 1.1 read as booleans."""


class FieldError(ValueError):
    """A value is not of the field's type; the message says what was expected and what was found."""


def shown(value: object) -> str:
    """A value as the spec language writes it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, tuple | list):
        return f"[{', '.join([*map(shown, value[:8]), *(['...'] if len(value) > 8 else [])])}]"
    if isinstance(value, str):
        return f"the text {value[:60]!r}{'...' if len(value) > 60 else ''}"
    if isinstance(value, int):
        return str(value) if abs(value) < 10**30 else "a number of more than 30 digits"
    if isinstance(value, Varying | VaryingRatio):
        return str(value)
    return f"{float(value):g}"  # type: ignore[arg-type]  # only fractions are left


def _whole(value: object, minimum: int) -> int:
    number = whole(value)
    if number is not None and minimum <= number <= LARGEST:
        return number  # type: ignore[no-any-return]  # an int, or one that varies
    expected = f"a whole number from {minimum}" if minimum > -LARGEST else "a whole number"
    if number is not None and number > LARGEST:
        expected += f" to {LARGEST}"
    raise FieldError(f"expected {expected}, found {shown(value)}")


_EXPRESSION = {"type": "string", "description": "an expression, such as 2 * width"}


def _integer(minimum: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": minimum, "maximum": LARGEST}


def _or_expression(*schemas: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [*schemas, _EXPRESSION]}


def _one_or_list(number: dict[str, Any], **limits: int) -> dict[str, Any]:
    return _or_expression(number, {"type": "array", "items": _or_expression(number), **limits})


class FieldType(msgspec.Struct, frozen=True):
    """The base: `about` is the field's line in the manual."""

    about: str

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        raise NotImplementedError

    @property
    def words(self) -> tuple[str, ...]:
        """Texts that stand for themselves; any other text is an expression."""
        return ()

    @property
    def item(self) -> "FieldType | None":
        """The type of a list's items; None where a list may not be written."""
        return None

    def accept(self, value: Any, rank: int) -> Any:
        """The value the formulas use; `rank` is the number of spatial axes of the layer's input."""
        raise NotImplementedError

    def written(self, value: Any) -> Any:
        """What a person writes for a value, in its shortest form: `accept` makes the same value of it again."""
        return value

    def expand(self, default: Any, rank: int) -> Any:
        """A kind's own default for an input of `rank` spatial axes; one an axis where the field has one an axis."""
        return default

    def traced(self, value: Any, symbol: str, vocabulary: Vocabulary | None = None) -> Any:
        """The value with a symbol for every number that enters a count; here a value of which none does.

        Where axes differ, or the two ends of one, each has a symbol of its own.
        """
        return value

    def thin(self, value: Any, axis: int | None) -> Any:
        """The value for a tensor of one channel and, on each spatial axis but `axis`, one position."""
        return value

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of what may be written."""
        raise NotImplementedError


class Whole(FieldType, frozen=True, kw_only=True):
    """One whole number, not below `minimum`."""

    minimum: int = 0

    @property
    def expected(self) -> str:
        return f"a whole number from {self.minimum}" if self.minimum > -LARGEST else "a whole number"

    def accept(self, value: Any, rank: int) -> int:
        return _whole(value, self.minimum)

    def traced(self, value: Any, symbol: str, vocabulary: Vocabulary | None = None) -> Any:
        if self.minimum < 0:  # a place or a marker, whose sign is a case of its own
            return value
        return TracedNumber(Term(value, symbol), vocabulary)

    def schema(self) -> dict[str, Any]:
        return _or_expression(_integer(self.minimum))


class Channels(Whole, frozen=True, kw_only=True):
    """A whole number of channels, or of parts that they are split into."""

    def thin(self, value: Any, axis: int | None) -> Any:
        return 1


class Real(FieldType, frozen=True, kw_only=True):
    """A number with or without decimals; it enters the tensors, never a count. `above`: what it must be more than."""

    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None

    @property
    def expected(self) -> str:
        if self.above is not None:
            return f"a number above {self.above:g}"
        if self.minimum is not None and self.maximum is not None:
            return f"a number from {self.minimum:g} to {self.maximum:g}"
        return "a number" if self.minimum is None else f"a number from {self.minimum:g}"

    def accept(self, value: Any, rank: int) -> float:
        number = None if isinstance(value, bool | str | tuple | None) else value
        if not isinstance(number, Varying | VaryingRatio | None):
            number = float(number)
        if number is None or not (
            (self.minimum is None or number >= self.minimum)
            and (self.maximum is None or number <= self.maximum)
            and (self.above is None or number > self.above)
        ):
            raise FieldError(f"expected {self.expected}, found {shown(value)}")
        return number  # type: ignore[return-value]  # or one that varies

    def schema(self) -> dict[str, Any]:
        limits = {"minimum": self.minimum, "maximum": self.maximum, "exclusiveMinimum": self.above}
        return _or_expression({"type": "number", **{word: size for word, size in limits.items() if size is not None}})


class Flag(FieldType, frozen=True):
    """True or false."""

    @property
    def expected(self) -> str:
        return "true or false"

    def accept(self, value: Any, rank: int) -> Any:
        if not is_truth(value):
            meant = AMBIGUOUS.get(value.lower()) if isinstance(value, str) else None
            advice = f"; YAML 1.2 reads {value} as a text, write {meant}" if meant else ""
            raise FieldError(f"expected {self.expected}, found {shown(value)}{advice}")
        return bool(value)

    def schema(self) -> dict[str, Any]:
        return _or_expression({"type": "boolean"})


class FlagOrWord(Flag, frozen=True, kw_only=True):
    """True or false, or one of a few words for what is neither."""

    options: tuple[str, ...]

    @property
    def expected(self) -> str:
        return f"true, false or one of {', '.join(self.options)}"

    @property
    def words(self) -> tuple[str, ...]:
        return self.options

    def accept(self, value: Any, rank: int) -> Any:
        return value if isinstance(value, str) and value in self.options else super().accept(value, rank)

    def schema(self) -> dict[str, Any]:
        return _or_expression({"type": "boolean"}, {"enum": list(self.options)})


class Choice(FieldType, frozen=True, kw_only=True):
    """One of a few words."""

    options: tuple[str, ...]

    @property
    def expected(self) -> str:
        return "one of " + ", ".join(self.options)

    @property
    def words(self) -> tuple[str, ...]:
        return self.options

    def accept(self, value: Any, rank: int) -> str:
        if value not in self.options:
            raise FieldError(f"expected {self.expected}, found {shown(value)}")
        return str(value)

    def schema(self) -> dict[str, Any]:
        return _or_expression({"enum": list(self.options)})


class PerAxis(FieldType, frozen=True, kw_only=True):
    """A whole number for all spatial axes, or a list with one for each."""

    minimum: int = 1

    @property
    def expected(self) -> str:
        return f"a whole number from {self.minimum}, or a list with one for each axis"

    @property
    def item(self) -> FieldType:
        return Whole(self.about, minimum=self.minimum)

    def accept(self, value: Any, rank: int) -> tuple[int, ...]:
        if rank == 0 and value not in (self.minimum, ()):
            neutral = f"{self.minimum}, as there are no spatial axes here"
            raise FieldError(f"expected {neutral}, found {shown(value)}")
        return _per_axis(value, rank, lambda item: _whole(item, self.minimum))

    def written(self, value: tuple[int, ...]) -> Any:
        return _once(value, self.minimum)

    def expand(self, default: tuple[int], rank: int) -> tuple[int, ...]:
        return default * rank

    def traced(self, value: Any, symbol: str, vocabulary: Vocabulary | None = None) -> Any:
        return traced_axes(value, symbol, vocabulary)

    def thin(self, value: Any, axis: int | None) -> Any:
        return _only(axis, value, self.minimum)  # the least there can be does nothing: 1 tap, 0 positions added

    def schema(self) -> dict[str, Any]:
        return _one_or_list(_integer(self.minimum))


class ScaleFactor(FieldType, frozen=True):
    """A factor for all spatial axes, or a list with one for each; kept exact."""

    @property
    def expected(self) -> str:
        return "a number above 0, or a list with one for each axis"

    @property
    def item(self) -> FieldType:
        return Real(self.about, minimum=0)

    def accept(self, value: Any, rank: int) -> tuple[tuple[int, int], ...]:
        return _per_axis(value, rank, self._ratio)

    def _ratio(self, value: Any) -> tuple[int, int]:
        if isinstance(value, bool | str | tuple | None) or not 0 < value <= LARGEST:
            raise FieldError(f"expected a number above 0, found {shown(value)}")
        return value.as_integer_ratio()  # type: ignore[no-any-return]  # int and Fraction both have it

    def written(self, value: tuple[tuple[int, int], ...]) -> Any:
        from fractions import Fraction

        return _once(tuple(top if bottom == 1 else Fraction(top, bottom) for top, bottom in value), 1)

    def thin(self, value: Any, axis: int | None) -> Any:
        return _only(axis, value, (1, 1))

    def schema(self) -> dict[str, Any]:
        return _one_or_list({"type": "number", "exclusiveMinimum": 0})


class PaddingType(FieldType, frozen=True, kw_only=True):
    """Padding in any of its forms (see `convcalc.arithmetic.window`); `options` are the words that the kind takes."""

    options: tuple[str, ...] = PADDING_WORDS

    @property
    def expected(self) -> str:
        pairs = f"[[before, after], ...], or {', '.join(self.options)}" if self.options else "or [[before, after], ...]"
        return f"a whole number, a list with one for each axis, {pairs}"

    @property
    def words(self) -> tuple[str, ...]:
        return self.options

    @property
    def item(self) -> FieldType:
        return PaddingType(self.about, options=())

    def accept(self, value: Any, rank: int) -> Padding:
        if isinstance(value, str):
            if value not in self.options:
                raise FieldError(f"expected {self.expected}, found {shown(value)}")
            if value == "causal" and rank != 1:
                raise FieldError(f"causal padding is for 1-D inputs; this one has {rank} axes: "
                                 "write [[before, after], ...]")  # fmt: skip
            return value
        if rank == 0 and value not in (0, ()):
            raise FieldError(f"expected 0, as there are no spatial axes here, found {shown(value)}")
        if isinstance(value, tuple) and rank < len(value) == 2 * rank and not any(isinstance(v, tuple) for v in value):
            expected = f"expected one value for each of the {rank} spatial axes, found {len(value)}"
            pairs = ", ".join(["[before, after]"] * rank)
            raise FieldError(f"{expected} (before and after of each are written [{pairs}])")
        return _per_axis(value, rank, self._pair)

    def written(self, value: Padding) -> Any:
        if isinstance(value, str) or any(before != after for before, after in value):
            return value
        return _once(tuple(before for before, _ in value), 0)

    def expand(self, default: tuple[tuple[int, int]], rank: int) -> Padding:
        return default * rank

    def traced(self, value: Any, symbol: str, vocabulary: Vocabulary | None = None) -> Any:
        if isinstance(value, str):
            return value
        if all(before == after for before, after in value):
            return tuple((pad, pad) for pad in traced_axes([before for before, _ in value], symbol, vocabulary))
        ends = zip(("before", "after"), zip(*value, strict=True), strict=True)
        return tuple(zip(*(traced_axes(pads, f"{symbol}_{end}", vocabulary) for end, pads in ends), strict=True))

    def thin(self, value: Any, axis: int | None) -> Any:
        return value if isinstance(value, str) else _only(axis, value, (0, 0))

    def _pair(self, value: Any) -> tuple[int, int]:
        if isinstance(value, tuple):
            if len(value) != 2:
                raise FieldError(f"expected [before, after], found {shown(value)}")
            return _whole(value[0], 0), _whole(value[1], 0)
        return (_whole(value, 0),) * 2

    def schema(self) -> dict[str, Any]:
        number = _or_expression(_integer(0))
        pair = {"type": "array", "items": number, "minItems": 2, "maxItems": 2}
        either = {"anyOf": [*number["anyOf"], pair]}
        words = [{"enum": list(self.options)}] if self.options else []
        return {"anyOf": [*words, *number["anyOf"], {"type": "array", "items": either}]}


class Listed(FieldType, frozen=True, kw_only=True):
    """A list of whole numbers of its own length; a single number is a list of one."""

    minimum: int = 0

    @property
    def expected(self) -> str:
        return f"a list of whole numbers from {self.minimum}" if self.minimum > -LARGEST else "a list of whole numbers"

    @property
    def item(self) -> FieldType:
        return Whole(self.about, minimum=self.minimum)

    def accept(self, value: Any, rank: int) -> tuple[int, ...]:
        items = value if isinstance(value, tuple) else (value,)
        if not items:
            raise FieldError("expected at least one number, found []")
        if len(items) > MOST_AXES:
            raise FieldError(f"expected at most {MOST_AXES} axes, found {len(items)}")
        return tuple(_whole(item, self.minimum) for item in items)

    def schema(self) -> dict[str, Any]:
        return _one_or_list(_integer(self.minimum), minItems=1, maxItems=MOST_AXES)


class Optional(FieldType, frozen=True):
    """As another type, or null."""

    of: FieldType

    @property
    def expected(self) -> str:
        return f"{self.of.expected}, or null"

    @property
    def words(self) -> tuple[str, ...]:
        return self.of.words

    @property
    def item(self) -> FieldType | None:
        return self.of.item

    def accept(self, value: Any, rank: int) -> Any:
        return None if value is None else self.of.accept(value, rank)

    def written(self, value: Any) -> Any:
        return None if value is None else self.of.written(value)

    def expand(self, default: Any, rank: int) -> Any:
        return None if default is None else self.of.expand(default, rank)

    def traced(self, value: Any, symbol: str, vocabulary: Vocabulary | None = None) -> Any:
        return None if value is None else self.of.traced(value, symbol, vocabulary)

    def thin(self, value: Any, axis: int | None) -> Any:
        return None if value is None else self.of.thin(value, axis)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "null"}, *self.of.schema()["anyOf"]]}


def _per_axis(value: Any, rank: int, accept: Callable[[Any], Any]) -> tuple[Any, ...]:
    if not isinstance(value, tuple):
        return (accept(value),) * rank
    if len(value) != rank:
        raise FieldError(f"expected one value for each of the {rank} spatial axes, found {len(value)}")
    return tuple(accept(item) for item in value)


def _once(value: tuple[Any, ...], neutral: Any) -> Any:
    """The number that stands for all axes, or else all of them; `neutral` is written where there is no axis."""
    return value if len(set(value)) > 1 else next(iter(value), neutral)


def _only(axis: int | None, value: tuple[Any, ...], neutral: Any) -> tuple[Any, ...]:
    return tuple(item if index == axis else neutral for index, item in enumerate(value))


def optional(of: FieldType) -> Optional:
    """The type `of`, or null."""
    return Optional(of.about, of)


Sizes = tuple[int, ...]
"""One number for each spatial axis."""

ANY_SIGN = -LARGEST
