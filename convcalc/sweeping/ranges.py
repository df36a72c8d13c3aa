"""What is swept, as a person writes it: ``width=0.25:1.5:0.05``, ``input=96,3x128x96``, ``depths=[2,2,2,2],[3,4,6,3]``.

A range is its first number, the last and the step, which may be negative; the last belongs to it where the steps meet
it. Without a step it is 1. Whether there is anything of such a name is not asked here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import lcm
from typing import Any, NoReturn

import msgspec
from msgspec.structs import replace

from convcalc.fields import AMBIGUOUS
from convcalc.language import tree
from convcalc.language.named import sizes, split
from convcalc.language.source import Diagnostic, Source, SpecError
from convcalc.sweeping.axes import Axis
from convcalc.sweeping.progressions import JoinedValues, Progression
from convcalc.sweeping.values import MOST_ITEMS, WORD, exact, key, text

OPTION = "--over"
MOST_VALUES = 1_000_000
"""Values of one axis."""
_FORMS = "as in width=0.25:1.5:0.05, input=96,128 or stem.kernel_size=3,5"
_RANGE = "a range is start:stop:step, as in 0.25:1.5:0.05"


def axis_of(written: str) -> Axis:
    """The axis of ``NAME=VALUES``.

    Raises:
        SpecError: it is written otherwise, or has too many values or one of them twice; with the place.
    """
    return _Reader(Source(OPTION, written)).axis()


def axes_of(over: Sequence[str] | Mapping[str, Any]) -> tuple[Axis, ...]:
    """The axes of several texts, or of names with their values: lists, ranges, arrays, or texts as on the command line.

    Raises:
        SpecError: as for `axis_of`, or a name is there twice.
    """
    if isinstance(over, Mapping):
        return tuple(_given(str(name), values) for name, values in over.items())
    axes: dict[str, Axis] = {}
    for written in [over] if isinstance(over, str) else over:
        axis = axis_of(written)
        if axis.name in axes:
            start = written.index(axis.name)
            advice = "several values of one stand behind one =, with commas between"
            _refuse(Source(OPTION, written), start, start + len(axis.name), f"{axis.name} is swept twice", advice)
        axes[axis.name] = axis
    return tuple(axes.values())


def _refuse(source: Source, start: int, end: int, message: str, advice: str = "", code: str = "CC011") -> NoReturn:
    raise SpecError([source.diagnostic(code, start, end, message, advice)])


class _Span(msgspec.Struct, frozen=True):
    """Some of the characters of what is read, without blanks around them."""

    start: int
    text: str

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def _spans(start: int, written: str, mark: str) -> Iterator[_Span]:
    """The parts between marks that stand in no brackets and quotes."""
    for part in split(written, mark):
        yield _Span(start + len(part) - len(part.lstrip()), part.strip())
        start += len(part) + 1


class _Reader:
    """Reads one axis."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.name = source.text.partition("=")[0].strip()

    def axis(self) -> Axis:
        before, equals, behind = self.source.text.partition("=")
        self._check_name(before, equals)
        if not behind.strip():
            self._refuse(0, len(self.source.text), "expected values behind the =, found nothing", _FORMS)
        spans = list(_spans(len(before) + 1, behind, ","))
        parts = [self._part(span) for span in spans]
        self._check_count(parts, spans)
        if len(parts) == 1:
            return Axis(self.name, parts[0])
        self._check_distinct(parts, spans)
        if any(isinstance(values, Progression) for values in parts):
            return Axis(self.name, JoinedValues(parts))
        return Axis(self.name, tuple(value for (value,) in parts))

    def _check_name(self, before: str, equals: str) -> None:
        end = len(before)
        if not equals:
            _refuse(self.source, 0, end, f"expected NAME=VALUES, found `{before}`", _FORMS)
        if not self.name:
            _refuse(self.source, 0, end + 1, "expected the name of what is swept before the =, found nothing", _FORMS)
        if self.name[0] == "." or self.name[-1] == ".":
            _refuse(self.source, 0, end, f"expected LAYER.FIELD, found `{self.name}`", _FORMS)

    def _part(self, span: _Span) -> Sequence[Any]:
        """The values of what stands between two commas."""
        if not span.text:
            self._refuse(span.start, span.start + 1, "expected a value here, found none")
        if ":" in span.text and not WORD.match(span.text) and span.text[0] not in "[{\"'":
            return self._range(span)
        return (self._value(span),)

    # ---- ranges --------------------------------------------------------------------------------------------------

    def _range(self, span: _Span) -> Progression:
        pieces = list(_spans(span.start, span.text, ":"))
        if len(pieces) > 3:
            message = f"expected two or three numbers in a range, found {len(pieces)}"
            self._refuse(pieces[3].start - 1, span.end, message, _RANGE)
        numbers = [self._number(piece) for piece in pieces]
        first, last, step = numbers if len(pieces) == 3 else (*numbers, 1)
        if step == 0:
            message = f"a range from {text(first)} in steps of 0 never ends"
            self._refuse(pieces[2].start, pieces[2].end, message, _RANGE)
        if (last - first) * step < 0:
            way = "down" if step < 0 else "up"
            message = f"a range from {text(first)} {way} by {text(abs(step))} never reaches {text(last)}"
            advice = ":".join(map(text, (first, last, -step)))
            self._refuse(span.start, span.end, message, f"did you mean {advice}, or {_turned(first, last, step)}?")
        denominator = lcm(*(number.denominator for number in (first, last, step)))
        start, stop, stride = (int(number * denominator) for number in (first, last, step))
        return Progression(range(start, stop + (1 if step > 0 else -1), stride), denominator)

    def _number(self, span: _Span) -> Any:
        if not span.text:
            self._refuse(span.start, span.start + 1, "a number is missing here", _RANGE)
        value = self._resolved(span)
        if isinstance(value, bool | str | None):
            self._refuse(span.start, span.end, f"expected a number, found `{span.text}`", _RANGE)
        return value

    # ---- values --------------------------------------------------------------------------------------------------

    def _value(self, span: _Span) -> Any:
        shape = sizes(span.text) if "x" in span.text else None
        if shape is not None:
            return shape
        if span.text[0] in "[{\"'!&*":
            return self._from_yaml(span)
        return self._checked(self._resolved(span), span.start, span.end)

    def _resolved(self, span: _Span) -> Any:
        """What a scalar says."""
        try:
            return tree.resolve(span.text)
        except ValueError as error:
            self._refuse(span.start, span.end, str(error))

    def _checked(self, value: Any, start: int, end: int, *, plain: bool = True) -> Any:
        """A value, unless it is a text that is no word."""
        written = self.source.text[start:end]
        if value is None:
            self._refuse(start, end, f"expected a value, found `{written}`")
        if not isinstance(value, str) or not plain:
            return value
        meant = AMBIGUOUS.get(value.lower())
        if meant:
            self._refuse(start, end, f"found the text `{value}`", f"YAML 1.2 reads {value} as a text; write {meant}")
        if not WORD.fullmatch(value):
            advice = "what is worked out is not for here; a text that is no word stands in quotes"
            expected = "expected a number, true or false, a word, a list in brackets or sizes like 3x224x224"
            self._refuse(start, end, f"{expected}, found `{written}`", advice)
        return value

    def _from_yaml(self, span: _Span) -> Any:
        """A list, or a text in quotes."""
        from convcalc.language.parsing import parse

        parsed = parse(Source(OPTION, " " * span.start + span.text))  # so that places are those in the source
        if parsed.problems:
            problems = [self._moved(problem) for problem in parsed.problems]
            raise SpecError(problems)
        if parsed.root is None:
            self._refuse(span.start, span.end, f"expected a value, found `{span.text}`")
        self.items = 0
        return self._plain(parsed.root)

    def _moved(self, problem: Diagnostic) -> Diagnostic:
        """A problem of a part, where it stands in all that is written."""
        message = f"{self.name}: {problem.message}"
        return replace(problem, message=message, text=self.source.text.split("\n")[0][:10_000])

    def _plain(self, node: tree.Node) -> Any:
        """What a node says: a number, a text, or a tuple of such."""
        self.items += 1
        if self.items > MOST_ITEMS:
            self._refuse(node.start, node.end, f"a list of more than {MOST_ITEMS} items is not meant here")
        if isinstance(node, tree.Scalar):
            return self._checked(node.value, node.start, node.end, plain=node.plain)
        if isinstance(node, tree.Sequence):
            return tuple([self._plain(item) for item in node.items])
        start, end = tree.span(node)
        return self._refuse(start, end, "expected a value, found a mapping")

    # ---- all of them ---------------------------------------------------------------------------------------------

    def _check_count(self, parts: Sequence[Sequence[Any]], spans: Sequence[_Span]) -> None:
        count = sum(_length(values) for values in parts)
        if count > MOST_VALUES:
            longest = max(zip(map(_length, parts), spans, strict=True), key=lambda pair: pair[0])[1]
            message = f"{_count(count)} values are more than the {MOST_VALUES:,} that one axis may have"
            self._refuse(longest.start, longest.end, message, "a larger step has fewer")

    def _check_distinct(self, parts: Sequence[Sequence[Any]], spans: Sequence[_Span]) -> None:
        seen = set()
        for values, span in zip(parts, spans, strict=True):
            for value in values:
                if (same := key(value)) in seen:
                    self._refuse(span.start, span.end, f"the value {text(value)} is there twice")
                seen.add(same)

    def _refuse(self, start: int, end: int, message: str, advice: str = "") -> NoReturn:
        _refuse(self.source, start, end, f"{self.name}: {message}", advice)


def _turned(first: Any, last: Any, step: Any) -> str:
    return ":".join(map(text, (last, first, step)))


def _length(values: Sequence[Any]) -> int:
    """As `len`, which has an end."""
    numbers = values.numerators if isinstance(values, Progression) else values
    if isinstance(numbers, range):
        return max(0, -((numbers.start - numbers.stop) // numbers.step))
    return len(numbers)


def _count(count: int) -> str:
    """A count, in few digits where it is long."""
    return f"{count:,}" if count < 10**12 else f"{min(count, 10**300):.1e}".replace("e+", "e")


# ---- from Python -----------------------------------------------------------------------------------------------------


def _given(name: str, values: Any) -> Axis:
    """The axis of a name and its values."""
    if isinstance(values, str):
        return axis_of(f"{name}={values}")
    source = Source("over", name)
    is_listed = isinstance(values, Sequence) or hasattr(values, "tolist")
    if not name:
        _refuse(source, 0, 0, "expected the name of what is swept, found nothing")
    if not is_listed or getattr(values, "ndim", 1) == 0:
        message = f"{name}: expected values in a list, a range or an array, found a {type(values).__name__}"
        _refuse(source, 0, len(name), message)
    count = _length(values)
    if not count:
        _refuse(source, 0, len(name), f"{name}: expected values, found none")
    if count > MOST_VALUES:
        message = f"{_count(count)} values are more than the {MOST_VALUES:,} that one axis may have"
        _refuse(source, 0, len(name), f"{name}: {message}")
    if isinstance(values, range):
        return Axis(name, Progression(values))
    if isinstance(values, Progression | JoinedValues):
        return Axis(name, values)
    return Axis(name, _exact(name, values, source))


def _exact(name: str, values: Sequence[Any], source: Source) -> tuple[Any, ...]:
    kept: dict[Any, Any] = {}
    for value in values:
        try:
            read = exact(value)
        except ValueError as error:
            _refuse(source, 0, len(name), f"{name}: {error}")
        if key(read) in kept:
            _refuse(source, 0, len(name), f"{name}: the value {text(read)} is there twice")
        kept[key(read)] = read
    return tuple(kept.values())
