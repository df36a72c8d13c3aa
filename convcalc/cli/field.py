"""`convcalc field`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from convcalc.cli.completion import networks
from convcalc.cli.options import (
    Blocks,
    Force,
    Inputs,
    Scale,
    Strict,
    Variables,
    assignments,
    format_option,
    numbers,
    option,
    shapes,
)
from convcalc.cli.work import field as work

RUNS = 20


def field(
    file: Annotated[str, typer.Argument(help="A spec; - reads standard input.", autocompletion=networks)],
    layer: Annotated[
        str | None, typer.Argument(help="A layer, block or repeat; by default the one whose field analyze prints last.")
    ] = None,
    output: Annotated[
        list[str] | None,
        option("FILE", "Also write the map: .svg, .png, or .npy, its numbers; may be given again.", "-o", "--output"),
    ] = None,
    force: Force = False,
    position: Annotated[
        str | None, option("Y,X", "The position of the layer's output, from 0; by default the centre.")
    ] = None,
    input_name: Annotated[str | None, option("NAME", "The input whose map is wanted, where there are several.")] = None,
    seeds: Annotated[
        int, typer.Option(min=1, help="Runs that the mean is taken over, each with weights and an input of its own.")
    ] = RUNS,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first run; others follow it.")] = 0,
    weights: Annotated[
        str | None,
        option(
            "FILE|random",
            "Weights by the layers' names, .npz or .safetensors; by default an ONNX model's own, else random ones.",
            "--weights",
        ),
    ] = None,
    signs: Annotated[
        Literal["random", "ones"],
        typer.Option(help="What the channels of the output are weighed by: 1 or -1 by chance, or 1."),
    ] = "random",
    dtype: Annotated[
        Literal["float32", "float64"], typer.Option(help="Number type that the network runs in.")
    ] = "float32",
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads that run it; by default one for each processor.")
    ] = None,
    max_memory: Annotated[
        str | None,
        option("BYTES", "Memory that it may take, such as 8GiB; by default 740 MiB, or less where less is free."),
    ] = None,
    format: Annotated[str, format_option("field", "table")] = "table",  # noqa: A002  # the option's name
    input: Inputs = None,  # noqa: A002  # the option's name
    set: Variables = None,  # noqa: A002  # the option's name
    strict: Strict = False,
    scale: Scale = "",
    blocks: Blocks = "",
) -> None:
    """What a layer really looks at: the map of the gradient of its centre position, beside its theoretical field.

    The network runs on random tensors, there and back; the map is the mean of absolute gradients over several runs.
    """
    work.field(
        file,
        layer,
        outputs=output or [],
        force=force,
        position=numbers(position, "--position", int),
        weights=weights,
        max_memory=max_memory,
        threads=threads,
        format=format,
        inputs=shapes(input or []),
        variables=assignments(set or []),
        how={"strict": strict, "scale": scale, "blocks": blocks},
        settings={"of_input": input_name, "runs": seeds, "seed": seed, "signs": signs, "dtype": dtype},
    )
