"""Layers as text, laid out as a person would: one on a line where it fits, in lines of `WIDTH` columns."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Any

from convcalc import layers
from convcalc.fields import AMBIGUOUS, FieldType, Optional, PaddingType, PerAxis, Scale
from convcalc.language.tree import resolve
from convcalc.layers import Kind
from convcalc.visible import in_yaml

WIDTH = 120
WORD = re.compile(r"\w+([.-]\w+)*")
"""Names that need no quotes for their characters."""

PLAIN = re.compile(r"[\w.(-][\w.+*/%()<>=! -]*[\w.)]|\w|\[[^\[\]]*(\[[^\[\]]*\][^\[\]]*)*\]")
"""Values and expressions that may stand in braces as they are."""


class LayerText:
    """One layer as it is written: the texts of its fields in order, and its branches if it has any.

    `bare` is the field whose value may stand for the whole layer.
    """

    __slots__ = ("bare", "branches", "fields", "kind")

    def __init__(
        self, kind: str, fields: dict[str, str], branches: list[list[LayerText]] | None = None, bare: str = ""
    ) -> None:
        self.kind = kind
        self.fields = fields
        self.branches = branches
        self.bare = bare

    @property
    def line(self) -> str:
        """All of it in one line; of branches those that are empty."""
        if list(self.fields) == [self.bare] and self.fields[self.bare] != "null":
            return f"- {self.kind}: {self.fields[self.bare]}"
        fields = [f"{name}: {text}" for name, text in self.fields.items()]
        if self.branches is not None:
            fields.append(f"branches: [{', '.join('[]' for _ in self.branches)}]")
        return f"- {self.kind}: {{{', '.join(fields)}}}" if fields else f"- {self.kind}"


def laid_out(sequence: Sequence[LayerText], indent: int) -> list[str]:
    """The lines of a list of layers."""
    margin = " " * indent
    lines: list[str] = []
    for layer in sequence:
        branches = layer.branches or []
        if not any(branches) and indent + len(layer.line) <= WIDTH:
            lines.append(margin + layer.line)
            continue
        lines.append(f"{margin}- {layer.kind}:")
        for name, text in layer.fields.items():
            lines += _wrapped(f"{margin}    {name}: {text}")
        if branches:
            lines.append(f"{margin}    branches:")
        for branch in branches:
            inner = laid_out(branch, indent + 8) or ["[]"]
            lines += [f"{margin}      - {inner[0].lstrip()}", *inner[1:]]
    return lines


def _wrapped(line: str) -> list[str]:
    """A field in several lines where its list is too long for one."""
    if len(line) <= WIDTH or "[" not in line:
        return [line]
    hanging = " " * (line.index("[") + 1)
    return textwrap.wrap(line, WIDTH, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False)


def mapping(indent: int, key: str, texts: dict[str, str]) -> list[str]:
    """A mapping of texts: in braces where it fits in a line, else an entry a line."""
    inline = f"{' ' * indent}{key}: {{{', '.join(f'{name}: {text}' for name, text in texts.items())}}}"
    if len(inline) <= WIDTH:
        return [inline]
    return [f"{' ' * indent}{key}:", *(f"{' ' * indent}  {name}: {text}" for name, text in texts.items())]


def value_text(value: Any) -> str:
    """A value as the spec language writes it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(value_text, value))}]"
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**15:
        value = int(value)
    return value if isinstance(value, str) else repr(value)


def in_braces(text: str) -> str:
    """A value or an expression as it may stand in braces: quoted where it could be taken for a part of them."""
    return text if PLAIN.fullmatch(text) else in_yaml(text)


def name_text(name: str) -> str:
    """A name as it may be written anywhere: quoted where any reader would take it for something else than a text."""
    return name if WORD.fullmatch(name) and _is_text(name) else in_yaml(name)


def _is_text(word: str) -> bool:
    try:
        return resolve(word) == word and word.lower() not in AMBIGUOUS
    except ValueError:
        return False


def condensed(of: FieldType, value: Any) -> Any:
    """A value as a person writes it: one number where axes agree, and where both ends of an axis are padded alike."""
    of = of.of if isinstance(of, Optional) else of
    value = tuple(value) if isinstance(value, list) else value
    if not isinstance(value, tuple) or not value or not isinstance(of, PerAxis | PaddingType | Scale):
        return value
    if isinstance(of, PaddingType):
        pairs = tuple(tuple(item) if isinstance(item, tuple | list) else (item, item) for item in value)
        value = tuple(before for before, _ in pairs) if all(before == after for before, after in pairs) else pairs
        return value[0] if len(set(value)) == 1 and value is not pairs else value
    if isinstance(of, Scale):
        value = tuple(_ratio(*(item if isinstance(item, tuple) else item.as_integer_ratio())) for item in value)
    return value[0] if len(set(value)) == 1 else value


def _ratio(numerator: int, denominator: int) -> Any:
    """A factor as a number where that is exact, as decimals are in a spec, else as an expression."""
    if denominator == 1:
        return numerator
    exact = numerator * 10**9 % denominator == 0 and max(numerator, denominator) < 2**20
    return numerator / denominator if exact else f"{numerator} / {denominator}"


def default(kind: type[Kind], field: str) -> Any:
    """What a field is where it is not written, as a person would write it."""
    return condensed(layers.field_types(kind)[field], layers.defaults(kind)[field])


def bare_field(kind: type[Kind]) -> str:
    """The field whose value may stand for the whole layer, if there is one: the only one that must be there."""
    required = layers.required(kind)
    return required[0] if len(required) == 1 else ""
