"""`convcalc explain`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from convcalc import steps
from convcalc.cli.completion import layer_kinds, networks
from convcalc.cli.options import Inputs, Variables, assignments, console, readable, shapes
from convcalc.cli.output import print_json, reject

if TYPE_CHECKING:
    from convcalc.analysis.explain import Explanation
    from convcalc.analysis.symbolic import KindExplanation

MOST_NAMES = 20
"""Names that are listed where one was not found."""


def explain(
    file: Annotated[
        str | None, typer.Argument(help="A spec; - reads standard input.", show_default=False, autocompletion=networks)
    ] = None,
    layer: Annotated[str | None, typer.Argument(help="A layer, block or repeat.", show_default=False)] = None,
    kind: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The formulas of a layer kind, without a spec.", autocompletion=layer_kinds),
    ] = None,
    format: Annotated[  # noqa: A002  # the option's name
        Literal["text", "json", "markdown", "latex"], typer.Option(help="How to print.")
    ] = "text",
    input: Inputs = None,  # noqa: A002  # the option's name
    set: Variables = None,  # noqa: A002  # the option's name
) -> None:
    """Where a layer's numbers come from: each formula in symbols, with the numbers put in, and its value.

    For a block, its parts and how they add up. Without a layer, the MACs of each in one line. Batch 1.
    """
    if kind is not None:
        if file is not None or input or set:
            raise typer.BadParameter("stands alone, without a spec and without --input and --set", param_hint="--kind")
        _print(_kind(kind), format)
        return
    if file is None:
        raise typer.BadParameter("name a spec, or a layer kind with --kind", param_hint="FILE")
    from convcalc.cli.loading import load
    from convcalc.language import SpecError
    from convcalc.language.source import unfinished

    try:
        network = load(file, shapes(input or []), assignments(set or []))
    except SpecError as error:
        reject(error.diagnostics)
    except steps.OutOfSteps:
        reject([unfinished(file)])
    from convcalc.analysis import explain as analysis

    try:
        explained = analysis.explain(network, layer)
    except analysis.NoSuchLayer as error:
        raise typer.BadParameter(f"{error}; {_advice(error.name, error.known)}", param_hint="LAYER") from None
    except steps.OutOfSteps:
        reject([unfinished(file)])
    _print(explained, format, network.name, readable(file))


def _kind(name: str) -> KindExplanation:
    from convcalc import layers
    from convcalc.analysis.symbolic import explain_kind

    found = layers.load(name)
    if found is None:
        from convcalc.language import library
        from convcalc.language.suggestions import kind_meant

        advice = kind_meant(name, layers.names())
        if library.block_source(name) is not None:
            advice = f"it is a block, made of layers that `convcalc kinds {name}` shows"
        raise typer.BadParameter(f"there is no layer kind `{name}`; {advice}", param_hint="--kind")
    return explain_kind(name, found)


def _advice(name: str, known: list[str]) -> str:
    from convcalc.language.suggestions import did_you_mean

    outermost = [each for each in known if "." not in each] or known
    listed = ", ".join(outermost[:MOST_NAMES]) + (", ..." if len(outermost) > MOST_NAMES else "")
    return " ".join(filter(None, (did_you_mean(name, known), f"there is {listed}")))


def _print(explained: Explanation | KindExplanation, format: str, model: str = "", spec: str = "") -> None:  # noqa: A002
    if format == "text":
        from convcalc.views.explain import text

        text.show(console(), explained, spec)
    elif format == "json":
        from convcalc.views.explain import json

        print_json(json.encode(explained, model=model, spec=spec))
    else:
        from convcalc.views.explain import latex, markdown

        sys.stdout.write((markdown if format == "markdown" else latex).text(explained))
