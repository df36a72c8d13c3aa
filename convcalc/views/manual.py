"""The manual: pages of layer kinds, blocks and lint rules, from their own docstrings and files."""

from __future__ import annotations

import msgspec
from rich.console import Console
from rich.table import Table

from convcalc.fields import shown
from convcalc.language.template import Block
from convcalc.language.tree import Scalar
from convcalc.rules import Rule
from convcalc.views.formats import terminal


class Field(msgspec.Struct, frozen=True):
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
    fields: list[Field]


def kind_page(name: str, kind: type) -> Page:
    """From the docstring of the kind's file, or of its class where a file holds a family."""
    from convcalc.layers import defaults, field_types, page

    first, _, rest = page(kind).partition("\n")
    summary, source, where = first.partition(" Source: ")
    body = "\n".join([rest.strip("\n"), *([f"Source: {where}"] if source else [])])
    standard = defaults(kind)
    fields = [
        Field(field, _default(standard[field]) if field in standard else None, type_.expected, type_.about)
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
        fields.append(Field(name, default, "", ""))
    body = text[text.index("layers:") :]
    return Page(block.name, summary, f"{rest.strip()}\n\n{body}".strip(), fields)


def rule_page(rule: Rule) -> Page:
    """From the docstring of the rule's file."""
    first, _, rest = rule.page.partition("\n")
    return Page(f"{rule.code} {rule.name}", f"{rule.severity}: {first}", rest.strip("\n"), [])


def rule_contents(console: Console, found: list[Rule]) -> None:
    """The list of all rules, a line each."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column, style in (("code", "cyan"), ("name", "cyan"), ("severity", None)):
        table.add_column(column, style=style, no_wrap=True)
    table.add_column("")
    for rule in found:
        table.add_row(rule.code, rule.name, rule.severity, rule.summary)
    console.print(table)


def _default(value: object) -> str:
    """As a person would write it: once for all axes."""
    if isinstance(value, tuple) and len(value) == 1:
        return _default(value[0])
    if isinstance(value, tuple) and len(set(value)) == 1:
        return _default(value[0])
    if isinstance(value, str):
        return value
    return shown(value)


def contents(console: Console, sections: dict[str, list[Page]]) -> None:
    """The list of everything there is, a line each."""
    width = max(len(page.name) for pages in sections.values() for page in pages)
    for number, (title, pages) in enumerate(sections.items()):
        if number:
            console.print()
        console.print(terminal.line(title, style="bold"))
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
        table.add_column(style="cyan", no_wrap=True, width=width)
        table.add_column()
        for page in pages:
            table.add_row(page.name, page.summary)
        console.print(table)


def show(console: Console, page: Page) -> None:
    """Print a page of the manual: title, text, fields and the rest."""
    console.print(terminal.line((page.name, "bold cyan"), "   ", page.summary), soft_wrap=True)
    if page.fields:
        console.print()
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        table.add_column("field", style="cyan", no_wrap=True)
        table.add_column("default", no_wrap=True)
        table.add_column("", overflow="fold")
        for field in page.fields:
            about = f"{field.about} ({field.expected})" if field.expected else field.about
            table.add_row(
                field.name,
                field.default if field.default is not None else terminal.line("required", style="bold"),
                about,
            )
        console.print(table)
    if page.body:
        console.print()
        for text in page.body.split("\n"):
            console.print(terminal.line(text), soft_wrap=True)
