"""A graph as PyTorch writes it in JSON: operators, their arguments by name, and the sizes of every tensor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from convcalc import steps
from convcalc.imports.errors import CannotImport, plain
from convcalc.imports.spelling import CodePlace
from convcalc.imports.torch_export.places import place_of

Dimension = int | str
"""A size, or the expression of one that is open."""


class TensorName(msgspec.Struct, frozen=True):
    """What was made by an operator or stands in the signature, referred to by an argument."""

    name: str


class NumberName(msgspec.Struct, frozen=True):
    """A number that is worked out while the network runs, by its name in the graph."""

    name: str


Argument = Any
"""A number, text, list or None as in Python, or a reference; a list may hold references."""


class TensorMeta(msgspec.Struct, frozen=True):
    """What is written of a tensor: its sizes, and the number of its element type."""

    dims: tuple[Dimension, ...]
    dtype: int = 7


class TorchOperation(msgspec.Struct, frozen=True):
    """An operator: the name of its overload, its arguments, and the names of what leaves it, None where nothing does.

    `path` are the modules of the program that it was called in, `place` is what is known of how.
    """

    name: str
    target: str
    arguments: dict[str, Argument]
    outputs: tuple[str | None, ...]
    path: tuple[str, ...] = ()
    place: CodePlace | None = None


class TorchGraph(msgspec.Struct, frozen=True):
    """A network: what it does in order, with its arrays under the names that the program has for them.

    `learned` says of each array by its name whether it is a parameter; `arrays` are these names by those of the graph.
    `buffers` are the names of those that a module keeps beside them; what is neither was a number in the program.
    """

    inputs: list[str]
    outputs: list[str]
    operations: list[TorchOperation]
    tensors: dict[str, TensorMeta]
    arrays: dict[str, str] = {}
    learned: dict[str, bool] = {}
    producer: str = ""
    buffers: frozenset[str] = frozenset()


def graph_of(document: Any) -> TorchGraph:
    """The graph in a document that was read.

    Raises:
        CannotImport: it is none.
    """
    try:
        return _graph(document)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise CannotImport(f"not a graph as PyTorch writes them: {plain(f'{type(error).__name__} {error}')}") from None


def _graph(document: Any) -> TorchGraph:
    module = document["graph_module"]
    graph, signature = module["graph"], module["signature"]
    arrays, learned, buffers = {}, {}, set()
    inputs = []
    for spec in signature["input_specs"]:
        ((kind, what),) = spec.items()
        name = _argument_name(what["arg"]) if "arg" in what else ""
        own = next((what[key] for key in _NAMES if isinstance(what.get(key), str)), None)
        if kind == "user_input":
            inputs += [reference.name for reference in _tensors(_argument(what["arg"]))]
        elif own is not None:
            arrays[name] = own
            learned[own] = kind == "parameter"
            if kind == "buffer":
                buffers.add(own)
    outputs = []
    for spec in signature["output_specs"]:
        ((kind, what),) = spec.items()
        if kind == "user_output":
            outputs += [reference.name for reference in _tensors(_argument(what["arg"]))]
    tensors = {name: _meta(meta) for name, meta in graph["tensor_values"].items()}
    operations = [_operation(node, number) for number, node in enumerate(graph["nodes"])]
    version = document.get("torch_version", "")
    producer = f"PyTorch {plain(version)}" if isinstance(version, str) and version else "PyTorch"
    leaving = list(dict.fromkeys(outputs))
    return TorchGraph(inputs, leaving, operations, tensors, arrays, learned, producer, frozenset(buffers))


_NAMES = ("parameter_name", "buffer_name", "tensor_constant_name")


def _meta(meta: Mapping[str, Any]) -> TensorMeta:
    steps.spend(2)
    return TensorMeta(tuple(_dimension(size) for size in meta["sizes"]), int(meta["dtype"]))


def _dimension(size: Mapping[str, Any]) -> Dimension:
    if isinstance(size.get("as_int"), int):
        return int(size["as_int"])
    expression = size["as_expr"]
    return str(expression["expr_str"])


def _operation(node: Mapping[str, Any], number: int) -> TorchOperation:
    steps.spend(5 + 2 * len(node["inputs"]))
    target = str(node["target"])
    arguments = {}
    for place, argument in enumerate(node["inputs"]):
        arguments[str(argument.get("name") or place)] = _argument(argument["arg"])
    outputs = [name for output in node["outputs"] for name in _output_names(output)]
    name = str(node.get("name") or next((output for output in outputs if output), "") or f"node {number}")
    metadata = node.get("metadata") or {}
    return TorchOperation(name, target, arguments, tuple(outputs), _path(metadata), place_of(metadata, target))


def _path(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """The modules of the program, from the outside in; empty where none is written."""
    stack = metadata.get("nn_module_stack")
    if not isinstance(stack, str) or not stack:
        return ()
    steps.spend(len(stack) // 32)
    parts = stack.rpartition(";")[2].split(",")
    path = parts[1] if len(parts) > 1 else ""
    return tuple(part for part in path.split(".") if part and "@" not in part)


def _output_names(output: Mapping[str, Any]) -> Iterator[str | None]:
    """The names of what an operator makes, in order; None for what is no tensor and no number."""
    ((kind, value),) = output.items()
    if kind == "as_tensor":
        yield str(value["name"])
    elif kind == "as_tensors":
        yield from (str(item["name"]) for item in value)
    elif kind == "as_optional_tensors":
        for item in value:
            yield from _output_names(item)
    elif kind in ("as_sym_int", "as_sym_float", "as_sym_bool"):
        yield str(value["as_name"]) if "as_name" in value else None
    else:
        yield None


def _argument_name(argument: Mapping[str, Any]) -> str:
    reference = argument if "name" in argument else next(iter(argument.values()))
    return str(reference["name"])


def _tensors(argument: Argument) -> list[TensorName]:
    """Those that it is, or that are in it if it is a list."""
    items = argument if isinstance(argument, list) else [argument]
    return [item for item in items if isinstance(item, TensorName)]


_PLAIN = {
    "as_int", "as_ints", "as_float", "as_floats", "as_string", "as_strings", "as_bool", "as_bools", "as_scalar_type",
    "as_memory_format", "as_layout", "as_operator", "as_int_lists",
}  # fmt: skip


def _argument(argument: Mapping[str, Any]) -> Argument:
    ((kind, value),) = argument.items()
    steps.spend(1 + (len(value) if isinstance(value, list) else 0))
    if kind in _PLAIN:
        return value
    if kind == "as_tensor":
        return TensorName(str(value["name"]))
    if kind == "as_tensors":
        return [TensorName(str(item["name"])) for item in value]
    if kind in ("as_sym_int", "as_sym_float", "as_sym_bool"):
        return _number(value)
    if kind in ("as_sym_ints", "as_sym_floats", "as_sym_bools"):
        return [_number(item) for item in value]
    if kind == "as_optional_tensor":
        return _argument(value)
    if kind == "as_optional_tensors":
        return [_argument(item) for item in value]
    return None  # nothing, or what no operator here is asked of: a device, a graph


def _number(value: Mapping[str, Any]) -> Argument:
    if "as_name" in value:
        return NumberName(str(value["as_name"]))
    ((_, number),) = value.items()
    return number
