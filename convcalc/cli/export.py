"""`convcalc export`."""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from convcalc import steps
from convcalc.cli.completion import networks
from convcalc.cli.options import Blocks, Force, Inputs, Scale, Strict, Variables, option
from convcalc.cli.output import STDOUT, fail, refuse, say
from convcalc.views.output import Output

if TYPE_CHECKING:
    from convcalc.exports.write import Unwritten
    from convcalc.network import Network


def export(
    file: Annotated[str, typer.Argument(help="A spec; - reads standard input.", autocompletion=networks)],
    output: Annotated[str, option("FILE", "The ONNX file to write; - prints it.", "--output", "-o")],
    no_weights: Annotated[
        bool,
        typer.Option(
            "--no-weights",
            help="Write the sizes of the weights alone. Such a file is small, and enough for convcalc, for "
            "onnx.shape_inference and for viewers; a runtime needs the numbers, which it says are in weights.bin.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random weights.")] = 0,
    batch: Annotated[str, option("N|NAME", "Batch size, or a name for one that is left open.")] = "1",
    opset: Annotated[int | None, typer.Option(help="Version of ONNX's operators, 13 to 28.  [21]")] = None,
    dtype: Annotated[
        Literal["float32", "float64", "float16"], typer.Option(help="Type of weights and tensors.")
    ] = "float32",
    force: Force = False,
    input: Inputs = None,  # noqa: A002  # the option's name
    set: Variables = None,  # noqa: A002  # the option's name
    strict: Strict = False,
    scale: Scale = "",
    blocks: Blocks = "",
) -> None:
    """Write a network as an ONNX model, with random weights.

    Operators and arrays are called as the layers are (stem, stem.weight). Where the weights are more than the 2 GiB
    that an ONNX file holds, they go into FILE.data beside it. Needs the package onnx.
    """
    from convcalc.cli.loading import load_or_end

    size = _batch(batch)
    if importlib.util.find_spec("onnx") is None:
        fail("writing ONNX needs the package onnx, which is not installed: pip install 'convcalc[onnx]'")
    refuse(output, force=force, sources=[file])
    network = load_or_end(file, input, set, strict=strict, scale=scale, blocks=blocks)
    form: dict[str, Any] = {"dtype": dtype, "batch": size, "opset": opset, "stand_ins": not strict}
    _save(network, file, output, None if no_weights else seed, force=force, **form)


def _batch(text: str) -> int | str:
    if text.isascii() and text.isdigit() and len(text) <= 10 and int(text) > 0:
        return int(text)
    if text.isidentifier():
        return text
    raise typer.BadParameter(f"expected a whole number from 1, or a name, found {text!r}", param_hint="--batch")


def _save(
    network: Network, file: str, path: str, seed: int | None, *, dtype: str, opset: int | None, force: bool, **form: Any
) -> None:
    from convcalc.exports import saving
    from convcalc.exports.write import OPSET, CannotWrite, FileTooLarge, model, with_arrays
    from convcalc.files import Unwritable
    from convcalc.reference.weights import RandomWeights
    from convcalc.views import words

    weights = None if seed is None else RandomWeights(network, seed, dtype).in_order
    form |= {"dtype": dtype, "opset": OPSET if opset is None else opset}
    written: list[str] = []
    try:
        if path == STDOUT and weights is None:
            Output(sys.stdout).data([model(network, **form).SerializeToString()])
        elif path == STDOUT and weights is not None:
            Output(sys.stdout).data(with_arrays(network, weights, **form))
        else:
            written = saving.save(network, path, weights, force=force, **form)
    except steps.OutOfSteps:
        fail(f"{file}: not finished: {steps.limit()}; --no-weights writes the operators alone, which takes fewer")
    except FileTooLarge:
        fail("more than 2 GiB of weights go into a file beside the model; name the model with -o FILE")
    except CannotWrite as error:
        if not error.layers:
            raise typer.BadParameter(str(error), param_hint="--opset") from None
        count = len(error.layers)
        head = f"{file}: {count} layer{'s have' if count > 1 else ' has'} no exact ONNX form; nothing is written"
        fail(head, *map(_lacking, error.layers))
    except Unwritable as error:
        fail(str(error))
    if network.uncosted and form["stand_ins"]:
        names = words.listed(network.uncosted)
        ending = "" if len(network.uncosted) > 1 else "s"
        say(f"nothing says what {names} compute{ending}: written as convcalc.Opaque, an operator that no runtime has")
    for beside in written[1:]:
        say(f"the weights are in {beside}, which belongs beside the model")


def _lacking(layer: Unwritten) -> str:
    place = f"line {layer.line}: " if layer.line else ""
    return f"    {place}{layer.layer} ({layer.kind}): {layer.reason}"
