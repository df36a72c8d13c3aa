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
    training: Annotated[
        bool, typer.Option("--training", help="What a step of training costs, in MACs and memory, in place of a run.")
    ] = False,
    optimizer: Annotated[
        Literal["sgd", "momentum", "adam"] | None,
        typer.Option(help="Of --training: who makes the step, keeping 0, 1 or 2 numbers a parameter. By default sgd."),
    ] = None,
    freeze: Annotated[
        list[str] | None, option("NAME|GLOB", "Of --training: layers or blocks that learn nothing.", "--freeze")
    ] = None,
    checkpoint: Annotated[
        list[str] | None,
        option(
            "NAME|GLOB",
            "Of --training: layers or blocks that keep only what enters them, and run again on the way back.",
            "--checkpoint",
        ),
    ] = None,
    strict: Strict = False,
    scale: Scale = "",
    blocks: Blocks = "",
) -> None:
    """Shapes, params, MACs, receptive field and memory, layer by layer.

    JSON always holds every layer; --by and --top add their lines to it.
    """
    if training:
        others = {
            "--fused": fused is not None,
            "--device": device is not None,
            "--count-as": bool(count_as),
            "--show": bool(show),
            "--hide": bool(hide),
            "--latency": bool(latency),
            "--signatures": signatures,
        }
        for flag, is_given in others.items():
            if is_given:
                raise typer.BadParameter("does not go with --training, which has a table of its own", param_hint=flag)
        from convcalc.cli.work.training import training as show_training

        show_training(
            files,
            format=format,
            by=by,
            top=top,
            expand=expand,
            inputs=shapes(input or []),
            variables=assignments(set or []),
            trained={
                "optimizer": optimizer or "sgd",
                "freeze": freeze or [],
                "checkpoint": checkpoint or [],
                "batch": batch or 1,
                "dtype": dtype or "float32",
            },
            how={"strict": strict, "scale": scale, "blocks": blocks},
        )
        return
    for flag, value in {"--optimizer": optimizer, "--freeze": freeze, "--checkpoint": checkpoint}.items():
        if value:
            raise typer.BadParameter("speaks of training: it goes with --training", param_hint=flag)
    if signatures:
        beside = {"--format": format not in ("table", "csv"), "--latency": bool(latency), "--count-as": bool(count_as)}
        for flag, is_asked in beside.items():
            if is_asked:
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
