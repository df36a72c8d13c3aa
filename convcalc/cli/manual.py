"""`convcalc kinds`, `convcalc rules` and `convcalc schema`: the manual, derived from the code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from convcalc.cli import completion

if TYPE_CHECKING:
    from convcalc.views.manual import Page


def kinds(
    name: Annotated[
        str | None, typer.Argument(help="A layer kind or a block.", show_default=False, autocompletion=completion.kinds)
    ] = None,
) -> None:
    """Every layer kind and block; with a name, its page: fields, example, formulas, source."""
    from convcalc import layers
    from convcalc.cli.options import console
    from convcalc.language import library
    from convcalc.views import manual

    if name is None:
        pages = [_page(kind) for kind in layers.names()]
        blocks = [_page(block) for block in library.block_names()]
        sections = {"Layer kinds": pages, "Blocks, written in the spec language": blocks}
        manual.contents(console(), {title: [page for page in found if page] for title, found in sections.items()})
        return
    page = _page(name)
    if page is None:
        from convcalc.language.suggestions import kind_meant

        advice = kind_meant(name, library.names())
        raise typer.BadParameter(f"there is no layer kind or block `{name}`; {advice}", param_hint="NAME")
    manual.show(console(), page)


def _page(name: str) -> Page | None:
    from convcalc import layers
    from convcalc.language import library
    from convcalc.views import manual

    kind = layers.load(name)
    if kind is not None:
        return manual.kind_page(name, kind)
    block = library.block(name)
    if block is None:
        return None
    return manual.block_page(block)


def rules(
    name: Annotated[
        str | None, typer.Argument(help="A rule's code or name.", show_default=False, autocompletion=completion.rules)
    ] = None,
) -> None:
    """Every lint rule; with a code or a name, its page: what, why, when exactly, examples."""
    from convcalc import rules as registry
    from convcalc.cli.options import console, readable
    from convcalc.views import manual

    if name is None:
        manual.rule_contents(
            console(), [rule for code in registry.codes() if (rule := registry.load(code)) is not None]
        )
        return
    rule = registry.load(name)
    if rule is None:
        advice = registry.did_you_mean(name)
        raise typer.BadParameter(f"there is no rule `{readable(name)}`; {advice}", param_hint="NAME")
    manual.show(console(), manual.rule_page(rule))


def schema() -> None:
    """The JSON Schema of specs, for editors."""
    import json

    from convcalc.language.schema import schema as derive

    sys.stdout.write(json.dumps(derive(), indent=1) + "\n")
