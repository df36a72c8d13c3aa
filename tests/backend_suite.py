"""The ONNX package's own backend tests: what convcalc reads of each, against shapes and products counted elsewhere.

    PYTHONPATH=tests python -m backend_suite

prints a line for every test that is not right, and a table of them by class. The tests are those of the package that is
installed. The shapes that leave are those of the tests' own data. The products that are added up are counted here, by
the definition of each operator, from the shapes that ONNX Runtime, or else ONNX's evaluator, gives to every tensor.
"""

from __future__ import annotations

import re
import sys
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnxruntime
from onnx import helper, inliner, numpy_helper
from onnx.reference import ReferenceEvaluator

import convcalc
from convcalc.imports.onnx.reading import parse
from convcalc.imports.onnx.samples import SamplesMeet
from convcalc.imports.onnx.values import without
from convcalc.imports.onnx.walk import Walk
from convcalc.opening import model_values

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]

DATA = ("simple", "pytorch-converted", "pytorch-operator")
"""The folders of the package that hold models and tensors; the tests of single operators are made by code."""

_BATCH = re.compile(r"has a batch of (\d+);")


class BackendCase(NamedTuple):
    """A model with the tensors that enter and leave, those that are no arrays as None."""

    name: str
    model: onnx.ModelProto
    inputs: list[Any]
    outputs: list[Any]


class Verdict(NamedTuple):
    """What is right of a test: "right", or a word for what is not, and the details."""

    word: str
    details: str = ""


def cases() -> Iterator[BackendCase]:
    """All tests of the package that have a model."""
    from onnx.backend.test.case.node import collect_testcases  # makes all of them

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for made in collect_testcases(None):
            if made.model is not None and made.data_sets:
                inputs, outputs = made.data_sets[0]
                yield BackendCase(made.name, made.model, list(inputs), list(outputs))
    folder = Path(onnx.__file__).parent / "backend" / "test" / "data"
    for kind in DATA:
        for path in sorted(folder.glob(f"{kind}/*/model.onnx")):
            tensors = [_tensors(path.parent / "test_data_set_0", way) for way in ("input", "output")]
            yield BackendCase(f"{kind}/{path.parent.name}", onnx.load(path), *tensors)


def _tensors(folder: Path, way: str) -> list[Any]:
    paths = sorted(folder.glob(f"{way}_*.pb"), key=lambda path: int(path.stem.rpartition("_")[2]))
    return [_array(path.read_bytes()) for path in paths]


def _array(data: bytes) -> Any:
    tensor = onnx.TensorProto()
    try:
        tensor.ParseFromString(data)
        return numpy_helper.to_array(tensor)
    except (TypeError, ValueError, RuntimeError):
        return None


def _windows(shapes: Sequence[Shape], outputs: Sequence[Shape], weight: int) -> int:
    return prod(outputs[0]) * prod(shapes[weight][1:])


def _scattered(shapes: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    return prod(shapes[0]) * prod(shapes[1][1:])


def _rows(shapes: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    return prod(outputs[0]) * shapes[0][-1]


def _gemm(node: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    summed: int = shapes[0][0 if _attribute(node, "transA", 0) else 1]
    return prod(outputs[0]) * summed


def _einsum(node: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> int | None:
    equation = _attribute(node, "equation", b"").decode().replace(" ", "")
    left, _, right = equation.partition("->")
    terms = left.split(",")
    if "." in equation or "->" not in equation or len(terms) != 2 or any(len(set(term)) < len(term) for term in terms):
        return None
    pairs = (zip(term, shape, strict=True) for term, shape in zip(terms, shapes, strict=True))
    sizes = {letter: size for pair in pairs for letter, size in pair}
    shared = set(terms[0]) & set(terms[1]) - set(right)
    return prod(sizes.values()) if shared else 0


def _attention(node: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    query, key, value = shapes[:3]
    past = shapes[4][2] if len(shapes) > 4 and shapes[4] else 0
    if len(query) == 3:
        heads, of_keys = _attribute(node, "q_num_heads", 1), _attribute(node, "kv_num_heads", 1)
        batch, length, width = query[0], query[1], query[2] // heads
        keys, wide = key[1] + past, value[2] // of_keys
    else:
        batch, heads, length, width = query
        keys, wide = key[2] + past, value[3]
    count: int = batch * heads * length * keys * (width + wide)
    return count


def _recurrent(gates: int) -> Callable[..., int]:
    def count(node: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        (directions, _, width), hidden = shapes[1], shapes[2][2]
        first, second, _ = shapes[0]
        return first * second * directions * gates * hidden * (width + hidden)

    return count


def _affine_grid(shapes: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    return prod(outputs[0]) * shapes[0][-1]


def _causal(node: Any, shapes: Sequence[Shape], outputs: Sequence[Shape]) -> int:
    return prod(outputs[0]) * prod(shapes[1][1:])


def _quiet(rule: Callable[..., int], *arguments: int) -> Callable[..., int]:
    return lambda node, shapes, outputs: rule(shapes, outputs, *arguments)


PRODUCTS: dict[str, Callable[..., int | None]] = {
    "Conv": _quiet(_windows, 1),
    "ConvInteger": _quiet(_windows, 1),
    "QLinearConv": _quiet(_windows, 3),
    "DeformConv": _quiet(_windows, 1),
    "ConvTranspose": _quiet(_scattered),
    "MatMul": _quiet(_rows),
    "MatMulInteger": _quiet(_rows),
    "QLinearMatMul": _quiet(_rows),
    "Gemm": _gemm,
    "Einsum": _einsum,
    "Attention": _attention,
    "LSTM": _recurrent(4),
    "GRU": _recurrent(3),
    "RNN": _recurrent(1),
    "AffineGrid": _quiet(_affine_grid),
    "CausalConvWithState": _causal,
}
"""Products that are added up, by the definition of the operator; 0 for every other that is not in `UNCOUNTED`."""

UNCOUNTED = {"If", "Loop", "Scan", "LinearAttention", "FlexAttention", "DFT", "STFT", "GridSample", "RoiAlign", "Det"}
"""Operators of which nothing is claimed here: only the shape is held."""


def _attribute(node: Any, name: str, default: Any) -> Any:
    return next(
        (helper.get_attribute_value(attribute) for attribute in node.attribute if attribute.name == name), default
    )


def counted(case: BackendCase) -> int | None:
    """The products that the model adds up; None where an operator's are not claimed or a shape is not to be had."""
    model = inliner.inline_local_functions(case.model) if case.model.functions else case.model
    shapes = _shapes(case, model)
    if shapes is None:
        return None
    total = 0
    for node in model.graph.node:
        rule = PRODUCTS.get(node.op_type)
        if node.op_type in UNCOUNTED:
            return None
        if rule is None:
            continue
        try:
            count = rule(
                node, [shapes.get(name, ()) for name in node.input], [shapes[name] for name in node.output if name]
            )
        except (KeyError, IndexError, ValueError):
            return None
        if count is None:
            return None
        total += count
    return total


def _shapes(case: BackendCase, model: onnx.ModelProto) -> Shapes | None:
    """The shape of every tensor of the graph: from the test's data where it has all, else from a run."""
    leaving = [info.name for info in model.graph.output]
    data, outputs = _entering(case), zip(leaving, case.outputs, strict=False)
    shapes = {name: array.shape for name, array in (*data.items(), *outputs) if isinstance(array, np.ndarray)}
    shapes |= {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    within = {name for node in model.graph.node for name in node.output if name} - shapes.keys()
    if not within or not any(node.op_type in PRODUCTS for node in model.graph.node):
        return shapes
    run = _run(model, data, sorted(within))
    return None if run is None else shapes | run


def _run(model: onnx.ModelProto, data: Mapping[str, Any], names: list[str]) -> dict[str, Shape] | None:
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = onnxruntime.InferenceSession(watched.SerializeToString(), options)
        values = session.run(names, dict(data))
    except Exception:  # each runtime has errors of its own
        try:
            values = ReferenceEvaluator(watched).run(names, dict(data))
        except Exception:
            return None
    return {name: np.shape(value) for name, value in zip(names, values, strict=True)}


class _Read(NamedTuple):
    """A model as it was read: the network, and by the names of the file what leaves, constants too."""

    network: Any
    walk: Walk
    values: Mapping[str, Any]


def verdict(case: BackendCase, path: Path) -> Verdict:
    """Whether convcalc has the shapes that leave and the products of a test, whose model it writes to `path`.

    Sizes of inputs that the file leaves open are given, as `--input` does, and where something is not known so are the
    values of its whole numbers and single ones, as `--set` does.
    """
    path.write_bytes(case.model.SerializeToString())
    try:
        read = _read(path, {}, {})
        if read.network.uncosted:
            read = _better(read, path, case)
    except convcalc.SpecError as error:
        try:
            read = _read(path, {name: array.shape for name, array in _entering(case).items()}, {})
        except convcalc.SpecError:
            return Verdict("refused", error.diagnostics[0].message)
    network = read.network
    if network.uncosted:
        return Verdict("at least", f"unknown: {', '.join(network.uncosted)}")
    batch = max((int(count) for text in network.warnings for count in _BATCH.findall(text)), default=1)
    wrong = _wrong_shape(case, read, batch)
    if wrong:
        return Verdict("shape", wrong)
    count, own = counted(case), convcalc.analyze(network).totals.macs
    if count is not None and own * batch != count:
        return Verdict("macs", f"{own} x {batch} for {count}")
    return Verdict("right", f"with {', '.join(read.values)}" if read.values else "")


def _read(path: Path, sizes: Mapping[str, Shape], values: Mapping[str, Any]) -> _Read:
    network = convcalc.load(path, inputs=sizes, variables=values)
    model, numbers = parse(path.read_bytes()), model_values(values)
    try:
        walk = Walk(model, sizes, values=numbers)
        walk.record("", strict=False)
    except SamplesMeet as error:
        walk = Walk(model, sizes, error.how, numbers)
        walk.record("", strict=False)
    return _Read(network, walk, values)


def _better(read: _Read, path: Path, case: BackendCase) -> _Read:
    """What is read where the values of inputs are given, if all is known then."""
    values = {
        name: array.tolist() if array.shape else array.item()
        for name, array in _entering(case).items()
        if array.ndim < 2 and 0 < array.size <= _MOST_GIVEN and (array.dtype.kind in "iub" or array.ndim == 0)
    }
    try:
        given = _read(path, {}, values) if values else read
    except convcalc.SpecError:
        return read
    return read if given.network.uncosted else given


_MOST_GIVEN = 64
"""Numbers that a person may give an input."""


def _entering(case: BackendCase) -> dict[str, np.ndarray]:
    names = [info.name for info in case.model.graph.input]
    pairs = zip(names, case.inputs, strict=False)
    return {name: np.asarray(array) for name, array in pairs if isinstance(array, np.ndarray | np.generic)}


def _wrong_shape(case: BackendCase, read: _Read, batch: int) -> str:
    """What leaves with another shape than the test's: by name as the file has it, and as the network has it."""
    names, layers = [info.name for info in case.model.graph.output], []
    for name, expected in zip(names, case.outputs, strict=True):
        value, of_test = read.walk.value(name), _shape_of(expected)
        if value is None or of_test is None:
            return f"{name} is nothing that has a shape"
        if value.samples is not None and value.samples >= len(value.shape):
            return f"{name} has no known shape"
        own = [read.walk.batch.full(item) for item in value.items or ()] if value.items is not None else None
        if (read.walk.batch.full(value) if own is None else own) != of_test:
            return f"{name} {read.walk.batch.full(value) if own is None else own} for {of_test}"
        layers += [item for item in value.items or (value,) if item.constant is None]
    leaving = [read.network.nodes[place].shape for place in read.network.outputs]
    own_layers = [without(value.shape, value.batch) or (1,) for value in layers]
    strangers = [shape for shape in leaving if not any(_fits(shape, own, batch) for own in own_layers)]
    missing = [own for own in own_layers if not any(_fits(shape, own, batch) for shape in leaving)]
    return f"{leaving} for {own_layers}" if layers and (strangers or missing) else ""


def _shape_of(expected: Any) -> Any:
    """The shape of a tensor of a test's data, and those of a sequence's; None of what is neither."""
    if isinstance(expected, onnx.TensorProto):
        return tuple(expected.dims)
    if isinstance(expected, list):
        return [np.shape(item) for item in expected]
    return np.shape(expected) if isinstance(expected, np.ndarray | np.generic) else None


def _fits(shape: Shape, own: Shape, batch: int) -> bool:
    """Whether a layer's shape is that of a tensor without its batch, which a viewing layer may have left out."""
    return shape == own or shape in [own[:axis] + own[axis + 1 :] for axis, size in enumerate(own) if size == 1]


CLASSES = {
    "sizes that data decides": "Compress NonZero Unique NonMaxSuppression",
    "sequences and optional tensors": "SequenceAt SequenceConstruct SequenceInsert SequenceErase SequenceEmpty "
    "SequenceLength SequenceMap ConcatFromSequence SplitToSequence Optional OptionalGetElement OptionalHasElement",
    "text": "StringNormalizer StringConcat StringSplit RegexFullMatch TfIdfVectorizer",
    "images": "ImageDecoder",
    "steps of training": "Adam Adagrad Momentum Gradient",
    "trees and tables": "LabelEncoder TreeEnsemble ArrayFeatureExtractor Binarizer",
    "random numbers": "Bernoulli RandomUniform RandomUniformLike RandomNormal RandomNormalLike Multinomial",
    "transforms of signals": "DFT STFT MelWeightMatrix BlackmanWindow HannWindow HammingWindow",
    "loops and branches": "If Loop Scan",
}
"""What is not right by its kind, by the operators of the test; others go by their operator."""


def class_of(case: BackendCase) -> str:
    """What the rest of a table has a test under."""
    operators = {node.op_type for node in case.model.graph.node}
    return next((name for name, members in CLASSES.items() if operators & set(members.split())), min(operators))


def main() -> None:
    """Print every test that is not right, then how many are, and the rest by class."""
    words: Counter[str] = Counter()
    rest: defaultdict[str, Counter[str]] = defaultdict(Counter)
    with tempfile.TemporaryDirectory() as folder:
        for case in cases():
            result = verdict(case, Path(folder, "model.onnx"))
            words[result.word] += 1
            if result.word != "right":
                rest[class_of(case)][result.word] += 1
                sys.stdout.write(f"{result.word:9} {case.name}: {result.details[:160]}\n")
    sys.stdout.write(f"\n{words['right']:,} of {words.total():,} right: {dict(words)}\n\n")
    sys.stdout.write("| class | tests | of these |\n|:--|--:|:--|\n")
    for name, of_class in sorted(rest.items(), key=lambda item: -item[1].total()):
        parts = ", ".join(f"{count} {word}" for word, count in of_class.most_common())
        sys.stdout.write(f"| {name} | {of_class.total()} | {parts} |\n")


if __name__ == "__main__":
    main()
