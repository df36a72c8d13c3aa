"""A model run by ONNX Runtime, with arrays that stay where they are: none is written into the model or copied."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from mmap import mmap
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from onnx import ModelProto
from onnx.checker import ValidationError

from convcalc.layers import Array, Shape

_NO_MESSAGE = r"^\[ONNXRuntimeError\] : \d+ : \w+ : | node with name '[^']*'$"
"""What ONNX Runtime puts around a message."""


class NotRun(RuntimeError):
    """ONNX Runtime does not run a model; the message is its own."""


def run(
    model: ModelProto,
    arrays: Mapping[str, Array],
    inputs: Sequence[Array],
    threads: int = 1,
    *,
    as_written: bool = False,
) -> list[Array]:
    """The outputs of a model that was written without its arrays.

    `as_written`: operator by operator, none fused, folded or left out.
    """
    import onnxruntime

    options = _options(threads, as_written=as_written)
    held = [tensor.name for tensor in model.graph.initializer]
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(arrays[name])) for name in held]
    if held:
        options.add_external_initializers(held, values)
    named = dict(zip((value.name for value in model.graph.input), inputs, strict=True))
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        outputs: list[Any] = session.run(None, named)
    except Exception as error:  # its exceptions have no base of their own
        raise NotRun(_message(error)) from None
    return outputs


def _options(threads: int, *, as_written: bool) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # silent
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    if as_written:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return options


def _message(error: Exception) -> str:
    """What ONNX Runtime says, without what it puts around it."""
    text = " ".join(str(error).split()).rpartition("Status Message: ")[2]
    return re.sub(_NO_MESSAGE, "", text)


class FileRun(NamedTuple):
    """What ONNX Runtime makes of a file: tensors by name, and the numbers of the file's own arrays.

    `filled` are arrays of which the file holds no numbers, and that have random ones instead.
    `precision` is that of the coarsest floating tensor. `rounds` says of a tensor whether the file rounds numbers, as
    it is quantised, between it and the nearest ones of a set of others.
    """

    tensors: Mapping[str, Array]
    arrays: Callable[[str], Array | None]
    precision: float
    rounds: Callable[[str, Collection[str]], bool]
    filled: tuple[str, ...] = ()


def run_file(
    path: str,
    content: bytes | mmap | None,
    entering: Mapping[str, Shape],
    wanted: Sequence[str],
    *,
    seed: int = 0,
    threads: int = 1,
    most_bytes: int | None = None,
) -> FileRun:
    """The tensors of a model file that are asked for, on random numbers, operator by operator as it is written.

    `content` is what was in a file that can be read once alone. `entering` are the shapes of its inputs; one that is
    not among them has its own, with 1 for what is open. Where only one of two branches holds tensors that are asked
    for, it is taken, as it was when the file was read.

    Raises:
        NotRun: ONNX Runtime does not run it, or it is no file that the package onnx loads.
    """
    import onnx
    import onnxruntime
    from onnx import numpy_helper

    try:
        held_once = None if content is None else bytes(content)
        loaded = onnx.load_from_string(held_once) if held_once else onnx.load(path, load_external_data=False)
        filled = _filled(loaded, Path(path).parent, np.random.default_rng(seed), most_bytes)
        while _take_branch(loaded.graph, {*wanted}):
            pass
        there = {name for node in loaded.graph.node for name in node.output} - {
            value.name for value in loaded.graph.output
        }
        loaded.graph.output.extend(onnx.ValueInfoProto(name=name) for name in dict.fromkeys(wanted) if name in there)
        session = onnxruntime.InferenceSession(
            loaded.SerializeToString(), _options(threads, as_written=True), providers=["CPUExecutionProvider"]
        )
        odd = [f"{value.name} is a {value.type}" for value in session.get_inputs() if _dtype(value) is None]
        if odd:
            raise NotRun(f"no numbers are drawn for an input of its type: {', '.join(odd)}")
        generator = np.random.default_rng(seed)
        feeds = {value.name: _drawn(generator, value, entering.get(value.name)) for value in session.get_inputs()}
        leaving = [value.name for value in session.get_outputs()]
        tensors = feeds | dict(zip(leaving, session.run(leaving, feeds), strict=True))
    except NotRun:
        raise
    except Exception as error:  # its exceptions have no base of their own
        raise NotRun(_message(error)) from None
    held = {tensor.name: tensor for tensor in loaded.graph.initializer}
    held |= {  # where a node states it
        node.output[0]: attribute.t
        for node in loaded.graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
        if attribute.name == "value"
    }
    arrays = {name: array for name, array in tensors.items() if isinstance(array, np.ndarray)}
    epsilons = [float(np.finfo(array.dtype).eps) for array in arrays.values() if array.dtype.kind == "f"]
    return FileRun(
        arrays,
        lambda name: numpy_helper.to_array(held[name]) if name in held else arrays.get(name),
        max(epsilons, default=0.0),
        _rounding(loaded.graph),
        filled,
    )


def _take_branch(graph: Any, wanted: Collection[str]) -> bool:
    """Put the first branch that holds wanted tensors in place of its node; whether there was one."""
    from onnx import helper

    for place, node in enumerate(graph.node):
        branches = (
            [attribute.g for attribute in node.attribute if attribute.HasField("g")] if node.op_type == "If" else []
        )
        taken = [branch for branch in branches if any(_holds(within, wanted) for within in branch.node)]
        if len(taken) == 1:
            (branch,) = taken
            pairs = zip(branch.output, node.output, strict=True)
            handed = [helper.make_node("Identity", [inner.name], [name]) for inner, name in pairs if name]
            nodes = [*graph.node[:place], *branch.node, *handed, *graph.node[place + 1 :]]
            graph.initializer.extend(branch.initializer)
            del graph.node[:]
            graph.node.extend(nodes)
            return True
    return False


def _holds(node: Any, wanted: Collection[str]) -> bool:
    inner = (attribute.g for attribute in node.attribute if attribute.HasField("g"))
    return any(name in wanted for name in node.output) or any(
        _holds(within, wanted) for graph in inner for within in graph.node
    )


def _filled(
    loaded: ModelProto, folder: Path, generator: np.random.Generator, most_bytes: int | None
) -> tuple[str, ...]:
    """Load the arrays that lie beside the file, and put random numbers into those of which there are none; their names.

    Files are shared without their weights, and in those only shapes are to be had. Together they take no more than
    `most_bytes`, or the file is not run.
    """
    from onnx import TensorProto, external_data_helper, helper, numpy_helper

    stated = (attribute.t for node in loaded.graph.node for attribute in node.attribute if attribute.HasField("t"))
    filled, needed = [], 0
    for tensor in (*loaded.graph.initializer, *stated):
        if tensor.data_location == TensorProto.EXTERNAL:
            with contextlib.suppress(OSError, ValueError, ValidationError):
                external_data_helper.load_external_data_for_tensor(tensor, str(folder))
        if math.prod(tensor.dims) and not any(getattr(tensor, field) for field in _HOLDING):
            dtype = helper.tensor_dtype_to_np_dtype(tensor.data_type)
            needed += 8 * math.prod(tensor.dims)
            if most_bytes is not None and needed > most_bytes:
                raise NotRun(f"the file holds no numbers for {tensor.name}, and random ones take {needed:,} bytes")
            size = 0.1 if len(tensor.dims) < 2 else math.prod(tensor.dims[1:]) ** -0.5
            numbers = generator.standard_normal(tuple(tensor.dims)) * size
            numbers = np.abs(numbers) if len(tensor.dims) < 2 else numbers  # a variance may be among them
            tensor.CopyFrom(numpy_helper.from_array(numbers.astype(dtype), tensor.name))
            filled.append(tensor.name)
        tensor.data_location = TensorProto.DEFAULT
        del tensor.external_data[:]
    return tuple(filled)


_HOLDING = ("raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data", "string_data")
"""The fields of a tensor that may hold its numbers."""


def _rounding(graph: Any) -> Callable[[str, Collection[str]], bool]:
    """Of a tensor of a graph, whether numbers are rounded between it and the nearest tensors of a set of others."""
    makers = {name: node for node in graph.node for name in node.output}
    any_rounds = any(map(_rounds, graph.node))

    def rounds(tensor: str, others: Collection[str]) -> bool:
        left, visited = [tensor] if any_rounds else [], {tensor}
        while left:
            node = makers.get(left.pop())
            if node is None:
                continue
            if _rounds(node) and any(name in of_data for name in node.input):
                return True
            further = {name for name in node.input if name not in others} - visited
            visited |= further
            left += further
        return False

    of_data = {value.name for value in graph.input} - {initialiser.name for initialiser in graph.initializer}
    for node in graph.node:
        has_graph = any(attribute.HasField("g") for attribute in node.attribute)
        if node.op_type not in ("Shape", "Size") and (has_graph or any(name in of_data for name in node.input)):
            of_data.update(node.output)
    return rounds


_FLOATING = (1, 10, 11, 16)
"""ONNX's numbers for float, float16, double and bfloat16."""


def _rounds(node: Any) -> bool:
    """Whether a node, or one of a graph within it, makes other numbers of what enters than a layer says."""
    named = "quant" in node.op_type.lower() or node.op_type.startswith(("QLinear", "QGemm", "QAttention"))
    named |= node.op_type == "Cast" and any(into.name == "to" and into.i not in _FLOATING for into in node.attribute)
    inner = (attribute.g for attribute in node.attribute if attribute.HasField("g"))
    return named or node.op_type.endswith("Integer") or any(_rounds(within) for graph in inner for within in graph.node)


def _drawn(generator: np.random.Generator, value: Any, shape: Shape | None) -> Array:
    """Numbers for an input: 0 or 1 where they are whole, as they may be places of something."""
    sizes = shape if shape is not None else tuple(size if isinstance(size, int) else 1 for size in value.shape)
    sizes = () if not value.shape and sizes == (1,) else sizes
    dtype = np.dtype(_dtype(value))
    if dtype.kind == "f":
        return generator.standard_normal(sizes).astype(dtype)
    return generator.integers(0, 2, sizes).astype(dtype)


def _dtype(value: Any) -> str | None:
    """The element type of an input; None for text, a sequence and other things of which there are no random ones."""
    return _DTYPES.get(value.type.removeprefix("tensor(").removesuffix(")"))


_DTYPES = {"float": "float32", "float16": "float16", "double": "float64", "bool": "bool"} | {
    f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}
"""Element types by ONNX Runtime's names."""
