"""Sections with weights: convolutions in their forms, fully connected layers, norms."""

from __future__ import annotations

from convcalc.arithmetic.precision import FLOAT32, integer
from convcalc.imports.darknet.activations import activated
from convcalc.imports.darknet.geometry import blurred, margins, short
from convcalc.imports.darknet.tensors import CfgLayer, CfgTensor, Fields, of_map
from convcalc.imports.drafts import Draft
from convcalc.imports.errors import CannotImport
from convcalc.layers import Shape

_ALONE = -1_000_000_000
"""A share_index that names no layer: AlexeyAB's default."""


def convolutional(layer: CfgLayer) -> CfgTensor:
    """Convolution, norm, activation; with `antialiasing` at stride 1, and a blur that has the stride."""
    section, x = layer.section, layer.image()
    size, out = section.integer("size", 1, 1), section.integer("filters", 1, 1)
    stride = _strides(layer)
    blur = section.integer("antialiasing", 0)
    moved = (1, 1) if blur else stride
    groups = 1 if section.integer("xnor", 0) else max(section.integer("groups", 1), 1)
    padding = size // 2 if section.integer("pad", 0) else section.integer("padding", 0, 0)
    dilation = section.integer("dilation", 1, 1) if size > 1 else 1
    if 2 * padding != size - 1 and dilation > 1:  # Darknet's size is that of a convolution without a dilation
        place = [(n + 2 * padding - size) // s + 1 for n, s in zip(x.shape[1:], moved, strict=True)]
        reason = "dilation with a padding that is not half of size: Darknet's size and its windows do not agree"
        return layer.unknown((out, *place), reason)
    fields: Fields = {
        "out_channels": out,
        "kernel_size": size,
        "stride": short(moved),
        "padding": padding * dilation,
        "dilation": dilation,
        "groups": groups,
    }
    weight = (out, x.shape[0] // groups, size, size)
    x = _filtered(layer, "conv", fields, x, weight, _owner(layer, weight))
    return of_map(blurred(layer, activated(layer, x), blur, stride) if blur else activated(layer, x))


def deconvolutional(layer: CfgLayer) -> CfgTensor:
    """Transposed convolution, norm, activation."""
    section, x = layer.section, layer.image()
    size, out = section.integer("size", 1, 1), section.integer("filters", 1, 1)
    fields: Fields = {
        "out_channels": out,
        "kernel_size": size,
        "stride": section.integer("stride", 1, 1),
        "padding": size // 2 if section.integer("pad", 0) else section.integer("padding", 0, 0),
    }
    x = _filtered(layer, "conv_transpose", fields, x, (x.shape[0], out, size, size), layer.title)
    return of_map(activated(layer, x))


def _strides(layer: CfgLayer) -> tuple[int, int]:
    """The stride down and across: AlexeyAB has one for each, which counts from 1."""
    section = layer.section
    both = section.integer("stride", 1, 1)
    down, across = section.integer("stride_y", -1), section.integer("stride_x", -1)
    return (down if down >= 1 else both, across if across >= 1 else both)


def _owner(layer: CfgLayer, weight: Shape) -> str:
    """The name of the layer whose weights a convolution uses, its own where it shares none."""
    index = layer.section.integer("share_index", _ALONE)
    owner, shape = str(layer.index), weight
    if index != _ALONE:
        layer.at(index, "share_index")
        number = index if index >= 0 else layer.index + index
        owner, shape = layer.convolutions.get(number, ("", ()))
        if shape != weight:
            what = f"has filters {list(shape)}, not {list(weight)}" if shape else "is no convolution"
            raise CannotImport(f"{layer.section.place('share_index')}, layer {layer.index}: layer {number} {what}")
    layer.convolutions[layer.index] = (owner, shape)
    return owner


def _filtered(layer: CfgLayer, kind: str, fields: Fields, x: Draft, weight: Shape, of: str) -> Draft:
    """A layer with filters, and its norm, which has the bias."""
    out = fields["out_channels"]
    is_binary = bool(layer.section.integer("xnor", 0) or layer.section.integer("binary", 0))
    layer.builder.formats.array(f"{layer.section.type}{of}.weight", integer(1) if is_binary else FLOAT32)
    is_normed = layer.section.integer("batch_normalize", 0) or layer.section.integer("cbn", 0)
    arrays = {"weight": weight} if is_normed else {"weight": weight, "bias": (out,)}
    y = layer.draft(kind, {**fields, "bias": not is_normed}, [x], arrays, f"{layer.section.type}{of}")
    return _normed(layer, y, of) if is_normed else y


def _normed(layer: CfgLayer, x: Draft, of: str) -> Draft:
    size = (x.shape[0],)
    names = ("weight", "bias", "running_mean", "running_var")
    return layer.draft("batch_norm", {}, [x], dict.fromkeys(names, size), f"batch_norm{of}")


def connected(layer: CfgLayer) -> CfgTensor:
    """A linear layer on all numbers, norm, activation."""
    x, out = layer.flat(), layer.section.integer("output", 1, 1)
    is_normed = layer.section.integer("batch_normalize", 0)
    if is_normed and layer.in_steps:
        return layer.unknown(None, "a norm of features that come in steps")
    arrays = {"weight": (out, x.shape[-1]), "bias": (out,)}
    if is_normed:
        del arrays["bias"]
    y = layer.draft("linear", {"out_features": out, "bias": not is_normed}, [x], arrays)
    y = activated(layer, _normed(layer, y, layer.title) if is_normed else y)
    return CfgTensor(y, None if layer.in_steps else (out, 1, 1))


def local(layer: CfgLayer) -> CfgTensor:
    """A convolution with filters of its own for every position: windows as columns, each times its own matrix."""
    section, x = layer.section, layer.image()
    size, out = section.integer("size", 1, 1), section.integer("filters", 1, 1)
    stride = section.integer("stride", 1, 1)
    padding = size - 1 if section.integer("pad", 0) else 0
    after = [padding - padding // 2 for _ in x.shape[1:]]
    places = tuple((n + padding - size) // stride + 1 for n in x.shape[1:])
    if min(places) < 1:
        raise CannotImport(f"{layer.place}: no window of {size} fits in {list(x.shape)}")
    fields = {"kernel_size": size, "stride": stride, "padding": margins([padding // 2] * 2, after)}
    columns = layer.draft("unfold", fields, [x])
    taps, count = columns.shape
    columns = layer.draft("permute", {"axes": (1, 0)}, [columns])
    columns = layer.builder.reshaped(columns, (count, taps, 1), (layer,))
    shape: Shape = (count, out, taps)
    entering = layer.builder.entering()
    weight = layer.draft("parameter", {"sizes": shape}, entering, {"weight": shape}, f"weight{layer.index}")
    y = layer.draft("matmul", {}, [weight, columns])
    y = layer.draft("permute", {"axes": (1, 0)}, [layer.builder.reshaped(y, (count, out), (layer,))])
    y = layer.builder.reshaped(y, (out, *places), (layer,))
    shape = (out, *places)
    bias = layer.draft("parameter", {"sizes": shape}, entering, {"weight": shape}, f"bias{layer.index}")
    return of_map(activated(layer, layer.draft("add", {}, [y, bias])))


def batchnorm(layer: CfgLayer) -> CfgTensor:
    """A norm alone."""
    return of_map(_normed(layer, layer.image(), layer.title))


def normalization(layer: CfgLayer) -> CfgTensor:
    """Local response normalisation; its factor is of the sum of squares, where ours is of their mean."""
    section = layer.section
    size = section.integer("size", 5, 1)
    fields = {
        "size": size,
        "alpha": section.decimal("alpha", 0.0001) * size,
        "beta": section.decimal("beta", 0.75),
        "k": section.decimal("kappa", 1.0),
    }
    return of_map(layer.draft("local_response_norm", fields, [layer.image()]))


def implicit(layer: CfgLayer) -> CfgTensor:
    """Learned numbers that nothing enters."""
    shape = (layer.section.integer("filters", 128, 1), layer.section.integer("atoms", 1, 1), 1)
    return of_map(layer.draft("parameter", {"sizes": shape}, layer.builder.entering(), {"weight": shape}))


def lstm(layer: CfgLayer) -> CfgTensor:
    """As everybody's, with two biases a gate."""
    return _recurrent(layer, "lstm", 4, {})


def gru(layer: CfgLayer) -> CfgTensor:
    """With the state reset before its product, and unless `tanh` is set a sigmoid where others have a tanh."""
    fields: Fields = {"reset_after": False}
    if not layer.section.integer("tanh", 0):
        fields["activation"] = "sigmoid"
    return _recurrent(layer, "gru", 3, fields)


def _recurrent(layer: CfgLayer, kind: str, gates: int, fields: Fields) -> CfgTensor:
    """A sequence of steps, each with two biases for a gate; norms within a step are in no kind."""
    section, x = layer.section, layer.current.draft
    if not layer.in_steps:
        raise CannotImport(f"{layer.place}: a recurrent layer that a map enters at each step, which no layer kind has")
    if section.integer("batch_normalize", 0):
        raise CannotImport(f"{layer.place}: a recurrent layer with norms within each step, which no layer kind has")
    hidden = section.integer("output", 1, 1)
    rows = gates * hidden
    arrays = {
        "weight": (rows, x.shape[-1]),
        "recurrent_weight": (rows, hidden),
        "bias": (rows,),
        "recurrent_bias": (rows,),
    }
    return CfgTensor(layer.draft(kind, {"hidden_size": hidden, **fields}, [x], arrays), None)


def unsayable(layer: CfgLayer) -> CfgTensor:
    """A recurrent layer of Darknet's own making."""
    reasons = {
        "rnn": "its state is the sum of two activated products, which a third one reads",
        "crnn": "its state is a map, made by convolutions in each step",
        "conv_lstm": "its state is a map, made by convolutions in each step",
        "history": "it keeps the maps of earlier steps",
    }
    word = layer.section.type
    raise CannotImport(f"{layer.place}: a recurrent layer that no layer kind expresses: {reasons[word]}")


SECTIONS = {
    "convolutional": convolutional,
    "conv": convolutional,
    "deconvolutional": deconvolutional,
    "deconv": deconvolutional,
    "connected": connected,
    "conn": connected,
    "local": local,
    "batchnorm": batchnorm,
    "normalization": normalization,
    "lrn": normalization,
    "implicit": implicit,
    "lstm": lstm,
    "gru": gru,
    "rnn": unsayable,
    "crnn": unsayable,
    "conv_lstm": unsayable,
    "history": unsayable,
}
"""What is made of the sections, by type."""
