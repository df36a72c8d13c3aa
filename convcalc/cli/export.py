"""`convcalc export`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from convcalc import steps
from convcalc.cli.completion import export_formats, networks
from convcalc.cli.options import Blocks, Force, Fused, Inputs, Scale, Strict, Variables, option
from convcalc.cli.output import STDOUT, fail, refuse, refuse_layers, save

if TYPE_CHECKING:
    from convcalc.network import Network


def export(
    context: typer.Context,
    file: Annotated[str, typer.Argument(help="A spec; - reads standard input.", autocompletion=networks)],
    output: Annotated[str, option("FILE", "The file to write; - prints it.", "--output", "-o")],
    to: Annotated[
        str | None,
        option(
            "FORMAT",
            "What to write; without it, the name of the file says that.",
            "--to",
            autocompletion=export_formats,
            show_default=False,
        ),
    ] = None,
    no_weights: Annotated[
        bool,
        typer.Option(
            "--no-weights",
            help="ONNX: write the sizes of the weights alone. Such a file is small, and enough for convcalc, for "
            "onnx.shape_inference and for viewers; a runtime needs the numbers, which it says are in weights.bin.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="ONNX: seed of the random weights.")] = 0,
    batch: Annotated[str, option("N|NAME", "ONNX: batch size, or a name for one that is left open.")] = "1",
    opset: Annotated[int | None, typer.Option(help="ONNX: version of its operators, 13 to 28.  [21]")] = None,
    dtype: Annotated[
        Literal["float32", "float64", "float16"], typer.Option(help="ONNX: type of weights and tensors.")
    ] = "float32",
    fused: Fused = None,
    force: Force = False,
    input: Inputs = None,  # noqa: A002  # the option's name
    set: Variables = None,  # noqa: A002  # the option's name
    strict: Strict = False,
    scale: Scale = "",
    blocks: Blocks = "",
) -> None:
    """Write a network in another format: darknet, keras-json, onnx or pytorch, as the file's name or --to says.

    Layers are called there as they are here. What a format cannot say is named, layer by layer, and nothing is written.

    An ONNX model has random weights, called as the layers are (stem.weight). Where they are more than the 2 GiB that
    an ONNX file holds, they go into FILE.data beside it. It needs the package onnx. --fused writes it with the layers
    merged, the same function of the same numbers.
    """
    from convcalc.cli.loading import load_or_end

    refuse(output, force=force, sources=[file])
    name = _format(to, output)
    _refuse_options(context, name)
    if name == "onnx":
        from convcalc.cli import onnx_export

        size = onnx_export.batch_size(batch)
        network = load_or_end(file, input, set, strict=strict, scale=scale, blocks=blocks)
        form: dict[str, Any] = {"dtype": dtype, "batch": size, "opset": opset, "stand_ins": not strict}
        form["fused"] = bool(network.deployment.fused if fused is None else fused)
        onnx_export.save(network, file, output, None if no_weights else seed, force=force, **form)
    else:
        network = _with_blocks(load_or_end(file, input, set, strict=strict, scale=scale, blocks=blocks))
        save(output, [_text(network, file, name).encode()], force=force)


def _format(to: str | None, output: str) -> str:
    """What is written: what `--to` says, or else the name of the file."""
    from convcalc import exports

    known = ", ".join(exports.names())
    if to is not None and to not in exports.names():
        raise typer.BadParameter(f"expected one of {known}, found {to!r}", param_hint="--to")
    name = to or exports.named_by(output)
    if name is None:
        what = "standard output has no name that says" if output == STDOUT else f"the name {output} does not say"
        fail(f"{what} which format is wanted; add --to with one of {known}")
    return name


def _refuse_options(context: typer.Context, name: str) -> None:
    """End the command where an option is written that means nothing in this format."""
    from convcalc import exports

    for other in exports.names():
        for taken in exports.options(other) - exports.options(name):
            source = context.get_parameter_source(taken)
            if source is not None and source.name == "COMMANDLINE":
                hint = f"--{taken.replace('_', '-')}"
                raise typer.BadParameter(f"{name} has no such option, {other} has", param_hint=hint)


def _with_blocks(network: Network) -> Network:
    """A network that comes from a model file as the spec says it that `import` writes, with what repeats as blocks."""
    if network.imported is None:
        return network
    from msgspec.structs import replace

    from convcalc.imports.errors import CannotImport
    from convcalc.language import Source, SpecError, loads
    from convcalc.readable.text import text

    try:
        blocks = loads(Source(network.name, text(network.imported)))
    except (CannotImport, SpecError):  # its layers are known all the same
        return network
    return replace(blocks, nodes=tuple(replace(node, line=0) for node in blocks.nodes))


def _text(network: Network, file: str, name: str) -> str:
    """The file's text, or the end of the command with all that the format cannot say."""
    from convcalc import exports
    from convcalc.exports.errors import CannotWrite

    exporter = exports.exporter(name)
    try:
        return exporter.write(network)
    except steps.OutOfSteps:
        fail(f"{file}: not finished: {steps.limit()}")
    except CannotWrite as error:
        if not error.layers:
            fail(f"{file}: {error}; nothing is written")
        refuse_layers(file, f"no form in {exporter.FORMAT}", error.layers)
