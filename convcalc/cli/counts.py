"""`convcalc counts`."""

from __future__ import annotations

from typing import Annotated

import typer

from convcalc.cli import completion
from convcalc.cli.options import (
    Batch,
    Blocks,
    Inputs,
    Scale,
    Strict,
    Variables,
    assignments,
    format_option,
    option,
    shapes,
)
from convcalc.cli.work import counts as work
from convcalc.language import zoo


def counts(
    files: Annotated[
        list[str] | None, typer.Argument(help="Specs; - reads standard input.", autocompletion=completion.networks)
    ] = None,
    tool: Annotated[
        list[str] | None,
        option(
            "TOOL[:OPTION=VALUE]",
            "Only these tools, several with commas; or a file that describes one.",
            show_default=False,
            autocompletion=completion.counters,
        ),
    ] = None,
    explain: Annotated[
        str | None,
        option(
            "TOOL",
            "How that tool comes to its number, layer by layer.",
            show_default=False,
            autocompletion=completion.counter,
        ),
    ] = None,
    match: Annotated[
        str | None,
        option(
            "NUMBER",
            "Which tools and conventions give a number, as 4.13G or '8.2 GFLOPs', and where.",
            show_default=False,
        ),
    ] = None,
    across: Annotated[
        bool, typer.Option("--across", help="All networks in one table, a column a tool; by default the zoo.")
    ] = False,
    list_: Annotated[bool, typer.Option("--list", help="The tools, with their packages and options.")] = False,
    faults: Annotated[
        bool, typer.Option("--faults", help="What the tools get wrong, and the script that shows it.")
    ] = False,
    rules: Annotated[
        str | None,
        option(
            "TOOL",
            "The rules of a tool, and what it gets wrong.",
            show_default=False,
            autocompletion=completion.counter,
        ),
    ] = None,
    format: Annotated[str, format_option("counts", "table")] = "table",  # noqa: A002  # the option's name
    top: Annotated[
        int | None, typer.Option(min=1, help="Of --explain only the layers with the largest differences.")
    ] = None,
    batch: Batch = None,
    input: Inputs = None,  # noqa: A002  # the option's name
    set: Variables = None,  # noqa: A002  # the option's name
    strict: Strict = False,
    scale: Scale = "",
    blocks: Blocks = "",
) -> None:
    """What other tools print of a network, to the unit, and what their differences from ours are made of.

    --explain goes layer by layer, and --match looks for a number that was found somewhere.
    """
    asked = {"--explain": explain, "--match": match, "--across": across, "--list": list_, "--faults": faults}
    asked["--rules"] = rules
    for name, value in asked.items():
        if value == "":
            raise typer.BadParameter("expected a value, found ''", param_hint=name)
    together = [name for name, value in asked.items() if value]
    if len(together) > 1:
        raise typer.BadParameter(f"{' and '.join(together)} print something else each: leave all but one out")
    if list_ or faults or rules:
        if files:
            raise typer.BadParameter("is of the tools alone, and takes no network", param_hint=together[0])
        if tool:
            raise typer.BadParameter("is for networks; `--rules TOOL` says all of one tool", param_hint="--tool")
        work.describe(rules or "", faults=faults, format=format)
        return
    if not files and not across:
        raise typer.BadParameter("missing; `convcalc counts --list` lists the tools", param_hint="NET")
    if tool and explain:
        raise typer.BadParameter("names the tool already: leave --tool out", param_hint="--explain")
    if top is not None and not explain:
        raise typer.BadParameter("is for --explain", param_hint="--top")
    work.counts(
        files or [f"{zoo.SCHEME}{name}" for name in zoo.names()],
        tool=tool or [],
        explain=explain or "",
        match=match or "",
        across=across,
        format=format,
        top=top,
        batch=batch,
        inputs=shapes(input or []),
        variables=assignments(set or []),
        strict=strict,
        scale=scale,
        blocks=blocks,
    )
