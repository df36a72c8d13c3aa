"""The inputs of a model: their sizes, and whether what enters is a map, which has channels first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Any

from convcalc import steps
from convcalc.imports import Sizes
from convcalc.imports.arrays import checked
from convcalc.imports.errors import CannotImport, plain
from convcalc.imports.keras.configs import open_shape
from convcalc.imports.keras.graphs import MODELS, KerasLayer, PlacedCall, layer_of, written_layers
from convcalc.imports.keras.nodes import OpenShape
from convcalc.layers import Shape

_STATED = ("batch_input_shape", "batch_shape")

_USUAL_SIDE, _USUAL_LENGTH = 224, 128

_MOST_LOOKED_AT = 2000

_WITH_POSITIONS = ("Conv", "SeparableConv", "DepthwiseConv", "Deconv", "Max", "Average", "Global", "ZeroPadding",
                   "Cropping", "UpSampling", "Adaptive", "Resizing", "CenterCrop", "SpatialDropout", "LocallyConnected",
                   "Random")  # fmt: skip
"""How the names of classes begin that work on maps."""

_IN_ORDER = {"LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional", "CuDNNLSTM", "CuDNNGRU", "Dense", "Embedding",
             "Permute", "RepeatVector", "Attention", "MultiHeadAttention", "AdditiveAttention", "GroupQueryAttention",
             "Reshape", "EinsumDense", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}  # fmt: skip
"""Classes that take the axes as the file has them."""


def stated_shape(config: Mapping[str, Any]) -> OpenShape:
    """The shape that a layer says enters it."""
    for name in _STATED:
        shape = open_shape(config.get(name))
        if shape is not None:
            return shape
    shape = config.get("input_shape")
    if isinstance(shape, list) and shape:
        return open_shape([None, *shape])
    return None


def entry(layer: KerasLayer, depth: int = 0) -> tuple[str, OpenShape]:
    """What the input of a model that is one row of layers is called, and its shape as far as it is said anywhere."""
    if layer.class_name not in MODELS or depth > 40:
        shape = stated_shape(layer.config)
        dim = layer.config.get("input_dim") if layer.class_name in ("Dense", "LSTM", "GRU") else None
        if shape is None and isinstance(dim, int):
            shape = (dim,) if layer.class_name == "Dense" else (layer.config.get("input_length"), dim)
        if shape is None and layer.class_name == "Embedding":
            length = layer.config.get("input_length")
            shape = (length if isinstance(length, int) else None,)
        if shape is None and layer.class_name in ("TimeDistributed", "Bidirectional"):
            shape = entry(layer_of(layer.config.get("layer"), layer.path), depth + 1)[1]
            shape = (None, *shape) if shape is not None and layer.class_name == "TimeDistributed" else shape
        return f"{layer.path[-1]}_input", shape or layer.built
    first = layer_of(written_layers(layer)[0], layer.path)
    if first.class_name == "InputLayer":
        return first.path[-1], stated_shape(first.config)
    name, shape = entry(first, depth + 1)
    return name, shape or open_shape(layer.config.get("build_input_shape")) or layer.built


def wants_map(step: PlacedCall, rank: int) -> bool:
    """Whether what leaves a call is read as a map with channels last, by the first readers that say so.

    Of two axes it is one only where somebody does.
    """
    seen, waiting = {id(step)}, [step]
    for current in waiting:
        steps.spend(1 + len(current.readers))
        for reader in current.readers:
            if id(reader) in seen or len(waiting) > _MOST_LOOKED_AT:
                continue
            seen.add(id(reader))
            name = reader.layer.class_name
            if name.startswith(_WITH_POSITIONS) and name not in _IN_ORDER:
                return reader.layer.config.get("data_format", reader.layer.config.get("dim_ordering")) not in (
                    "channels_first", "channelsFirst", "th",
                )  # fmt: skip
            if name in _IN_ORDER:
                return False
            waiting.append(reader)
    return rank > 2


def shapes_of(inputs: Sequence[tuple[str, OpenShape, bool]], sizes: Sizes) -> list[Shape]:
    """The shape of each input as we have it; of a map channels come first, here and where sizes are asked for.

    Raises:
        CannotImport: sizes are open, or given to an input that is not there.
    """
    names = [name for name, _, _ in inputs]
    if "" in sizes and len(inputs) == 1:
        sizes = {names[0]: sizes[""]}
    unknown = set(sizes) - set(names)
    if unknown:
        there = ", ".join(f"{plain(name)} {_text(ours(shape, is_map))}" for name, shape, is_map in inputs)
        stated = ", ".join(sorted(plain(name) for name in unknown - {""})) or "no input"
        raise CannotImport(f"--input names {stated}; the model's are {there}")
    shapes: list[Shape] = []
    missing = []
    for name, shape, is_map in inputs:
        known = ours(shape, is_map)
        given = sizes.get(name)
        if given is not None:
            shapes.append(checked(_given(name, given, known, is_map), f"input {plain(name)}"))
        elif known is None or None in known:
            missing.append((name, known, is_map))
        else:
            shapes.append(checked([size for size in known if size is not None], f"input {plain(name)}"))
    if missing:
        raise CannotImport(_open(missing))
    return shapes


def ours(shape: OpenShape, is_map: bool) -> OpenShape:
    """A shape with channels first, if it is that of a map."""
    return (shape[-1], *shape[:-1]) if shape and is_map else shape


def _given(name: str, given: Sequence[int], known: OpenShape, is_map: bool) -> Shape:
    if known is None:
        return tuple(given)
    if len(given) == len(known) + 1 and given[0] == 1:
        given = given[1:]
    if len(given) != len(known):
        text = f"input {plain(name)} has {len(known)} axes without the batch, {_text(known)}"
        raise CannotImport(f"{text}, and --input gives {len(given)}")
    is_last = is_map and known[0] is not None and given[0] != known[0] and given[-1] == known[0]
    if is_last:
        turned = "x".join(str(size) for size in (given[-1], *given[:-1]))
        raise CannotImport(f"input {plain(name)}: channels come first here, --input {turned}")
    return tuple(given)


def _text(shape: OpenShape) -> str:
    if shape is None:
        return "of unknown shape"
    return f"[{', '.join('?' if size is None else str(size) for size in shape)}]"


def _open(inputs: Sequence[tuple[str, OpenShape, bool]]) -> str:
    """What is missing, and options that give it, which can be used as they are."""
    listed = ", ".join(f"input {plain(name)} {_text(shape)}" for name, shape, _ in inputs)
    options = []
    for name, shape, is_map in inputs:
        usual = _USUAL_SIDE if shape is None or (is_map and len(shape) > 2) else _USUAL_LENGTH
        sizes = [3, usual, usual] if shape is None else [usual if size is None else size for size in shape]
        if is_map and shape is not None and shape[0] is None:
            sizes[0] = 3
        options.append(f"--input {quote(f'{plain(name)}=' + 'x'.join(map(str, sizes)))}")
    their = "its" if len(inputs) == 1 else "their"
    return f"axes of no fixed size: {listed}: give {their} sizes, channels first, as in {' '.join(options)}"
