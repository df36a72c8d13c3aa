"""What `convcalc export` does for ONNX, which alone holds numbers and has options of its own."""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING, Any

import typer

from convcalc import steps
from convcalc.cli.output import STDOUT, fail, refuse_layers, say
from convcalc.views.output import Output

if TYPE_CHECKING:
    from convcalc.exports.onnx.write import Arrays
    from convcalc.network import Network


def batch_size(text: str) -> int | str:
    """A size, or the name of one that is left open."""
    if text.isascii() and text.isdigit() and len(text) <= 10 and int(text) > 0:
        return int(text)
    if text.isidentifier():
        return text
    raise typer.BadParameter(f"expected a whole number from 1, or a name, found {text!r}", param_hint="--batch")


def save(
    network: Network,
    file: str,
    path: str,
    seed: int | None,
    *,
    dtype: str,
    opset: int | None,
    fused: bool,
    force: bool,
    **form: Any,
) -> None:
    """Write a network as a model, with random weights unless `seed` is None; `fused`: merged into kernels."""
    if importlib.util.find_spec("onnx") is None:
        fail("writing ONNX needs the package onnx, which is not installed: pip install 'convcalc[onnx]'")
    from convcalc.exports.errors import CannotWrite
    from convcalc.exports.onnx import saving
    from convcalc.exports.onnx.write import OPSET, FileTooLarge, model, with_arrays
    from convcalc.files import Unwritable
    from convcalc.reference.weights import RandomWeights
    from convcalc.views import words

    weights: Arrays | None = None if seed is None else RandomWeights(network, seed, dtype).in_order
    if fused:
        network, weights = _fused(network, seed, dtype)
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
        refuse_layers(file, "no exact ONNX form", error.layers)
    except Unwritable as error:
        fail(str(error))
    if network.uncosted and form["stand_ins"]:
        names = words.listed(network.uncosted)
        ending = "" if len(network.uncosted) > 1 else "s"
        say(f"nothing says what {names} compute{ending}: written as convcalc.Opaque, an operator that no runtime has")
    for beside in written[1:]:
        say(f"the weights are in {beside}, which belongs beside the model")


def _fused(network: Network, seed: int | None, dtype: str) -> tuple[Network, Arrays | None]:
    """The network merged into kernels, and their arrays, made of those that the network as written has."""
    from convcalc.fusing import fuse
    from convcalc.reference.folded import KernelWeights
    from convcalc.reference.weights import RandomWeights

    fusion = fuse(network)
    if fusion.changes_nothing:
        say("nothing is merged: no layer folds into another, runs in its kernel or is left out")
    weights = None if seed is None else KernelWeights(fusion, RandomWeights(network, seed, dtype)).in_order
    return fusion.network, weights
