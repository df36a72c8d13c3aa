"""`convcalc kinds`, `convcalc rules` and `convcalc schema`: the manual, derived from the code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from convcalc.cli import completion
from convcalc.cli.output import show

if TYPE_CHECKING:
    from convcalc.views.manual.shared import Page


def kinds(
    name: Annotated[
        str | None, typer.Argument(help="A layer kind or a block.", autocompletion=completion.kinds)
    ] = None,
) -> None:
    """Every layer kind and block; with a name, its page: fields, example, formulas, source."""
    from convcalc import layers
    from convcalc.language import library
    from convcalc.views.manual.shared import Contents

    if name is None:
        pages = [_page(kind) for kind in layers.names()]
        blocks = [_page(block) for block in library.block_names()]
        sections = {"Layer kinds": pages, "Blocks, written in the spec language": blocks}
        show("manual", "text", Contents({title: [page for page in pages if page] for title, pages in sections.items()}))
        return
    page = _page(name)
    if page is None:
        from convcalc.language.suggestions import kind_meant

        advice = kind_meant(name, library.names())
        raise typer.BadParameter(f"there is no layer kind or block `{name}`; {advice}", param_hint="NAME")
    show("manual", "text", page)


def _page(name: str) -> Page | None:
    from convcalc import layers
    from convcalc.language import library
    from convcalc.views.manual.shared import block_page, kind_page

    kind = layers.load(name)
    if kind is not None:
        return kind_page(name, kind)
    block = library.block(name)
    return block_page(block) if block is not None else None


def rules(
    name: Annotated[str | None, typer.Argument(help="A rule's code or name.", autocompletion=completion.rules)] = None,
) -> None:
    """Every lint rule; with a code or a name, its page: what, why, when exactly, examples."""
    from convcalc import rules as registry
    from convcalc.cli.options import readable
    from convcalc.views.manual.shared import RuleContents, rule_page

    if name is None:
        everything = [rule for code in registry.codes() if (rule := registry.load(code)) is not None]
        show("manual", "text", RuleContents(everything))
        return
    rule = registry.load(name)
    if rule is None:
        advice = registry.did_you_mean(name)
        raise typer.BadParameter(f"there is no rule `{readable(name)}`; {advice}", param_hint="NAME")
    show("manual", "text", rule_page(rule))


def schema() -> None:
    """The JSON Schema of specs, for editors."""
    import json

    from convcalc.language.schema import schema as derive

    sys.stdout.write(json.dumps(derive(), indent=1) + "\n")
