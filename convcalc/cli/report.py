"""`convcalc report`."""

from __future__ import annotations

from typing import Annotated

import typer

from convcalc.cli.completion import networks
from convcalc.cli.options import (
    Batch,
    Blocks,
    DeviceName,
    Dtype,
    Force,
    Fused,
    Inputs,
    Scale,
    Strict,
    Variables,
    assignments,
    color_option,
    format_option,
    option,
    shapes,
)
from convcalc.cli.work import report as work


def report(
    files: Annotated[list[str], typer.Argument(help="Specs; - reads standard input.", autocompletion=networks)],
    output: Annotated[str, option("FILE", "The file to write; - prints it.", "--output", "-o")],
    format: Annotated[  # noqa: A002  # the option's name
        str | None, format_option("report", "html", "Format of the file; without it, its name says that.")
    ] = None,
    force: Force = False,
    batch: Batch = None,
    dtype: Dtype = None,
    fused: Fused = None,
    device: DeviceName = None,
    input: Inputs = None,  # noqa: A002  # the option's name
    set: Variables = None,  # noqa: A002  # the option's name
    strict: Strict = False,
    scale: Scale = "",
    blocks: Blocks = "",
    open: Annotated[  # noqa: A002  # the option's name
        list[str] | None,
        option("GLOB", "Blocks that are open in the graph, by their names; again for each, '*' for all.", "--open"),
    ] = None,
    color_by: Annotated[str | None, color_option()] = None,
) -> None:
    """A page to look at: the graph of a network, every layer's costs, memory over time, receptive fields.

    One HTML file that opens from disk and asks for nothing from the network; or the graph alone, as SVG.
    """
    work.report(
        files,
        output=output,
        format=format,
        force=force,
        inputs=shapes(input or []),
        variables=assignments(set or []),
        terms={"batch": batch, "dtype": dtype, "fused": fused, "device": device},
        how={"strict": strict, "scale": scale, "blocks": blocks},
        look={"open": open or [], "color_by": color_by},
    )
