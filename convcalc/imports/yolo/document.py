"""What a file says: rows of modules, and the values that count for all of them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import msgspec

from convcalc.imports.errors import CannotImport, plain
from convcalc.language.parsing import parse
from convcalc.language.source import Source, SpecError, decoded
from convcalc.language.tree import Mapping, Node, Scalar, Sequence, described

_MOST_ROWS = 10_000


class ModuleRow(msgspec.Struct, frozen=True):
    """A module: the rows that enter, negative ones counted back, and how often it stands in a row."""

    index: int
    line: int
    sources: int | list[int]
    repeats: int
    module: str
    arguments: list[Any]

    @property
    def place(self) -> str:
        return f"line {self.line}, row {self.index}, {plain(self.module)}"


class Document(msgspec.Struct, frozen=True):
    """The rows of backbone and head, and all other keys with their values."""

    rows: list[ModuleRow]
    values: dict[str, Any]


def read(data: bytes, source: str) -> Document:
    """The rows and values of a file.

    Raises:
        CannotImport: it is not YAML, or no list of modules.
    """
    try:
        text = decoded(source, data)
    except SpecError as error:
        raise CannotImport(error.problems[0].message) from None
    parsed = parse(text)
    if parsed.problems:
        problem = parsed.problems[0]
        raise CannotImport(f"line {problem.line}: {problem.message}" if problem.line else problem.message)
    if not isinstance(parsed.root, Mapping):
        raise CannotImport("expected keys, `backbone` and `head` among them")
    values, rows = {}, list[ModuleRow]()
    lists = {name: parsed.root.find(name) for name in ("backbone", "head")}
    for name, node in lists.items():
        if not isinstance(node, Sequence):
            found_there = "it is missing" if node is None else f"found {described(node)}"
            raise CannotImport(f"`{name}`: expected a list of modules, {found_there}")
        for item in node.items:
            if len(rows) >= _MOST_ROWS:
                raise CannotImport(f"more than {_MOST_ROWS:,} modules")
            rows.append(_row(text, item, len(rows)))
    if not rows:
        raise CannotImport("there is no module in `backbone` and `head`")
    for key, node in parsed.root.entries:
        if key.value not in lists:
            values[str(key.value)] = plain_value(node)
    return Document(rows, values)


def plain_value(node: Node) -> Any:
    """What a node says, with decimals as a program reads them."""
    if isinstance(node, Scalar):
        value = node.value
        return float(value) if isinstance(value, Fraction) else value
    if isinstance(node, Sequence):
        return [plain_value(item) for item in node.items]
    return {str(key.value): plain_value(value) for key, value in node.entries}


def _row(text: Source, node: Node, index: int) -> ModuleRow:
    line = text.line(node.start)
    items = plain_value(node)
    if not isinstance(items, list) or len(items) != 4:
        expected = "expected [from, number, module, arguments]"
        count = f"a list of {len(items)}" if isinstance(items, list) else described(node)
        raise CannotImport(f"line {line}: {expected}, found {count}")
    sources, repeats, module, arguments = items
    places = sources if isinstance(sources, list) else [sources]
    if not places or not all(_is_whole(place) for place in places):
        raise CannotImport(f"line {line}: what a module reads is the number of a row or a list of numbers")
    if not _is_whole(repeats) or repeats < 1:
        raise CannotImport(f"line {line}: how often a module stands in a row is a whole number from 1")
    if not isinstance(module, str):
        raise CannotImport(f"line {line}: a module has a name")
    if not isinstance(arguments, list):
        raise CannotImport(f"line {line}: the arguments of a module are a list")
    return ModuleRow(index, line, sources, repeats, module, arguments)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
