"""Layers as text, laid out as a person would: one on a line where it fits, in lines of `WIDTH` columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import msgspec

from convcalc import layers
from convcalc.imports.record import Layer
from convcalc.layers import Kind

WIDTH = 120


class LayerText(msgspec.Struct, frozen=True):
    """One layer as it is written: the texts of its fields in order, and its branches if it has any.

    `bare` is the field whose value may stand for the whole layer.
    """

    kind: str
    fields: dict[str, str]
    branches: list[list[LayerText]] | None = None
    bare: str = ""

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


def default(kind: type[Kind], field: str) -> Any:
    """What a field is where it is not written, as a person would write it."""
    return layers.field_types(kind)[field].written(layers.defaults(kind)[field])


def value_of(layer: Layer, field: str) -> Any:
    """What a field of a layer is, as a person would write it; None where it has neither a value nor a default."""
    kind = layers.kind_of(layer.kind)
    return layers.field_types(kind)[field].written(layer.fields.get(field, layers.defaults(kind).get(field)))


def bare_field(kind: type[Kind]) -> str:
    """The field whose value may stand for the whole layer, if there is one: the only one that must be there."""
    required = layers.required(kind)
    return required[0] if len(required) == 1 else ""
