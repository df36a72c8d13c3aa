"""`convcalc explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from convcalc import steps
from convcalc.cli.completion import layer_kinds, networks
from convcalc.cli.options import Blocks, Inputs, Scale, Strict, Variables, format_option, option, readable
from convcalc.cli.output import reject, show

if TYPE_CHECKING:
    from convcalc.analysis.symbolic import KindExplanation

MOST_NAMES = 20
"""Names that are listed where one was not found."""


def explain(
    file: Annotated[str | None, typer.Argument(help="A spec; - reads standard input.", autocompletion=networks)] = None,
    layer: Annotated[str | None, typer.Argument(help="A layer, block or repeat.")] = None,
    kind: Annotated[
        str | None,
        option("NAME", "The formulas of a layer kind, without a spec.", autocompletion=layer_kinds),
    ] = None,
    format: Annotated[str, format_option("explain", "text")] = "text",  # noqa: A002  # the option's name
    input: Inputs = None,  # noqa: A002  # the option's name
    set: Variables = None,  # noqa: A002  # the option's name
    strict: Strict = False,
    scale: Scale = "",
    blocks: Blocks = "",
) -> None:
    """Where a layer's numbers come from: each formula in symbols, with the numbers put in, and its value.

    For a block, its parts and how they add up. Without a layer, the MACs of each in one line. Batch 1.
    """
    from convcalc.views.explain.shared import Explained

    if kind is not None:
        if file is not None or input or set:
            raise typer.BadParameter("stands alone, without a spec and without --input and --set", param_hint="--kind")
        show("explain", format, Explained(_kind(kind)))
        return
    if file is None:
        raise typer.BadParameter("name a spec, or a layer kind with --kind", param_hint="FILE")
    from convcalc.cli.loading import load_or_end
    from convcalc.language.source import unfinished

    network = load_or_end(file, input, set, strict=strict, scale=scale, blocks=blocks)
    from convcalc.analysis import explain as analysis

    try:
        explanation = analysis.explain(network, layer)
    except analysis.NoSuchLayer as error:
        raise typer.BadParameter(f"{error}; {_advice(error.name, error.known)}", param_hint="LAYER") from None
    except steps.OutOfSteps:
        reject([unfinished(file)])
    show("explain", format, Explained(explanation, network.name, readable(file)))


def _kind(name: str) -> KindExplanation:
    from convcalc import layers
    from convcalc.analysis.symbolic import explain_kind

    kind = layers.load(name)
    if kind is None:
        from convcalc.language import library
        from convcalc.language.suggestions import kind_meant

        advice = kind_meant(name, layers.names())
        if library.block_source(name) is not None:
            advice = f"it is a block, made of layers that `convcalc kinds {name}` shows"
        raise typer.BadParameter(f"there is no layer kind `{name}`; {advice}", param_hint="--kind")
    return explain_kind(name, kind)


def _advice(name: str, known: list[str]) -> str:
    from convcalc.language.suggestions import did_you_mean

    outermost = [layer for layer in known if "." not in layer] or known
    listed = ", ".join(outermost[:MOST_NAMES]) + (", ..." if len(outermost) > MOST_NAMES else "")
    return " ".join(filter(None, (did_you_mean(name, known), f"there is {listed}")))
