"""`convcalc report`."""

from __future__ import annotations

from typing import Annotated

import typer

from convcalc.cli.completion import networks
from convcalc.cli.options import (
    AllowInputChange,
    Batch,
    DeviceName,
    Dtype,
    Force,
    Fused,
    Inputs,
    KeptLayers,
    ReplacedLayers,
    Scale,
    Strict,
    Variables,
    VariantBlocks,
    VariantNames,
    assignments,
    color_option,
    format_option,
    option,
    shapes,
)
from convcalc.cli.work import report as work
from convcalc.cli.work.sides import SideRequest


def report(
    files: Annotated[
        list[str], typer.Argument(help="Specs, the first is the base; - reads standard input.", autocompletion=networks)
    ],
    output: Annotated[str, option("FILE", "The file to write; - prints it.", "--output", "-o")],
    format: Annotated[  # noqa: A002  # the option's name
        str | None, format_option("report", "html", "Format of the file; without it, its name says that.")
    ] = None,
    force: Force = False,
    variant: VariantNames = None,
    layer: ReplacedLayers = None,
    except_: KeptLayers = None,
    blocks: VariantBlocks = None,
    allow_input_change: AllowInputChange = False,
    batch: Batch = None,
    dtype: Dtype = None,
    fused: Fused = None,
    device: DeviceName = None,
    input: Inputs = None,  # noqa: A002  # the option's name
    set: Variables = None,  # noqa: A002  # the option's name
    strict: Strict = False,
    scale: Scale = "",
    open: Annotated[  # noqa: A002  # the option's name
        list[str] | None,
        option("GLOB", "Blocks that are open in the graph, by their names; again for each, '*' for all.", "--open"),
    ] = None,
    color_by: Annotated[str | None, color_option()] = None,
) -> None:
    """A page to look at: the graph of a network, every layer's costs, memory over time, receptive fields.

    One HTML file that opens from disk and asks for nothing from the network; or the graph alone, as SVG, Mermaid or
    dot. Several networks, or --variant, stand side by side with the first on the page, and what differs is marked.
    """
    work.report(
        SideRequest(files, variant, layer or [], except_ or [], blocks, allow_input_change),
        output=output,
        format=format,
        force=force,
        inputs=shapes(input or []),
        variables=assignments(set or []),
        terms={"batch": batch, "dtype": dtype, "fused": fused, "device": device},
        how={"strict": strict, "scale": scale, "blocks": (blocks or "") if variant is None else ""},
        look={"open": open or [], "color_by": color_by},
    )
