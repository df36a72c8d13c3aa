"""The shape of a tensor that no kind makes: what the file says of it, what reads it, and what is usual of its operator.

All that is said here holds for the model as it is: shapes with the batch, of one sample where there are several. What
is not sure is an assumption, and the walk says of how many tensors it was made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from math import prod

from convcalc.imports.errors import Inexpressible
from convcalc.imports.onnx import constants
from convcalc.imports.onnx.declarations import Declarations
from convcalc.imports.onnx.nodes import GraphNode
from convcalc.imports.onnx.shape_rules import RULES
from convcalc.imports.onnx.values import Value
from convcalc.layers import Shape

_DEEPEST = 8
"""Operators that are looked at one behind the other."""

KEEPING = {
    "BatchNormalization", "Cast", "Celu", "Clip", "Dropout", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish",
    "Identity", "InstanceNormalization", "LRN", "LayerNormalization", "LeakyRelu", "Log", "LogSoftmax", "Mish", "Neg",
    "Relu", "Selu", "Sigmoid", "Softmax", "Softplus", "Softsign", "Sqrt", "Swish", "Tanh", "ThresholdedRelu",
}  # fmt: skip
"""Operators whose output has the shape of their first input."""

_MEETING = {"Add", "Sub", "Mul", "Div", "Sum", "Mean", "Max", "Min"}
"""Operators that bring tensors together which are mostly of one shape."""


class Evidence:
    """What is known of shapes around a tensor. `value_of` gives the tensors that have been worked out, by name."""

    def __init__(
        self, declared: Declarations, nodes: Sequence[GraphNode], value_of: Callable[[str], Value | None]
    ) -> None:
        self.declared, self.value_of = declared, value_of
        self._readers: defaultdict[str, list[GraphNode]] = defaultdict(list)
        for node in nodes:
            for name in dict.fromkeys(node.inputs):
                self._readers[name].append(node)

    def from_readers(self, name: str, count: int, depth: int = 0) -> Value | None:
        """A tensor by what reads it: an operator that keeps shapes, or one that brings it together with others."""
        for node in self._readers[name] if depth < _DEEPEST else ():
            leaving = node.outputs[0] if node.outputs else ""
            if node.domain:
                continue
            if node.op in KEEPING and node.inputs[0] == name:
                value = self.declared.value(leaving, count) or self.from_readers(leaving, count, depth + 1)
            elif node.op in _MEETING:
                value = self._partner(node, name) or self.declared.value(leaving, count)
            elif node.op == "Conv" and node.inputs[0] == name:
                value = self._into_conv(node, self.declared.value(leaving, count))
            elif node.op == "Concat":
                value = self._part(node, name, self.declared.value(leaving, count))
            else:
                continue
            if value is not None and self.fits(name, value.shape):
                return value
        return None

    def _partner(self, node: GraphNode, name: str) -> Value | None:
        """A tensor by another that is added to it: of the same shape."""
        others = [self.value_of(other) for other in node.inputs if other != name]
        known = [value for value in others if value is not None and value.known and value.source is not None]
        if not known or len(known) < len(others) or any(value.shape != known[0].shape for value in known):
            return None
        return Value(known[0].shape, samples=known[0].samples)

    def _into_conv(self, node: GraphNode, output: Value | None) -> Value | None:
        """A tensor by what a convolution makes of it that keeps positions."""
        weight = self.value_of(node.inputs[1]) if len(node.inputs) > 1 else None
        if output is None or weight is None or len(weight.shape) != len(output.shape) or len(output.shape) < 3:
            return None
        rank = len(output.shape) - 2
        try:
            strides = node.attributes.integers("strides") or [1] * rank
            dilations = node.attributes.integers("dilations") or [1] * rank
            pads = node.attributes.integers("pads") or [0] * (2 * rank)
            is_same = node.attributes.text("auto_pad", "NOTSET") in ("SAME_UPPER", "SAME_LOWER")
            channels = weight.shape[1] * node.attributes.integer("group", 1)
        except Inexpressible:
            return None
        if {len(strides), len(dilations), len(pads) - rank} != {rank} or set(strides) != {1}:
            return None
        sizes = []
        for axis in range(rank):
            extent = dilations[axis] * (weight.shape[axis + 2] - 1)
            lost = 0 if is_same else extent - pads[axis] - pads[axis + rank]
            sizes.append(output.shape[axis + 2] + lost)
        return Value((output.shape[0], channels, *sizes), samples=output.samples)

    def _part(self, node: GraphNode, name: str, output: Value | None) -> Value | None:
        """A tensor by what it is laid end to end with, where the file says how large all of it is."""
        others = [self.value_of(other) for other in node.inputs if other != name]
        known = [value for value in others if value is not None and value.known]
        if output is None or len(known) < len(others) or node.inputs.count(name) != 1:
            return None
        try:
            axis = node.attributes.integer("axis", 1) % len(output.shape)
        except Inexpressible:
            return None
        if any(len(value.shape) != len(output.shape) for value in known):
            return None
        left = output.shape[axis] - sum(value.shape[axis] for value in known)
        return Value((*output.shape[:axis], left, *output.shape[axis + 1 :])) if left > 0 else None

    def fits(self, name: str, shape: Shape) -> bool:
        """Whether what reads a tensor takes one of this shape, as far as weights say."""
        for node in self._readers[name]:
            weight = self.value_of(node.inputs[1]) if len(node.inputs) > 1 and node.inputs[0] == name else None
            if weight is None or weight.constant is None or node.domain:
                continue
            own = weight.shape
            if node.op == "Conv" and (
                len(shape) != len(own) or shape[1] != own[1] * int(node.attributes.integer("group", 1))
            ):
                return False
            if node.op == "MatMul" and len(own) > 1 and shape[-1:] != own[-2:-1]:
                return False
            if node.op == "Gemm" and (
                len(shape) != 2
                or len(own) != 2
                or (not node.attributes.get("transA") and shape[1] != own[1 if node.attributes.get("transB") else 0])
            ):
                return False
            if node.op in ("BatchNormalization", "InstanceNormalization") and shape[1:2] != own[:1]:
                return False
        return True


def usual_shape(node: GraphNode, inputs: Sequence[Value | None]) -> Value | None:
    """The shape of the one tensor that an operator of a domain of one's own reads, beside nothing but numbers."""
    there = [value for value in inputs if value is not None]
    tensors = [value for value in there if value.source is not None]
    numbers = all(value.constant is not None and prod(value.shape) == 1 for value in there if value.source is None)
    if (
        node.domain in ("", "convcalc")
        or len(tensors) != 1
        or not numbers
        or len(node.outputs) != 1
        or not tensors[0].known
    ):
        return None
    return Value(tensors[0].shape, samples=tensors[0].samples)


SAME_SHAPE = {
    "Abs", "Acos", "Acosh", "Add", "And", "Asin", "Asinh", "Atan", "Atanh", "Bernoulli", "BitShift", "Ceil", "Celu",
    "Clip", "Cos", "Cosh", "CumSum", "Div", "Elu", "Equal", "Erf", "Exp", "EyeLike", "Floor", "Greater",
    "GreaterOrEqual", "HardSigmoid", "Hardmax", "IsInf", "IsNaN", "LRN", "LeakyRelu", "Less", "LessOrEqual", "Log",
    "LpNormalization", "Max", "Mean", "MeanVarianceNormalization", "Min", "Mod", "Mul", "Not", "Or", "Pow",
    "RandomNormalLike", "RandomUniformLike", "Reciprocal", "Round", "Shrink", "Sign", "Sin", "Sinh", "Sqrt",
    "StringConcat", "Sub", "Tan", "ThresholdedRelu", "Where", "Xor",
}  # fmt: skip
"""Operators whose output has the shape of what enters, or of all that enters together, where no kind says them."""


def ruled_shape(node: GraphNode, inputs: Sequence[Value | None], place: int) -> Shape | None:
    """The shape that an operator gives its output at a place, by the rules of its own; None where none are known.

    Raises:
        Inexpressible: the operator contradicts itself.
    """
    shapes = [value.shape for value in inputs if value is not None and value.known]
    if not node.domain and node.op in SAME_SHAPE and shapes and len(shapes) == len(inputs):
        return constants.broadcast(shapes)
    if not node.domain and node.op in RULES:
        shape = RULES[node.op](node, inputs, place)
        return shape if all(size > 0 for size in shape) else None
    if node.domain == "convcalc" and node.op == "Opaque":
        sizes = node.attributes.integers("shape")
        return (1, *sizes) if sizes else None
    if node.domain == "ai.onnx.ml" and shapes and len(shapes) == len(inputs):
        return _classical(node, shapes, place)
    return None


_CLASSICAL_SAME = {"Binarizer", "CategoryMapper", "Imputer", "LabelEncoder", "Normalizer", "Scaler"}
_REGRESSORS = {"LinearRegressor": "targets", "SVMRegressor": "", "TreeEnsembleRegressor": "n_targets"}
_CLASSIFIERS = ("LinearClassifier", "SVMClassifier", "TreeEnsembleClassifier")
_LABELS = ("classlabels_ints", "classlabels_int64s", "classlabels_strings", "classlabels_int64s")


def _classical(node: GraphNode, shapes: Sequence[Shape], place: int) -> Shape | None:
    """What leaves an operator of ONNX's domain of classical machine learning, a row of features for each sample."""
    first, attributes = shapes[0], node.attributes
    rows = first[0] if len(first) > 1 else 1
    if node.op in _CLASSICAL_SAME:
        return first
    if node.op in _REGRESSORS:
        return rows, attributes.integer(_REGRESSORS[node.op], 1) if _REGRESSORS[node.op] else 1
    if node.op in _CLASSIFIERS:
        labels = [value for name in _LABELS if isinstance(value := attributes.get(name), list) and value]
        return (rows,) if place == 0 else (rows, len(labels[0])) if labels else None
    if node.op == "FeatureVectorizer":
        return rows, sum(shape[-1] for shape in shapes)
    if node.op == "ArrayFeatureExtractor" and len(shapes) == 2:
        return (*(first[:-1] or (1,)), prod(shapes[1]))
    if node.op == "OneHotEncoder":
        categories = [value for name, value in attributes.items() if name.startswith("cats_") and value]
        return (*first, len(categories[0])) if categories and isinstance(categories[0], list) else None
    return None
