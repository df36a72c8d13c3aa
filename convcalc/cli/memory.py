"""`convcalc memory`."""

from __future__ import annotations

from typing import Annotated, Literal

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
    format_option,
    option,
    shapes,
)
from convcalc.cli.work import memory as work


def memory(
    files: Annotated[list[str], typer.Argument(help="Specs; - reads standard input.", autocompletion=networks)],
    format: Annotated[str, format_option("memory", "table")] = "table",  # noqa: A002  # the option's name
    order: Annotated[
        Literal["written", "best"], typer.Option(help="Layers as they are written, or as they need the least.")
    ] = "written",
    top: Annotated[int | None, typer.Option(min=1, help="Only the layers with the most alive.")] = None,
    expand: Annotated[
        bool, typer.Option("--expand", help="Every layer on a line of its own, however many there are.")
    ] = False,
    plot: Annotated[
        str | None,
        option("FILE", "Also draw it as an SVG picture, in this file; - prints the picture alone.", "--plot"),
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
) -> None:
    """Tensors alive while each layer runs, where they lie in one arena, and the least that any order needs.

    CSV and JSON always hold every layer and tensor.
    """
    work.memory(
        files,
        format=format,
        order=order,
        top=top,
        expand=expand,
        plot=plot,
        force=force,
        inputs=shapes(input or []),
        variables=assignments(set or []),
        terms={"batch": batch, "dtype": dtype, "fused": fused, "device": device},
        how={"strict": strict, "scale": scale, "blocks": blocks},
    )
