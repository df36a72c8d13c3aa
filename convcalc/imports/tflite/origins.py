"""Where layers come from in the file, and what they are called there.

A converter names a tensor after the operators of TensorFlow's graph that were made one, with semicolons between:
`net/relu/Relu;net/bn/FusedBatchNormV3;net/conv/Conv2D` is a convolution with its norm and its activation. A layer is
called after the operator that it is. Modules of PyTorch stand there with their class: `torch.nn.Conv2d_conv1`.
"""

from __future__ import annotations

import re
from functools import cache

import msgspec

from convcalc.imports.errors import plain

_MOST_PARTS = 64

_WORDS = {
    "CONV_2D": {"conv", "convolution", "biasadd"},
    "CONV_3D": {"conv", "convolution", "biasadd"},
    "DEPTHWISE_CONV_2D": {"depthwise", "depthwiseconv2dnative", "conv", "biasadd"},
    "TRANSPOSE_CONV": {"conv_transpose", "biasadd"},
    "FULLY_CONNECTED": {"matmul", "tensordot", "biasadd"},
    "activation": {"relu", "tanh", "relu_n1_to_1", "clip", "minimum", "maximum", "sign"},
}
"""What an operator of TensorFlow is called that an operator of ours stands for, without numbers at its end."""

_FOLDED = {"fusedbatchnorm", "fusedbatchnormv", "batchnorm"}
"""What a batch norm is called."""


class LiteOrigin(msgspec.Struct, frozen=True):
    """An operator by its place in its subgraph, its type, and the path by which its layer is called."""

    title: str
    operator: str
    path: tuple[str, ...] = ()

    def modules(self) -> list[str]:
        """The modules that it was called in, itself the last; empty where the file says nothing."""
        return list(self.path)


def path_of(names: str, operator: str) -> tuple[str, ...]:
    """The path in the names of a tensor by which a layer of this type is called; empty where there is none."""
    parts = [part for part in names.split(";")[:_MOST_PARTS] if part]
    words = _WORDS.get(operator, set())
    fitting = [part for part in parts if _word(part) in words]
    others = [part for part in parts if operator == "activation" or _word(part) not in _FOLDED | _WORDS["activation"]]
    for part in (*fitting, *([] if operator == "activation" else (*others, *parts))):
        path = _path(part)
        if path:
            return path
    return ()


def is_norm(names: str) -> bool:
    """Whether a batch norm is among the operators that a tensor is named after."""
    return any(_word(part) in _FOLDED for part in names.split(";")[:_MOST_PARTS])


_WORKED_OUT = {
    "sqrt",
    "rsqrt",
    "exp",
    "log",
    "square",
    "pow",
    "range",
    "linspace",
    "sin",
    "cos",
    "reciprocal",
    "window",
}
"""What an operator is called that makes numbers of numbers, none of which training would have found."""


def is_worked_out(names: str) -> bool:
    """Whether a constant is named after an operator that worked it out."""
    return _word(names.split(";", 1)[0]) in _WORKED_OUT


def _word(part: str) -> str:
    """The last word of a path in small letters, without the numbers that tell it from others."""
    last = part.rstrip("/").rsplit("/", 1)[-1].lower()
    return re.sub(r"(_?[1-3]d|_\d+|\d+|:\d+)+$", "", last)


@cache
def _class() -> re.Pattern[str]:
    """A module of PyTorch by its class, with its own name behind that, or without as the outermost has it."""
    return re.compile(r"(?:\w+\.)+[A-Z]\w*?(?:_(\w+?))?(?::\d+)?", re.ASCII)


_NOTHING = re.compile(r"(Stateful)?PartitionedCall(_\d+)?(:\d+)?|Identity(_\w+)?(:\d+)?|(arith|tfl)\.\w+|main|\d*")


def _path(part: str) -> tuple[str, ...]:
    """The modules of one part, without what says only which operator it is."""
    segments = part.split("/")
    modules = [_class().fullmatch(segment) for segment in segments]
    if any(modules):
        words = [(module[1] or "") if module else segment for module, segment in zip(modules, segments, strict=True)]
        return tuple(word for word in words if word and not _NOTHING.fullmatch(word))
    path = [segment for segment in segments if not _NOTHING.fullmatch(segment)]
    if len(path) > 1 and _is_operator(path[-1]):
        path.pop()
    while len(path) > 1 and path[-1] in ("batchnorm", "moments"):  # parts of a norm
        path.pop()
    return tuple(map(plain, path))


def _is_operator(word: str) -> bool:
    """Whether a word is the name of an operator within its layer, as `Conv2D` in `block/conv/Conv2D`."""
    return bool(re.match(r"[A-Z]", word)) or _word(word) in _SMALL


_SMALL = {
    "add", "mul", "sub", "div", "truediv", "concat", "concatenation", "strided_slice", "split", "depthwise", "conv",
    "separable_conv", "conv_transpose", "convolution", "matmul", "relu", "sigmoid", "stack", "unstack", "transpose",
    "pad", "pow", "clip_by_value", "dropout",
}  # fmt: skip
"""Operators of TensorFlow that are written in small letters."""
