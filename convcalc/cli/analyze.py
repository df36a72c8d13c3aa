"""`convcalc analyze`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from convcalc.cli.columns import Hide, Show
from convcalc.cli.completion import networks
from convcalc.cli.options import (
    Batch,
    Blocks,
    CountAs,
    DeviceName,
    Dtype,
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
from convcalc.cli.work import analyze as work


def analyze(
    files: Annotated[list[str], typer.Argument(help="Specs; - reads standard input.", autocompletion=networks)],
    format: Annotated[str, format_option("analyze", "table")] = "table",  # noqa: A002  # the option's name
    by: Annotated[Literal["layer", "block", "kind"], typer.Option(help="What each line stands for.")] = "layer",
    top: Annotated[int | None, typer.Option(min=1, help="Only the lines with the most MACs.")] = None,
    expand: Annotated[
        bool, typer.Option("--expand", help="Every layer of a repeated block on a line of its own.")
    ] = False,
    batch: Batch = None,
    dtype: Dtype = None,
    fused: Fused = None,
    device: DeviceName = None,
    count_as: CountAs = "",
    show: Show = None,
    hide: Hide = None,
    input: Inputs = None,  # noqa: A002  # the option's name
    set: Variables = None,  # noqa: A002  # the option's name
    latency: Annotated[str, option("FILE", "A table of measured times by signature, as CSV.", show_default=False)] = "",
    signatures: Annotated[
        bool, typer.Option("--signatures", help="Print that table, to be filled in with milliseconds.")
    ] = False,
    strict: Strict = False,
    scale: Scale = "",
    blocks: Blocks = "",
) -> None:
    """Shapes, params, MACs, receptive field and memory, layer by layer.

    JSON always holds every layer; --by and --top add their lines to it.
    """
    if signatures:
        others = {"--format": format not in ("table", "csv"), "--latency": bool(latency), "--count-as": bool(count_as)}
        for flag, is_given in others.items():
            if is_given:
                raise typer.BadParameter("--signatures prints a table of its own, as CSV", param_hint=flag)
        from convcalc.cli.work.signatures import signatures as list_signatures

        list_signatures(
            files,
            shapes(input or []),
            assignments(set or []),
            strict=strict,
            scale=scale,
            blocks=blocks,
            batch=batch,
            dtype=dtype,
            fused=fused,
            device=device,
        )
        return
    work.analyze(
        files,
        format=format,
        by=by,
        top=top,
        expand=expand,
        batch=batch,
        dtype=dtype,
        fused=fused,
        device=device,
        latency=latency,
        count_as=count_as,
        show=show or [],
        hide=hide or [],
        inputs=shapes(input or []),
        variables=assignments(set or []),
        strict=strict,
        scale=scale,
        blocks=blocks,
    )
