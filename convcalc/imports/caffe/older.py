"""Layers as older versions of Caffe wrote them, brought up to the newest, as Caffe does when it opens a file.

`layers { type: CONVOLUTION }` (version 1) has words of its own for the types and names for shared arrays in `param`;
`layers { layer { type: "conv" } }` (version 0) has all numbers of a layer beside its name.
"""

from __future__ import annotations

from convcalc.imports.caffe.text import FieldValue, TextMessage
from convcalc.imports.errors import CannotImport, plain

_V1 = {
    "ABSVAL": "AbsVal", "ACCURACY": "Accuracy", "ARGMAX": "ArgMax", "BNLL": "BNLL", "CONCAT": "Concat",
    "CONTRASTIVE_LOSS": "ContrastiveLoss", "CONVOLUTION": "Convolution", "DECONVOLUTION": "Deconvolution",
    "DATA": "Data", "DROPOUT": "Dropout", "DUMMY_DATA": "DummyData", "EUCLIDEAN_LOSS": "EuclideanLoss",
    "ELTWISE": "Eltwise", "EXP": "Exp", "FLATTEN": "Flatten", "HDF5_DATA": "HDF5Data", "HDF5_OUTPUT": "HDF5Output",
    "HINGE_LOSS": "HingeLoss", "IM2COL": "Im2col", "IMAGE_DATA": "ImageData", "INFOGAIN_LOSS": "InfogainLoss",
    "INNER_PRODUCT": "InnerProduct", "LRN": "LRN", "MEMORY_DATA": "MemoryData",
    "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss", "MVN": "MVN", "POOLING": "Pooling", "POWER": "Power",
    "RELU": "ReLU", "SIGMOID": "Sigmoid", "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss",
    "SILENCE": "Silence", "SOFTMAX": "Softmax", "SOFTMAX_LOSS": "SoftmaxWithLoss", "SPLIT": "Split", "SLICE": "Slice",
    "TANH": "TanH", "WINDOW_DATA": "WindowData", "THRESHOLD": "Threshold",
}  # fmt: skip
"""What version 1 calls the types."""

_V1_NUMBERS = {
    35: "ABSVAL", 1: "ACCURACY", 30: "ARGMAX", 2: "BNLL", 3: "CONCAT", 37: "CONTRASTIVE_LOSS", 4: "CONVOLUTION",
    5: "DATA", 39: "DECONVOLUTION", 6: "DROPOUT", 32: "DUMMY_DATA", 7: "EUCLIDEAN_LOSS", 25: "ELTWISE", 38: "EXP",
    8: "FLATTEN", 9: "HDF5_DATA", 10: "HDF5_OUTPUT", 28: "HINGE_LOSS", 11: "IM2COL", 12: "IMAGE_DATA",
    13: "INFOGAIN_LOSS", 14: "INNER_PRODUCT", 15: "LRN", 29: "MEMORY_DATA", 16: "MULTINOMIAL_LOGISTIC_LOSS",
    34: "MVN", 17: "POOLING", 26: "POWER", 18: "RELU", 19: "SIGMOID", 27: "SIGMOID_CROSS_ENTROPY_LOSS", 36: "SILENCE",
    20: "SOFTMAX", 21: "SOFTMAX_LOSS", 22: "SPLIT", 33: "SLICE", 23: "TANH", 24: "WINDOW_DATA", 31: "THRESHOLD",
}  # fmt: skip

_V0 = {
    "accuracy": "Accuracy", "bnll": "BNLL", "concat": "Concat", "conv": "Convolution", "data": "Data",
    "dropout": "Dropout", "euclidean_loss": "EuclideanLoss", "flatten": "Flatten", "hdf5_data": "HDF5Data",
    "hdf5_output": "HDF5Output", "im2col": "Im2col", "images": "ImageData", "infogain_loss": "InfogainLoss",
    "innerproduct": "InnerProduct", "lrn": "LRN", "multinomial_loss": "MultinomialLogisticLoss", "pool": "Pooling",
    "relu": "ReLU", "sigmoid": "Sigmoid", "softmax": "Softmax", "softmax_loss": "SoftmaxWithLoss", "split": "Split",
    "tanh": "TanH", "window_data": "WindowData",
}  # fmt: skip
"""What version 0 calls the types."""

_MOVED = {
    "Convolution": ("convolution_param", "num_output", "biasterm", "pad", "kernelsize", "group", "stride"),
    "InnerProduct": ("inner_product_param", "num_output", "biasterm"),
    "Pooling": ("pooling_param", "pool", "pad", "kernelsize", "stride"),
    "LRN": ("lrn_param", "local_size", "alpha", "beta", "k"),
    "Dropout": ("dropout_param", "dropout_ratio"),
    "Concat": ("concat_param", "concat_dim"),
    "Data": ("transform_param", "cropsize"),
    "ImageData": ("image_data_param", "new_height", "new_width"),
}
"""The message that holds what a type's layer of version 0 has beside its name, and what of it."""

_RENAMED = {"biasterm": "bias_term", "kernelsize": "kernel_size", "cropsize": "crop_size"}


def brought_up(net: TextMessage) -> list[TextMessage]:
    """All layers of a network, as the newest version writes them."""
    if net.has("layer") and net.has("layers"):
        raise CannotImport("the file has both `layer` and `layers`, which are those of two versions of Caffe")
    if not net.has("layers"):
        return net.messages("layer")
    older = net.messages("layers")
    if any(layer.has("layer") for layer in older):
        return _without_padding([_from_v0(layer) for layer in older])
    return [_from_v1(layer) for layer in older]


def _from_v1(layer: TextMessage) -> TextMessage:
    fields = dict(layer.fields)
    type_ = layer.text("type")
    if type_.isdecimal() and len(type_) < 3:
        type_ = _V1_NUMBERS.get(int(type_), type_)
    fields["type"] = [FieldValue(_V1.get(type_, type_), layer.line, is_quoted=True)]
    if names := fields.pop("param", None):
        fields["param"] = [_name_of(value, layer.line) for value in names]
    return TextMessage(layer.line, fields)


def _name_of(value: FieldValue | TextMessage, line: int) -> TextMessage:
    """An array's name, which alone is what `param` holds in version 1."""
    return value if isinstance(value, TextMessage) else TextMessage(line, {"name": [value]})


def _from_v0(connection: TextMessage) -> TextMessage:
    layer = connection.message("layer")
    word = layer.text("type")
    type_ = _V0.get(word, word)
    fields: dict[str, list[FieldValue | TextMessage]] = {
        name: connection.fields[name] for name in ("bottom", "top") if connection.has(name)
    }
    fields |= {name: layer.fields[name] for name in ("name", "pad") if layer.has(name)}
    fields["type"] = [FieldValue(type_, layer.line, is_quoted=True)]
    if type_ in _MOVED:
        message, *names = _MOVED[type_]
        moved = {_RENAMED.get(name, name): layer.fields[name] for name in names if layer.has(name)}
        fields[message] = [TextMessage(layer.line, moved)]
        fields.pop("pad", None)
    return TextMessage(connection.line, fields)


def _without_padding(layers: list[TextMessage]) -> list[TextMessage]:
    """The layers without those that only pad for the convolution behind them, which then pads itself."""
    pads: dict[str, tuple[str, list[FieldValue | TextMessage]]] = {}
    kept = []
    for layer in layers:
        if layer.text("type") == "padding":
            pads[layer.text("top")] = layer.text("bottom"), layer.fields.get("pad", [])
            continue
        bottoms = layer.texts("bottom")
        padded = [name for name in bottoms if name in pads]
        if padded:
            if layer.text("type") != "Convolution":
                name, type_ = plain(layer.text("name")), plain(layer.text("type"))
                raise CannotImport(f"line {layer.line}: {name} ({type_}) reads padding, which a convolution alone does")
            layer.fields["bottom"] = [
                FieldValue(pads[name][0] if name in pads else name, layer.line) for name in bottoms
            ]
            layer.message("convolution_param").fields["pad"] = pads[padded[0]][1]
        kept.append(layer)
    return kept
