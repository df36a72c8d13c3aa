"""The ONNX package's own backend tests: what convcalc reads of each, against shapes and products counted elsewhere.

    PYTHONPATH=tests python -m backend_suite

prints a line for every test that is not right, and a table of them by class, which --write puts into docs/models.md.
The tests are those of the package that is installed. The shapes that leave are those of the tests' own data. The
products that are added up are counted here, by the definition of each operator, from the shapes that ONNX Runtime, or
else ONNX's evaluator, gives to every tensor.
"""

from __future__ import annotations

import re
import sys
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
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


def cases_of(modules: Sequence[str]) -> list[BackendCase]:
    """The tests of single operators that some modules of the package make.

    Those of pools have outputs of zeros, in their shapes: ONNX's own loops over windows take many times longer than all
    else.
    """
    from onnx.backend.test.case import node
    from onnx.reference.ops import op_pool_common

    loops = op_pool_common.pool
    op_pool_common.pool = _shaped_alone  # type: ignore[assignment]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for module in modules:
                import_module(f"{node.__name__}.{module}")
    finally:
        op_pool_common.pool = loops
    return list(_made(node._NodeTestCases))


def _shaped_alone(
    padded: Any, x_shape: Shape, kernel: Shape, strides: Shape, out_shape: Shape, *others: Any, **more: Any
) -> Any:
    return np.zeros((*x_shape[:2], *out_shape), padded.dtype)


def _made(tests: Sequence[Any]) -> Iterator[BackendCase]:
    for made in tests:
        if made.model is not None and made.data_sets:
            inputs, outputs = made.data_sets[0]
            yield BackendCase(made.name, made.model, list(inputs), list(outputs))


def cases() -> Iterator[BackendCase]:
    """All tests of the package that have a model."""
    from onnx.backend.test.case.node import collect_testcases  # makes all of them

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = collect_testcases(None)
    yield from _made(made)
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
    data, outputs = entering(case), zip(leaving, case.outputs, strict=False)
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


class Reading(NamedTuple):
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
        reading = read(path, {}, {})
        if reading.network.uncosted:
            reading = better(reading, path, case)
    except convcalc.SpecError as error:
        try:
            reading = read(path, {name: array.shape for name, array in entering(case).items()}, {})
        except convcalc.SpecError:
            return Verdict("refused", error.diagnostics[0].message)
    network = reading.network
    if network.uncosted:
        return Verdict("at least", f"unknown: {', '.join(network.uncosted)}")
    batch = max((int(count) for text in network.warnings for count in _BATCH.findall(text)), default=1)
    wrong = _wrong_shape(case, reading, batch)
    if wrong:
        return Verdict("shape", wrong)
    count, own = counted(case), convcalc.analyze(network).totals.macs
    if count is not None and own * batch != count:
        return Verdict("macs", f"{own} x {batch} for {count}")
    return Verdict("right", f"with {', '.join(reading.values)}" if reading.values else "")


def read(path: Path, sizes: Mapping[str, Shape], values: Mapping[str, Any]) -> Reading:
    network = convcalc.load(path, inputs=sizes, variables=values)
    model, numbers = parse(path.read_bytes()), model_values(values)
    try:
        walk = Walk(model, sizes, values=numbers)
        walk.record("", strict=False)
    except SamplesMeet as error:
        walk = Walk(model, sizes, error.how, numbers)
        walk.record("", strict=False)
    return Reading(network, walk, values)


def better(reading: Reading, path: Path, case: BackendCase) -> Reading:
    """What is reading where the values of inputs are given, if all is known then."""
    values = {
        name: array.tolist() if array.shape else array.item()
        for name, array in entering(case).items()
        if array.ndim < 2 and 0 < array.size <= _MOST_GIVEN and (array.dtype.kind in "iub" or array.ndim == 0)
    }
    try:
        given = read(path, {}, values) if values else reading
    except convcalc.SpecError:
        return reading
    return reading if given.network.uncosted else given


_MOST_GIVEN = 64
"""Numbers that a person may give an input."""


def entering(case: BackendCase) -> dict[str, np.ndarray]:
    names = [info.name for info in case.model.graph.input]
    pairs = zip(names, case.inputs, strict=False)
    return {name: np.asarray(array) for name, array in pairs if isinstance(array, np.ndarray | np.generic)}


def _wrong_shape(case: BackendCase, reading: Reading, batch: int) -> str:
    """What leaves with another shape than the test's: by name as the file has it, and as the network has it."""
    names, layers = [info.name for info in case.model.graph.output], []
    for name, expected in zip(names, case.outputs, strict=True):
        value, of_test = reading.walk.value(name), _shape_of(expected)
        if value is None or of_test is None:
            return f"{name} is nothing that has a shape"
        if value.samples is not None and value.samples >= len(value.shape):
            return f"{name} has no known shape"
        own = [reading.walk.batch.full(item) for item in value.items or ()] if value.items is not None else None
        if (reading.walk.batch.full(value) if own is None else own) != of_test:
            return f"{name} {reading.walk.batch.full(value) if own is None else own} for {of_test}"
        layers += [item for item in value.items or (value,) if item.constant is None]
    leaving = [reading.network.nodes[place].shape for place in reading.network.outputs]
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


class Class(NamedTuple):
    """Tests that are not right for the same reason: the operators that they have, and why."""

    operators: str
    why: str


CLASSES = {
    "text": Class(
        "StringNormalizer StringConcat StringSplit RegexFullMatch TfIdfVectorizer", "tensors of text are no numbers"
    ),
    "images": Class("ImageDecoder", "the bytes of a file say how large the picture is"),
    "sizes that data decides": Class(
        "NonZero Unique NonMaxSuppression", "how much leaves is known only when the model runs"
    ),
    "sequences and optional tensors": Class(
        "SequenceAt SequenceConstruct SequenceInsert SequenceErase SequenceEmpty SequenceLength SequenceMap "
        "ConcatFromSequence SplitToSequence Optional OptionalGetElement OptionalHasElement",
        "a sequence that enters, or may be missing, says neither how many tensors it has nor their sizes",
    ),
    "steps of training": Class("Adam Adagrad Momentum Gradient", "they train a network and are no part of one"),
    "trees and tables": Class(
        "LabelEncoder TreeEnsemble ArrayFeatureExtractor Binarizer", "they compare and look up, with no layers"
    ),
    "random numbers": Class(
        "Bernoulli RandomUniform RandomUniformLike RandomNormal RandomNormalLike Multinomial",
        "what a random number costs is nowhere defined",
    ),
    "transforms of signals": Class(
        "DFT STFT", "no number of products is defined: each runtime has an algorithm of its own"
    ),
    "determinants": Class("Det", "no number of products is defined: each runtime has an algorithm of its own"),
    "linear attention": Class("LinearAttention", "no kind has its state, which each step changes"),
    "loops and branches": Class("If Loop Scan", "data say how often, or which; or they carry a sequence"),
    "opsets before 7": Class("", "their operators broadcast in other ways"),
    "whole numbers of quantised networks": Class(
        "QLinearConv QLinearMatMul ConvInteger MatMulInteger QuantizeLinear DynamicQuantizeLinear",
        "their scales or zero points are data",
    ),
    "what may be missing": Class("Identity", "a sequence or an optional tensor passes through"),
}
"""What is not right by its kind, by the operators of the test and in this order; others go by their operator."""

_FIRST_OPSET = 7


def class_of(case: BackendCase) -> str:
    """What the rest of a table has a test under."""
    if any(opset.version < _FIRST_OPSET and not opset.domain for opset in case.model.opset_import):
        return "opsets before 7"
    model = inliner.inline_local_functions(case.model) if case.model.functions else case.model
    operators = {node.op_type for node in model.graph.node}
    return next((name for name, of in CLASSES.items() if operators & set(of.operators.split())), min(operators))


class Outcome(NamedTuple):
    """What came of all tests: how many have each word, how many are right with values given, the rest by class."""

    words: Counter[str]
    given: int
    rest: Mapping[str, Counter[str]]

    def table(self) -> str:
        """The sentence and the table that the page on models has."""
        total, right = self.words.total(), self.words["right"]
        share = 100 * right / total
        sentence = (
            f"onnx {onnx.__version__} brings {total:,} tests with a model. Of {right:,} ({share:.1f} %) every shape "
            f"and the MACs are right, of {self.given} of these where inputs that decide sizes are given their values "
            'by `--set`. The rest are read in part, and their totals are "at least", or are refused:'
        )
        lines = [
            sentence,
            "",
            "| class | tests | why |",
            "|:--|--:|:--|",
        ]
        for name, of_class in sorted(self.rest.items(), key=lambda item: (-item[1].total(), item[0])):
            lines.append(f"| {name} | {of_class.total()} | {CLASSES[name].why if name in CLASSES else '?'} |")
        return "\n".join(lines) + "\n"


def outcome(report: Callable[[str], object] = lambda line: None) -> Outcome:
    """All tests of the package; `report` gets a line for every one that is not right."""
    words: Counter[str] = Counter()
    rest: defaultdict[str, Counter[str]] = defaultdict(Counter)
    given = 0
    with tempfile.TemporaryDirectory() as folder:
        for case in cases():
            result = verdict(case, Path(folder, "model.onnx"))
            words[result.word] += 1
            if result.word == "right":
                given += bool(result.details)
            else:
                rest[class_of(case)][result.word] += 1
                report(f"{result.word:9} {case.name}: {result.details[:160]}\n")
    return Outcome(words, given, rest)


PAGE = Path(__file__).parent.parent / "docs" / "models.md"
MARKS = "<!-- backend tests -->\n", "<!-- end of backend tests -->\n"


def in_page(page: str) -> str:
    """What a page has between the marks."""
    return page.partition(MARKS[0])[2].partition(MARKS[1])[0]


def main() -> None:
    """Print every test that is not right, and the table; with --write the page on models gets the table."""
    result = outcome(sys.stdout.write)
    sys.stdout.write(f"\n{result.words['right']:,} right: {dict(result.words)}\n\n{result.table()}")
    if "--write" in sys.argv:
        page = PAGE.read_text()
        PAGE.write_text(page.replace(MARKS[0] + in_page(page), MARKS[0] + result.table()))


if __name__ == "__main__":
    main()
