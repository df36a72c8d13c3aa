"""Specs made by programs: plain values (mappings, lists, numbers, texts) as the text of a spec.

A layer stands on a line of its own, with its fields in braces, so that what a program finds can be read and pasted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convcalc.fields import Listed, Optional, PaddingType, PerAxis, Scale
from convcalc.language.edits import quoted
from convcalc.layers import Kind, Shape, defaults, field_types, required

Document = Mapping[str, Any]
"""A spec as plain values: its top-level fields by name."""


def text(document: Document, comments: Sequence[str] = ()) -> str:
    """The spec that says what a document holds, under comments."""
    lines = [f"# {comment}".rstrip() for comment in comments]
    for field, value in document.items():
        if field == "layers":
            lines += ["layers:", *(f"  - {_layer(item)}" for item in value)]
        else:
            lines.append(f"{field}: {inline(value)}")
    return "\n".join([*lines, ""])


def inline(value: Any) -> str:
    """A value in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{quoted(str(key))}: {inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(inline, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return quoted(value) if isinstance(value, str) else repr(value)


def _layer(item: Any) -> str:
    if isinstance(item, Mapping):
        ((kind, body),) = item.items()
        return f"{kind}: {inline(body)}"
    return inline(item)


def layer(name: str, config: Kind, rank: int, sources: Sequence[str] = ()) -> Any:
    """A layer with the fields that are not as they would be unwritten, on an input of `rank` spatial axes.

    `sources` are the names of what enters, where it is not the layer before.
    """
    types, standard = field_types(type(config)), defaults(type(config))
    fields: dict[str, Any] = {"from": list(sources)} if sources else {}
    for field, type_ in types.items():
        value = getattr(config, field)
        if field not in standard or value != type_.expand(standard[field], rank):
            fields[field] = _shortest(type_.of if isinstance(type_, Optional) else type_, value)
    if not fields:
        return name
    only = required(type(config))
    bare = len(only) == 1 and list(fields) == list(only) and fields[only[0]] is not None
    return {name: fields[only[0]] if bare else fields}


def _shortest(type_: Any, value: Any) -> Any:
    """A field's value in its shortest form."""
    if isinstance(type_, Scale) and value is not None:
        value = tuple(top if bottom == 1 else f"{top} / {bottom}" for top, bottom in value)
    if isinstance(type_, PaddingType) and isinstance(value, tuple):
        if any(before != after for before, after in value):
            return [list(pair) for pair in value]
        value = tuple(before for before, _ in value)
    if isinstance(type_, PerAxis | PaddingType | Scale) and isinstance(value, tuple) and len(set(value)) <= 1:
        return value[0] if value else getattr(type_, "minimum", 1)
    if isinstance(type_, Listed) and len(value) == 1:
        return value[0]
    return list(value) if isinstance(value, tuple) else value


def alone(name: str, config: Kind, shapes: Sequence[Shape], sources: Sequence[str] = ()) -> Document:
    """A spec of one layer and the inputs that enter it; several are named as told, or after the letters."""
    rank = len(shapes[0]) - 1
    if len(shapes) == 1:
        return {"input": list(shapes[0]), "layers": [layer(name, config, rank)]}
    named = [*sources[: len(shapes)], *(chr(ord("a") + index) for index in range(len(sources), len(shapes)))]
    inputs = {source: list(shape) for source, shape in zip(named, shapes, strict=True)}
    return {"inputs": inputs, "layers": [layer(name, config, rank, named)]}
