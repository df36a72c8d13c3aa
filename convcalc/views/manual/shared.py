"""What a view of the manual gets: pages of layer kinds, blocks and lint rules, from their own docstrings and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from convcalc.language.template import Block
from convcalc.language.tree import Scalar
from convcalc.language.writing import value_text
from convcalc.rules import Rule


class _PageField(msgspec.Struct, frozen=True):
    """A field of a kind or a parameter of a block; `default` is None where it must be written."""

    name: str
    default: str | None
    expected: str
    about: str


class Page(msgspec.Struct, frozen=True):
    """The page of a kind or a block: a first line, fields, and the rest as it is written."""

    name: str
    summary: str
    body: str
    fields: list[_PageField]


class Contents(msgspec.Struct, frozen=True):
    """A list of pages: the cells of a row for each, in sections by title; `styles` are those of the columns."""

    sections: Mapping[str, Sequence[tuple[str, ...]]]
    header: tuple[str, ...] = ()
    styles: tuple[str, ...] = ("cyan", "")


def kind_page(name: str, kind: type) -> Page:
    """From the docstring of the kind's file, or of its class where a file holds a family."""
    from convcalc.layers import defaults, field_types, page

    first, _, rest = page(kind).partition("\n")
    summary, source, where = first.partition(" Source: ")
    body = "\n".join([rest.strip("\n"), *([f"Source: {where}"] if source else [])])
    standard = defaults(kind)
    fields = [
        _PageField(
            field,
            value_text(type_.written(standard[field])) if field in standard else None,
            type_.expected,
            type_.about,
        )
        for field, type_ in field_types(kind).items()
    ]
    return Page(name, summary, body.strip("\n"), fields)


def block_page(block: Block) -> Page:
    """From the block's own file: what it is about, its parameters, and its layers as they are written."""
    text = block.source.text
    summary, _, rest = block.about.partition("\n")
    fields = []
    for name, value in block.parameters.items():
        place = value.node if value is not None else None
        default = text[place.start : place.end] if isinstance(place, Scalar) else None
        fields.append(_PageField(name, default, "", ""))
    body = text[text.index("layers:") :]
    return Page(block.name, summary, f"{rest.strip()}\n\n{body}".strip(), fields)


def rule_page(rule: Rule) -> Page:
    """From the docstring of the rule's file."""
    first, _, rest = rule.page.partition("\n")
    return Page(f"{rule.code} {rule.name}", f"{rule.severity}: {first}", rest.strip("\n"), [])
