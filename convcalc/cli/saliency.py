"""`convcalc saliency`."""

from __future__ import annotations

import os
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
    amount,
    format_option,
    numbers,
    option,
    processors,
)
from convcalc.cli.work import saliency as work


def saliency(
    file: Annotated[
        str, typer.Argument(help="An ONNX model, or a spec with --weights or --seed.", autocompletion=networks)
    ],
    image: Annotated[str, option("FILE", "The image that is looked at.")],
    class_: Annotated[
        int | None,
        option("N", "The class whose score it is, from 0; by default that with the highest.", "--class"),
    ] = None,
    outputs: Annotated[
        list[str] | None,
        option(
            "FILE",
            "Write the map: a .png over the image, a .npy of its numbers; several times for both.",
            "--output",
            "-o",
        ),
    ] = None,
    channels: Annotated[
        Literal["max", "mean", "each"],
        typer.Option(help="Of the channels of a pixel the largest amount, the mean, or each, with its sign."),
    ] = "max",
    smooth: Annotated[
        int,
        typer.Option(min=0, max=10_000, metavar="N", help="Mean over N copies of the image with noise (SmoothGrad)."),
    ] = 0,
    noise: Annotated[
        float,
        typer.Option(
            min=0, max=1000, metavar="SHARE", help="Deviation of that noise, as a share of the image's range."
        ),
    ] = 0.15,
    noise_seed: Annotated[
        int | None, typer.Option(min=0, help="Draw that noise with this seed; by default --seed, or 0.")
    ] = None,
    layer: Annotated[
        str | None, option("NAME", "The output whose score it is, where there are several; or any layer.")
    ] = None,
    position: Annotated[str | None, option("Y,X", "Where, if the output is a map of scores.")] = None,
    input_name: Annotated[
        str | None, option("NAME", "The input that takes the image, where there are several.")
    ] = None,
    preset: Annotated[
        Literal["imagenet", "unit", "symmetric", "raw"],
        typer.Option(help="Pixels as ImageNet's mean and deviation make them, as 0 to 1, -1 to 1, or 0 to 255."),
    ] = "unit",
    divide_by: Annotated[
        float | None,
        typer.Option(metavar="NUMBER", help="Divide pixels, which are 0 to 255, by this.", show_default=False),
    ] = None,
    mean: Annotated[str | None, option("R,G,B", "Then take this off; a number for each channel, or one.")] = None,
    std: Annotated[str | None, option("R,G,B", "Then divide by this.")] = None,
    order: Annotated[Literal["rgb", "bgr"], typer.Option(help="Red first, or blue.")] = "rgb",
    layout: Annotated[
        Literal["chw", "hwc"] | None, typer.Option(help="Channels first or last; by default as the shape says.")
    ] = None,
    resize: Annotated[
        str | None,
        option("SIZE", "Resize the image: stretch for the network's size, a number for its shorter side, or HxW."),
    ] = None,
    crop: Annotated[bool, typer.Option("--crop", help="Cut the network's size out of the middle.")] = False,
    filter: Annotated[  # noqa: A002  # the option's name
        Literal["bilinear", "bicubic", "lanczos", "nearest"], typer.Option(help="How it is resized.")
    ] = "bilinear",
    weights: Annotated[
        str | None, option("FILE", "Weights of another file, .npz, .safetensors or .onnx, by names of layers.")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Draw random weights with this seed, in place of a model's own.", show_default=False),
    ] = None,
    max_memory: Annotated[
        str | None, option("BYTES", "Memory that it may take, such as 8GiB; by default what is free.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads that run it; by default one for each processor.")
    ] = None,
    format: Annotated[str, format_option("saliency", "table")] = "table",  # noqa: A002  # the option's name
    force: Force = False,
    input: Inputs = None,  # noqa: A002  # the option's name
    set: Variables = None,  # noqa: A002  # the option's name
    strict: Strict = False,
    scale: Scale = "",
    blocks: Blocks = "",
) -> None:
    """What of an image a network looks at: the derivative of a class score by every pixel.

    The score is the one before a softmax. What is done to the image is said; it is resized only where asked.

    Exit code 0: done, 2: something cannot be read, run or written, 130: interrupted.
    """
    used = str(threads or processors())
    for library in ("OPENBLAS", "OMP", "MKL"):  # read when NumPy is imported, which nothing has done yet
        os.environ[f"{library}_NUM_THREADS"] = used
    asked = work.Asking(
        file=file,
        image=image,
        class_index=class_,
        outputs=tuple(outputs or ()),
        channels=channels,
        smooth=smooth,
        noise=_finite(noise),
        noise_seed=noise_seed,
        layer=layer,
        position=numbers(position, "--position", int),
        input_name=input_name,
        preset=preset,
        changed={
            "divisor": _divisor(divide_by),
            "mean": numbers(mean, "--mean", float),
            "std": _divisors(numbers(std, "--std", float)),
            "order": order,
            "layout": layout,
            "resize": resize,
            "crop": crop or None,
            "filter": filter,
        },
        weights=weights,
        seed=seed,
        most_bytes=amount(max_memory, "--max-memory"),
        format=format,
        force=force,
    )
    work.saliency(asked, input, set, strict=strict, scale=scale, blocks=blocks)


def _finite(share: float) -> float:
    if share != share:
        raise typer.BadParameter("expected a number from 0 on, found nan", param_hint="--noise")
    return share


def _divisor(number: float | None) -> float | None:
    if number is not None and not 0 < number < float("inf"):
        raise typer.BadParameter(f"expected a number above 0, found {number:g}", param_hint="--divide-by")
    return number


def _divisors(numbers: tuple[float, ...] | None) -> tuple[float, ...] | None:
    if numbers is not None and not all(number > 0 for number in numbers):
        raise typer.BadParameter("expected numbers above 0", param_hint="--std")
    return numbers
