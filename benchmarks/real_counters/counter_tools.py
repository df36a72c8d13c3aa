"""What each counter says of a module of PyTorch, run as its own manual runs it: one function a tool.

A function takes a module in evaluation mode and the tensors that enter it, and returns what the tool prints, under the
tool's own word for it, and its figures by module or node. `count` runs one in a process of its own, since some leave
torch.nn.functional changed behind them. Torch and the tools are imported only when something is counted.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

Figures = dict[str, int]


class Counted(NamedTuple):
    """What a tool says of a module: the figures it prints, and the one that it names first by module or node."""

    figures: Figures
    by_layer: dict[str, int]


Counter = Callable[[Any, tuple[Any, ...]], Counted]


def flop_counter(module: Any, tensors: tuple[Any, ...]) -> Counted:
    """torch.utils.flop_counter, as somebody who only infers runs it: without gradients."""
    import torch

    with torch.no_grad():
        return flop_counter_with_gradients(module, tensors)


def flop_counter_with_gradients(module: Any, tensors: tuple[Any, ...]) -> Counted:
    """The same forward pass where gradients are recorded."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        module(*tensors)
    return of_flop_counter(counter)


def of_flop_counter(counter: Any) -> Counted:
    """What the mode has counted."""
    by_module = {name: sum(counts.values()) for name, counts in counter.get_flop_counts().items()}
    return Counted({"FLOPs": counter.get_total_flops()}, by_module)


def thop(module: Any, tensors: tuple[Any, ...]) -> Counted:
    """thop.profile."""
    from thop import profile

    macs, params, layers = profile(module, inputs=tensors, verbose=False, ret_layer_info=True)
    return Counted({"MACs": macs, "params": params}, dict(_leaves_of_thop(layers, "")))


def _leaves_of_thop(layers: dict[str, Any], prefix: str) -> Iterator[tuple[str, int]]:
    for name, (macs, _, inner) in layers.items():
        if inner:
            yield from _leaves_of_thop(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", macs


def torchinfo(module: Any, tensors: tuple[Any, ...]) -> Counted:
    """torchinfo.summary."""
    from torchinfo import summary

    statistics = summary(module, input_data=list(tensors), verbose=0, device="cpu", mode=_mode(module))
    by_layer: dict[str, int] = {}
    paths: list[str] = []
    for layer in statistics.summary_list:
        paths[layer.depth :] = [layer.var_name]
        if layer.is_leaf_layer:
            path = ".".join(paths[1:])
            by_layer[path] = by_layer.get(path, 0) + layer.macs
    return Counted({"mult-adds": statistics.total_mult_adds, "params": statistics.total_params}, by_layer)


def _mode(module: Any) -> str:
    return "train" if module.training else "eval"


def fvcore(module: Any, tensors: tuple[Any, ...]) -> Counted:
    """fvcore.nn.FlopCountAnalysis."""
    import torch
    from fvcore.nn import FlopCountAnalysis, parameter_count

    with torch.no_grad():
        analysis = FlopCountAnalysis(module, tensors).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        figures = {"FLOPs": analysis.total(), "params": parameter_count(module)[""]}
        return Counted(figures, dict(analysis.by_module()))


def ptflops(module: Any, tensors: tuple[Any, ...]) -> Counted:
    """Ptflops with its default backend, which records gradients."""
    return _ptflops(module, tensors, "pytorch")


def ptflops_aten(module: Any, tensors: tuple[Any, ...]) -> Counted:
    """Ptflops with its backend of operators."""
    return _ptflops(module, tensors, "aten")


def _ptflops(module: Any, tensors: tuple[Any, ...], backend: str) -> Counted:
    from ptflops import get_model_complexity_info, pytorch_engine

    by_layer: dict[str, int] = {}

    def note(model: Any, *_: Any, **__: Any) -> None:
        layers = model.named_modules()
        by_layer.update({name: layer.__flops__ for name, layer in layers if hasattr(layer, "__flops__")})

    pytorch_engine.print_model_with_flops = note
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        macs, params = get_model_complexity_info(
            module,
            tuple(tensors[0].shape[1:]),
            as_strings=False,
            print_per_layer_stat=backend == "pytorch",
            input_constructor=lambda _: _keywords(module, tensors),
            backend=backend,
        )
    if macs is None:
        raise RuntimeError(_last_line(printed.getvalue()))
    return Counted({"MACs": macs, "params": params}, by_layer)


def _keywords(module: Any, tensors: tuple[Any, ...]) -> Any:
    """The only tensor as it is, as ptflops makes it itself; several by the names that `forward` gives them."""
    import inspect

    if len(tensors) == 1:
        return tensors[0]
    return dict(zip(inspect.signature(module.forward).parameters, tensors, strict=False))


def calflops(module: Any, tensors: tuple[Any, ...]) -> Counted:
    """calflops.calculate_flops."""
    return calflops_of(module, tensors)


def calflops_of(module: Any, tensors: tuple[Any, ...], **switches: Any) -> Counted:
    """The same with switches of its own."""
    import torch
    from calflops import calculate_flops, flops_counter

    by_layer: dict[str, int] = {}
    pipeline = flops_counter.CalFlopsPipline
    ends = pipeline.end_flops_calculate

    def note(self: Any) -> None:
        by_layer.update({name: int(layer.__flops__) for name, layer in self.model.named_modules()})
        ends(self)

    pipeline.end_flops_calculate = note
    entering = [torch.clone(tensor) for tensor in tensors]
    flops, macs, params = calculate_flops(
        module, args=entering, print_results=False, output_as_string=False, **switches
    )
    return Counted({"FLOPs": flops, "MACs": macs, "params": params}, by_layer)


def onnx_tool(module: Any, tensors: tuple[Any, ...]) -> Counted:
    """onnx-tool on the file that torch's TorchScript exporter writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export(module, tensors, path)
        return onnx_tool_of(path)


def onnx_tool_of(path: Path) -> Counted:
    """onnx-tool on a file, as its `model_profile` adds up."""
    from onnx_tool import Model, NoMacsOps

    graph = Model(str(path), {"verbose": False}).graph
    graph.graph_reorder_nodes()
    graph.shape_infer(None)
    graph.profile(exclude_ops=NoMacsOps)
    by_node = {node.name: int(node.macs[0]) for node in graph.nodemap.values() if node.op_type not in NoMacsOps}
    return Counted({"MACs": round(graph.macs[0]), "params": int(graph.params)}, by_node)


def export(module: Any, tensors: tuple[Any, ...], path: Path) -> None:
    """The module as a file of ONNX, by the exporter that traces."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, tensors, str(path), dynamo=False)


TOOLS: dict[str, Counter] = {
    "flop-counter": flop_counter,
    "thop": thop,
    "torchinfo": torchinfo,
    "fvcore": fvcore,
    "ptflops": ptflops,
    "ptflops-aten": ptflops_aten,
    "onnx-tool": onnx_tool,
    "calflops": calflops,
}
"""By the name that `--count-as` takes."""

PACKAGES = {
    "flop-counter": "torch",
    "thop": "thop",
    "torchinfo": "torchinfo",
    "fvcore": "fvcore",
    "ptflops": "ptflops",
    "ptflops-aten": "ptflops",
    "calflops": "calflops",
    "onnx-tool": "onnx-tool",
}
"""The package whose version decides what a tool prints; all also depend on torch."""


def import_all() -> None:
    """Imports what is slow to import once, before processes are forked off."""
    import calflops
    import fvcore.nn
    import onnx_tool
    import ptflops
    import thop
    import torch
    import torchinfo  # noqa: F401  # all for their import alone

    torch.set_num_threads(1)  # threads do not survive a fork
    _ = calflops, fvcore.nn, onnx_tool, ptflops, thop


Make = Callable[[], tuple[Any, tuple[Any, ...]]]
"""Makes a module and the tensors that enter it."""


def count(counters: dict[str, Counter], make: Make) -> dict[str, Counted | str]:
    """What tools say, or their errors, in a process of their own, in this order, each of a module that was made for it.

    To be alone in the process, a tool is asked for alone; calflops leaves torch.nn.functional patched, and goes last.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _be_silent()
        with contextlib.suppress(BaseException), os.fdopen(writer, "wb") as pipe:
            pickle.dump({name: _counted(counter, make) for name, counter in counters.items()}, pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return pickle.loads(answer) if answer else dict.fromkeys(counters, "the process died")  # noqa: S301  # our child's


def _be_silent() -> None:
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    sys.stdout = sys.stderr = io.StringIO()
    warnings.simplefilter("ignore")


def _counted(counter: Counter, make: Make) -> Counted | str:
    try:
        module, tensors = make()
        figures, by_layer = counter(module, tensors)
    except BaseException as error:  # whatever a tool dies of is what is recorded
        return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"[:150]
    return Counted({word: _number(figure) for word, figure in figures.items()}, by_layer)


def _number(figure: Any) -> Any:
    """A figure as an int where it is a whole number: some tools add up floats."""
    return int(figure) if int(figure) == figure else float(figure)


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2].strip()
