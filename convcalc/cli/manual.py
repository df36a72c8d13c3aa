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
        names = {"Layer kinds": layers.names(), "Blocks, written in the spec language": library.block_names()}
        pages = {title: filter(None, map(_page, own)) for title, own in names.items()}
        rows = {title: [(page.name, page.summary) for page in own] for title, own in pages.items()}
        show("manual", "text", Contents(rows))
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
    from convcalc.views.manual.shared import Contents, rule_page

    if name is None:
        every = filter(None, map(registry.load, registry.codes()))
        rows = [(rule.code, rule.name, rule.severity, rule.summary) for rule in every]
        header, styles = ("code", "name", "severity", ""), ("cyan", "cyan", "", "")
        show("manual", "text", Contents({"": rows}, header, styles))
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
