"""A spec that a program gives: its text, or a mapping as a reader of YAML gives it, written as a text to be read.

Nobody has that text, so what is wrong with it is told by its place in the mapping: ``layers[2].conv.kernel_size``.
Every entry is on a line of its own, and of every line it is known which entry it holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from numbers import Integral, Rational, Real
from typing import Any

import msgspec

from convcalc.language.parsing import DEEPEST
from convcalc.language.source import GIVEN_TEXT, LARGEST_FILE, Diagnostic, Source, SpecError
from convcalc.language.tree import LONGEST_NUMBER, resolve
from convcalc.visible import in_yaml, short

MAPPING = "<mapping>"
"""How messages name a mapping that a program gives."""
_PLAIN = re.compile(r"(?!<<|---|\.\.\.|.* (?:#|$))-?[^\x00-'*,:-@\[\]`{|}-][^\x00-\x1f,:\[\]{}\x7f]*")
"""A text that may stand as it is, also in braces: what begins with no mark of YAML, and holds none that ends it."""
_HALF = re.compile("[\ud800-\udfff]")
_NO_CHARACTER = "half a surrogate pair is no character, and stands in no text"
_WORD = re.compile(r"[^\W\d]\w*")


class MappingPlaces(msgspec.Struct):
    """The entry on every line of a text: the line of the collection that it is in, and its own part of the way."""

    parents: list[int] = []
    parts: list[str] = []

    def add(self, parent: int, part: str) -> int:
        """The number of the next line, counted from 1."""
        self.parents.append(parent)
        self.parts.append(part)
        return len(self.parts)

    def of(self, line: int) -> str:
        """The way to the entry on a line: ``layers[2].conv``; empty for the mapping itself."""
        parts = []
        line = min(line, len(self.parts))
        while line:
            parts.append(self.parts[line - 1])
            line = self.parents[line - 1]
        return "".join(reversed(parts)).removeprefix(".")


def source_of(spec: str | Mapping[Any, Any]) -> Source:
    """The text of a spec that is given as a text or as a mapping.

    Raises:
        SpecError: the mapping holds what no spec can say, or either is too large.
        TypeError: it is something else.
    """
    if isinstance(spec, str):
        if len(spec) > LARGEST_FILE:
            raise SpecError([Diagnostic(GIVEN_TEXT, 0, 0, 0, "CC008", _too_large())])
        half = _HALF.search(spec)
        if half is not None:
            shown = Source(GIVEN_TEXT, spec.encode(errors="replace").decode())  # a ? for each
            raise SpecError([shown.diagnostic("CC001", *half.span(), _NO_CHARACTER)])
        return Source(GIVEN_TEXT, spec)
    if isinstance(spec, Mapping):
        return _Writer().source(spec)
    raise TypeError(f"expected the text of a spec, or a mapping that says the same, found {_a(spec)}")


class _Writer:
    """Writes a mapping and what is in it, an entry a line."""

    def __init__(self) -> None:
        self.places = MappingPlaces()
        self.lines: list[str] = []
        self.size = 0
        self.problems: list[Diagnostic] = []
        self.around: list[int] = []  # the collections that it is in, by identity

    def source(self, spec: Mapping[Any, Any]) -> Source:
        line = self.places.add(0, "")
        self._value("", spec, "", line)
        if self.problems:
            raise SpecError(self.problems)
        return Source(MAPPING, "\n".join(self.lines), places=self.places)

    def _line(self, text: str) -> None:
        self.lines.append(text)
        self.size += len(text) + 1
        if self.size > LARGEST_FILE:
            self.problems = [Diagnostic(MAPPING, 0, 0, 0, "CC008", _too_large())]
            raise SpecError(self.problems)

    def _value(self, start: str, value: Any, end: str, line: int) -> None:
        """Write a value on a line that is known by its place, behind what starts it and before what ends it."""
        if not isinstance(value, str | Mapping) and hasattr(value, "tolist"):  # of NumPy, or like it
            value = value if isinstance(value, Real) and not isinstance(value, Integral) else value.tolist()
        if isinstance(value, Mapping):
            self._collection(f"{start}{{", value, f"}}{end}", line)
        elif isinstance(value, list | tuple):
            self._collection(f"{start}[", value, f"]{end}", line)
        else:
            self._line(f"{start}{self._scalar(value, line)}{end}")

    def _collection(self, start: str, value: Any, end: str, line: int) -> None:
        if id(value) in self.around:
            self._problem(line, "CC013", "this contains itself, and so has no end")
            return
        if len(self.around) >= DEEPEST:
            self._problem(line, "CC008", f"nested more than {DEEPEST} deep, the most a spec may be")
            return
        self.around.append(id(value))
        self._line(start)
        for head, part, item in self._entries(value, line):
            self._value(head, item, ",", self.places.add(line, part))
        self.places.add(line, "")
        self._line(end)
        self.around.pop()

    def _entries(self, value: Any, line: int) -> Iterable[tuple[str, str, Any]]:
        """What stands before each item, its part of the way, and the item."""
        if not isinstance(value, Mapping):
            return (("", f"[{number}]", item) for number, item in enumerate(value))
        return self._named(value, line)

    def _named(self, value: Mapping[Any, Any], line: int) -> Iterable[tuple[str, str, Any]]:
        names: set[str] = set()
        for key, item in value.items():
            if key is not None and not isinstance(key, str | bool | int | float):
                self._problem(line, "CC007", f"expected a name as key, found {_a(key)}")
                continue
            name = key if isinstance(key, str) else _written(key)
            if name in names:
                self._problem(line, "CC002", f"key {name!r} stands here twice, as a text and as what it says")
                continue
            names.add(name)
            part = f".{short(name)}" if _WORD.fullmatch(name) else f"[{short(name)!r}]"
            yield f"{self._text(name, line)}: ", part, item

    def _scalar(self, value: Any, line: int) -> str:
        if isinstance(value, str):
            return self._text(value, line)
        if value is None or isinstance(value, bool):
            return _written(value)
        if isinstance(value, Integral):
            if abs(int(value)) < 10**LONGEST_NUMBER:
                return str(int(value))
            self._problem(line, "CC011", f"a number of more than {LONGEST_NUMBER} digits is not meant here")
        elif isinstance(value, Rational):
            return f"{value.numerator} / {value.denominator}"
        elif _is_decimal(value):
            return str(value)
        else:
            what = str(value) if isinstance(value, float) else _a(value)
            self._problem(
                line, "CC011", f"expected text, a number, true, false, null, a list or a mapping, found {what}"
            )
        return "null"

    def _text(self, text: str, line: int) -> str:
        """A text as it reads without quotes wherever it can, as in the YAML that it comes from."""
        if _PLAIN.fullmatch(text) and text.isprintable() and _is_text(text):
            return text
        if _HALF.search(text):
            self._problem(line, "CC001", _NO_CHARACTER)
            return '""'
        return in_yaml(text)

    def _problem(self, line: int, code: str, message: str) -> None:
        place = self.places.of(line)
        self.problems.append(Diagnostic(MAPPING, 0, 0, 0, code, f"{place}: {message}" if place else message))


def _is_text(text: str) -> bool:
    try:
        return resolve(text) is text
    except ValueError:
        return False


def _is_decimal(value: Any) -> bool:
    """Whether a number has a decimal, which infinity has not; a `Decimal` is registered as no real number."""
    if not isinstance(value, Real) and type(value).__name__ != "Decimal":
        return False
    try:
        return not isinstance(resolve(str(value)), str)
    except ValueError:
        return False


def _written(value: object) -> str:
    return {"None": "null", "True": "true", "False": "false"}.get(str(value), str(value))


def _a(value: object) -> str:
    """What a value is, by its type."""
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _too_large() -> str:
    return f"is larger than {LARGEST_FILE // 2**20} MiB, the most a spec may be"
