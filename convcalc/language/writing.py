"""Plain values (mappings, lists, numbers, texts) as the text of a spec: the one place where a value becomes text.

A layer stands on a line of its own, with its fields in braces, so that what a program writes can be read and pasted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from convcalc.fields import AMBIGUOUS
from convcalc.language.tree import resolve
from convcalc.layers import Kind, Shape, defaults, field_types, required
from convcalc.visible import in_yaml

Document = Mapping[str, Any]
"""A spec as plain values: its top-level fields by name."""

_WORD = re.compile(r"\w+([.-]\w+)*")
_ITEM = r"(?![+-] )[\w.(+-](?:[\w.+*/%()<>=! -]*[\w.)])?"
_LIST = rf"\[(?:{_ITEM}(?:, *{_ITEM})*)?\]"


def quoted(text: str) -> str:
    """The text of a value or an expression as it may stand anywhere, in braces too."""
    return text if _plain().fullmatch(text) else in_yaml(text)


@cache
def _plain() -> re.Pattern[str]:
    """What stands anywhere as it is. Compiling it takes its time, and most commands write no spec."""
    return re.compile(rf"{_ITEM}|{_LIST}|\[(?:{_ITEM}|{_LIST})(?:, *(?:{_ITEM}|{_LIST}))*\]")


def name_text(name: str) -> str:
    """A name as it may stand anywhere: in quotes where any reader of YAML would take it for something else."""
    return name if _WORD.fullmatch(name) and _is_text(name) else in_yaml(name)


def _is_text(word: str) -> bool:
    try:
        return resolve(word) == word and word.lower() not in AMBIGUOUS
    except ValueError:
        return False


def value_text(value: Any) -> str:
    """A value in one line; a text in it is a word, an expression or a name."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{quoted(str(key))}: {value_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(value_text, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return quoted(value) if isinstance(value, str) else _number_text(value)


def _number_text(value: Any) -> str:
    """A number that is not whole as a decimal where that is exact and short, else as a quotient."""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 10**15 else repr(value)
    top, bottom = value.as_integer_ratio()
    is_decimal = top * 10**9 % bottom == 0 and max(top, bottom) < 2**20
    return repr(top / bottom) if is_decimal else f"{top} / {bottom}"


def text(document: Document, comments: Sequence[str] = ()) -> str:
    """The spec that says what a document holds, under comments."""
    lines = [f"# {comment}".rstrip() for comment in comments]
    for field, value in document.items():
        if field == "layers":
            lines += ["layers:", *(f"  - {_layer(item)}" for item in value)]
        else:
            lines.append(f"{field}: {value_text(value)}")
    return "\n".join([*lines, ""])


def _layer(item: Any) -> str:
    if isinstance(item, Mapping):
        ((kind, body),) = item.items()
        return f"{kind}: {value_text(body)}"
    return value_text(item)


def layer(name: str, config: Kind, rank: int, sources: Sequence[str] = ()) -> Any:
    """A layer with the fields that are not as they would be unwritten, on an input of `rank` spatial axes.

    `sources` are the names of what enters, where it is not the layer before.
    """
    types, standard = field_types(type(config)), defaults(type(config))
    fields: dict[str, Any] = {"from": list(sources)} if sources else {}
    for field, type_ in types.items():
        value = getattr(config, field)
        if field not in standard or value != type_.expand(standard[field], rank):
            fields[field] = _in_lists(type_.written(value))
    if not fields:
        return name
    only = required(type(config))
    bare = len(only) == 1 and list(fields) == list(only) and fields[only[0]] is not None
    return {name: fields[only[0]] if bare else fields}


def _in_lists(value: Any) -> Any:
    return [*map(_in_lists, value)] if isinstance(value, tuple) else value


def alone(name: str, config: Kind, shapes: Sequence[Shape], sources: Sequence[str] = ()) -> Document:
    """A spec of one layer and the inputs that enter it; several are named by `sources`, or after the letters."""
    rank = len(shapes[0]) - 1
    if len(shapes) == 1:
        return {"input": list(shapes[0]), "layers": [layer(name, config, rank)]}
    named = [*sources[: len(shapes)], *(chr(ord("a") + index) for index in range(len(sources), len(shapes)))]
    inputs = {source: list(shape) for source, shape in zip(named, shapes, strict=True)}
    return {"inputs": inputs, "layers": [layer(name, config, rank, named)]}
