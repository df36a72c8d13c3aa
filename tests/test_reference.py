"""What every kind's `reference` must keep to: it knows nothing of the formulas, and measures what they claim.

Values are held against another implementation in `test_against_onnxruntime.py`.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import math
import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import pytest
from conftest import GEOMETRIES, MANY, Case, draws, load
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from convcalc import layers
from convcalc.layers import Kind, Shape
from convcalc.layers._elements import NotEverywhere
from convcalc.layers._pools import Pool
from convcalc.layers.elementwise import ElementwiseOperation
from convcalc.reference.execution import run_layer
from convcalc.reference.scalar import CountingEngine, counted
from convcalc.reference.weights import drawn
from convcalc.tensors.engine import Engine

NAMES = layers.names()
every_kind = pytest.mark.parametrize("name", NAMES)
few = settings(max_examples=MANY or 12)
many = settings(max_examples=MANY or 60)


def arrays_of(config: Any, inputs: tuple[Shape, ...], dtype: str = "float64") -> dict[str, Any]:
    """Random arrays of the shapes that the kind claims."""
    generator = np.random.default_rng(0)
    shapes = {**config.weights(*inputs), **config.buffers(*inputs)}
    return {name: drawn(generator, name, shape, np.dtype(dtype)) for name, shape in shapes.items()}


def entering(inputs: tuple[Shape, ...], dtype: str = "float64", batch: int = 1) -> list[Any]:
    generator = np.random.default_rng(1)
    return [generator.standard_normal((batch, *x)).astype(dtype) for x in inputs]


def having_values(config: Any, inputs: list[Any]) -> list[Any]:
    """Inputs of which a logarithm, a root or a power is a number."""
    of = operation(config)
    if (
        isinstance(config, NotEverywhere)
        or of in {"log", "pow", "sqrt"}
        or getattr(config, "operation", "") == "log_sum"
    ):
        return [abs(x) for x in inputs]
    if of in {"acos", "asin", "atanh"}:
        return [x / (1.1 + abs(x)) for x in inputs]
    return [1 + abs(x) for x in inputs] if of == "acosh" else inputs


def operation(config: Any) -> str:
    """Of a function of elements which it is."""
    return config.operation if isinstance(config, ElementwiseOperation) else ""


def is_growing(config: Any) -> bool:
    """Whether an output is beyond all numbers for an input that is not, or an input far from zero has no value."""
    if isinstance(config, load("pow")):
        return True
    growing = {"exp", "pow", "sinh", "cosh", "acos", "asin", "atanh", "bitwise_left_shift", "bitwise_right_shift"}
    return operation(config) in growing


def reads_nothing(config: Any, inputs: Sequence[Shape]) -> bool:
    """Whether a window of a pool may lie behind the input, where there is no mean."""
    return isinstance(config, Pool) and config.starts_behind(*inputs)


def takes_any(config: Any) -> bool:
    """Whether NaN may enter and a number leave, as it does of what asks whether something is so."""
    of = operation(config)
    if isinstance(config, load("hardmax")):
        return True
    return of in {"equal", "greater", "greater_equal", "isinf", "isnan", "less", "less_equal", "pow", "where"} or (
        of.startswith(("logical", "bitwise"))
    )


# Independence: what a reference can reach, read from its text.

COUNTS = {"multiplications", "element_operations", "_element_operations"}
ENGINE = {name for name in dir(Engine) if name[0] != "_" and name not in COUNTS} | {"numpy"}
REFLECTION = {"getattr", "setattr", "vars", "globals", "locals", "eval", "exec", "compile", "type", "super", "dir",
              "object", "open", "__import__", "input", "breakpoint", "print"}  # fmt: skip
CLAIMS = {"params", "macs", "weights", "buffers", "elementwise_ops", "receptive_field", "checks", "paths", "summary"}
MULTIPLY_AND_ADD = {"matmul", "dot", "vdot", "vecdot", "matvec", "vecmat", "inner", "tensordot", "einsum", "convolve",
                    "correlate", "linalg", "kron", "fft", "polynomial", "polyval", "trapezoid", "average", "cov",
                    "corrcoef", "interp"}  # fmt: skip
LIBRARIES = {"math", "functools", "itertools", "operator"}


def problems(reference: FunctionType, fields: set[str]) -> list[str]:
    """Everything that the function, or a function it calls, may not reach; empty if it keeps to the rules."""
    items: list[str] = []
    waiting, seen = [reference], {reference}
    while waiting:
        function = waiting.pop()
        node = tree_of(function)
        items += [f"{function.__qualname__}: {text}" for text in _forbidden(node, fields)]
        for name in _names(node):
            value, known = _resolved(function, name)
            if not known:
                items.append(f"{function.__qualname__}: {name} is not known")
            elif isinstance(value, FunctionType) and _module(value).startswith(("convcalc.layers", "convcalc.tensors")):
                if value not in seen:
                    seen.add(value)
                    waiting.append(value)
            elif not _harmless(name, value):
                items.append(f"{function.__qualname__}: {name} reaches {_module(value) or value!r}")
    return items


def _module(value: Any) -> str:
    return str(getattr(value, "__module__", "") or "")


def _harmless(name: str, value: Any) -> bool:
    if getattr(builtins, name, None) is value:
        return name not in REFLECTION
    if isinstance(value, ModuleType):
        return value.__name__ in LIBRARIES
    return isinstance(value, int | float | str | tuple) or _module(value).lstrip("_") in LIBRARIES


def _resolved(function: FunctionType, name: str) -> tuple[Any, bool]:
    """What a name stands for where the function was defined."""
    captured = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    if name in captured:
        return captured[name].cell_contents, True
    if name in function.__globals__:
        return function.__globals__[name], True
    return getattr(builtins, name, None), hasattr(builtins, name)


@cache
def _tree(path: str) -> ast.Module:
    return ast.parse(Path(path).read_text("utf-8"))


def tree_of(function: FunctionType) -> ast.FunctionDef | ast.Lambda:
    """The syntax tree of a function, found by its line."""
    items = [
        node
        for node in ast.walk(_tree(function.__code__.co_filename))
        if (isinstance(node, ast.Lambda) and function.__name__ == "<lambda>" and node.lineno == _line(function))
        or (isinstance(node, ast.FunctionDef) and _first_line(node) == _line(function))
    ]
    outermost = next(iter(items))  # the walk goes down level by level
    inside = list(ast.walk(outermost))
    assert all(node in inside for node in items), f"{function.__qualname__} shares a line with another function"
    return outermost


def _line(function: FunctionType) -> int:
    return function.__code__.co_firstlineno


def _first_line(node: ast.FunctionDef) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _body(node: ast.FunctionDef | ast.Lambda) -> Iterator[ast.AST]:
    """Every node that runs; annotations and the docstring do not."""
    written = {id(argument.annotation) for argument in ast.walk(node) if isinstance(argument, ast.arg)}
    written |= {id(inner.returns) for inner in ast.walk(node) if isinstance(inner, ast.FunctionDef)}
    skipped = {id(part) for inner in ast.walk(node) if id(inner) in written for part in ast.walk(inner)}
    decorators = getattr(node, "decorator_list", [])
    skipped |= {id(part) for decorator in decorators for part in ast.walk(decorator)}
    yield from (inner for inner in ast.walk(node) if id(inner) not in skipped)


def _names(node: ast.FunctionDef | ast.Lambda) -> set[str]:
    """Names that are read and not made in the function itself."""
    names = [inner for inner in _body(node) if isinstance(inner, ast.Name)]
    own = {name.id for name in names if not isinstance(name.ctx, ast.Load)}
    own |= {inner.arg for inner in _body(node) if isinstance(inner, ast.arg)}
    own |= {inner.name for inner in _body(node) if isinstance(inner, ast.FunctionDef)}
    return {name.id for name in names if isinstance(name.ctx, ast.Load)} - own


def _forbidden(node: ast.FunctionDef | ast.Lambda, fields: set[str]) -> Iterator[str]:
    for inner in _body(node):
        if isinstance(inner, ast.Import | ast.ImportFrom | ast.Global | ast.Nonlocal):
            yield ast.unparse(inner)
        if isinstance(inner, ast.arg | ast.Name) and (getattr(inner, "arg", "") or getattr(inner, "id", "")) in {
            "self",
            "cls",
        }:
            yield "reads its kind"
        if isinstance(inner, ast.BinOp | ast.AugAssign) and isinstance(inner.op, ast.MatMult):
            yield "multiplies and adds up with @"
        if isinstance(inner, ast.Attribute):
            yield from _forbidden_attribute(inner, fields)


def _forbidden_attribute(node: ast.Attribute, fields: set[str]) -> Iterator[str]:
    owner = node.value.id if isinstance(node.value, ast.Name) else ""
    if owner == "fields" and node.attr not in fields:
        yield f"fields.{node.attr} is no field"
    elif owner == "engine":
        if node.attr not in ENGINE:
            yield f"engine.{node.attr} is no primitive"
    elif node.attr in MULTIPLY_AND_ADD:
        yield f"multiplies and adds up with {ast.unparse(node)}"
    elif node.attr in CLAIMS | COUNTS or node.attr.startswith("__"):
        yield f"reaches {ast.unparse(node)}"


@every_kind
def test_a_reference_reaches_fields_arrays_and_primitives_alone(name: str) -> None:
    kind = load(name)
    assert isinstance(inspect.getattr_static(kind, "reference"), staticmethod)
    reference: Any = kind.reference
    assert reference is not Kind.reference, f"{name} has no reference"
    assert problems(reference, set(kind.__struct_fields__)) == []


HEAD = """
from functools import reduce
from convcalc.arithmetic.number import product
from convcalc.arithmetic.resampling import nearest
from convcalc.arithmetic.window import Window, windows
from convcalc.layers import Kind
from convcalc.layers._carried import reshaped
from convcalc.layers.conv import Conv
from convcalc.network import Network
import convcalc.arithmetic.window as window
import numpy

def outputs(size):
    return Window(3).outputs(size)

def twice(size):
    return outputs(size) + 1

def through(function):
    def reference(engine, fields, weights, x):
        return function(x)
    return reference
"""

PLANTED = {
    "window arithmetic": "windows(x.shape[2:], (3,), (1,), (1,), 'same')",
    "a module of it": "window.windows(x.shape[2:], (3,), (1,), (1,), 'same')",
    "sources": "x.take(nearest((1, 2), 4).sources(0), 2)",
    "number": "engine.numpy.zeros(product(x.shape))",
    "a helper's helper": "engine.numpy.zeros(twice(x.shape[2]))",
    "another kind's helper": "reshaped(x, x.shape, x.shape)",
    "a kind": "engine.numpy.zeros(Conv(out_channels=1, kernel_size=(1,)).shape(x.shape))",
    "the base of kinds": "Kind.shape(fields, x.shape)",
    "a network": "Network(x)",
    "a formula of the fields": "engine.numpy.zeros(fields.shape(x.shape))",
    "params": "x * layer.params(x.shape)",
    "macs": "x * layer.macs(x.shape)",
    "weights as a formula": "x * layer.weights(x.shape)",
    "its class": "type(fields).shape",
    "by its name": "getattr(fields, 'sha' + 'pe')",
    "by its double underscores": "fields.kernel_size.__class__",
    "itself": "self.shape(x.shape)",
    "an operator": "x @ weights['weight']",
    "a method": "x.dot(weights['weight'])",
    "a function of NumPy": "engine.numpy.einsum('bc,oc->bo', x, weights['weight'])",
    "a function of NumPy, imported": "numpy.tensordot(x, weights['weight'])",
    "the count": "engine.__setattr__('multiplications', 1)",
    "the count by another name": "(lambda e: e.multiplications)(engine)",
    "the count of element-wise operations": "(lambda e: e._element_operations)(engine)",
    "in a lambda": "reduce(lambda a, b: a @ b, [x, x])",
    "what is not there": "no_such_name(x)",
}


def planted(tmp_path: Path, text: str) -> FunctionType:
    path = tmp_path / "planted.py"
    path.write_text(HEAD + text, "utf-8")
    _tree.cache_clear()
    module: dict[str, Any] = {"__name__": "convcalc.layers.planted"}
    exec(compile(path.read_text("utf-8"), str(path), "exec"), module)  # noqa: S102  # our own text
    return module["reference"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("what", PLANTED)
def test_a_reference_that_reaches_further_is_found(what: str, tmp_path: Path) -> None:
    text = f"def reference(engine, fields, weights, x, layer=None):\n    return {PLANTED[what]}\n"
    assert problems(planted(tmp_path, text), {"kernel_size"})


@pytest.mark.parametrize(
    "text",
    [
        "def reference(engine, fields, weights, x):\n    from convcalc.arithmetic import window\n    return x\n",
        "def reference(engine, fields, weights, x):\n    engine.multiplications += 1\n    return x\n",
        "def reference(engine, fields, weights, x):\n    def inner(x):\n        return x @ x\n    return inner(x)\n",
        "def reference(cls, engine, fields, weights, x):\n    return x\n",
        "reference = through(lambda x: twice(x.shape[2]))\n",
        "reference = through(twice)\n",
        "reference = through(Window)\n",
    ],
)
def test_a_reference_that_reaches_further_by_detours_is_found(text: str, tmp_path: Path) -> None:
    assert problems(planted(tmp_path, text), {"kernel_size"})


def test_a_reference_that_keeps_to_the_rules_is_let_pass(tmp_path: Path) -> None:
    text = (
        "def half(array: Window) -> Window:\n    return array / 2\n"
        "def reference(engine: Window, fields, weights, x):\n"
        "    y = engine.convolve(x, weights['weight'], fields.kernel_size, fields.kernel_size, 1)\n"
        "    return half(reduce(lambda a, b: a + b, [y, y]))\n"
    )
    assert problems(planted(tmp_path, text), {"kernel_size"}) == []


# What is measured is what is claimed.


def measured(case: Case, dtype: str) -> None:
    config, inputs = case
    arrays = arrays_of(config, inputs, dtype)
    engine = Engine()
    output, used = run_layer(engine, config, arrays, having_values(config, entering(inputs, dtype, batch=2)))
    assert output.shape == (2, *config.shape(*inputs))
    assert output.dtype == dtype
    assert np.isfinite(output).all() or reads_nothing(config, inputs)
    assert used == set(arrays)
    assert engine.multiplications == 2 * config.macs(*inputs)
    if not config.follows_values:
        assert engine.element_operations == 2 * config.elementwise_ops(*inputs)


@every_kind
@few
@given(draw=draws, dtype=st.sampled_from(["float32", "float64"]))
def test_a_case_measures_what_it_claims(name: str, draw: random.Random, dtype: str) -> None:
    measured(load(name).case(draw), dtype)


@pytest.mark.parametrize("name", GEOMETRIES)
@many
@given(data=st.data())
def test_windows_of_any_geometry_measure_what_they_claim(name: str, data: st.DataObject) -> None:
    measured(data.draw(GEOMETRIES[name]), "float32")


@every_kind
@few
@given(draw=draws)
def test_inputs_far_from_zero_overflow_nowhere(name: str, draw: random.Random) -> None:
    config, inputs = load(name).case(draw)
    if is_growing(config) or reads_nothing(config, inputs):
        return
    far = [1e4 * x for x in having_values(config, entering(inputs, "float32"))]
    output, _ = run_layer(Engine(), config, arrays_of(config, inputs, "float32"), far)
    assert np.isfinite(output).all()


@every_kind
@few
@given(draw=draws)
def test_an_array_of_another_size_is_refused(name: str, draw: random.Random) -> None:
    """So the elements of the arrays that were handed are those that are needed, no more and no fewer."""
    config, inputs = load(name).case(draw)
    arrays, entered = arrays_of(config, inputs), entering(inputs)
    if name == "embedding":  # indices of every vector
        entered = [np.arange(x.size, dtype=x.dtype).reshape(x.shape) for x in entered]
    for array_name, array in arrays.items():
        for axis, size in enumerate(array.shape):
            for other in {1, size - 1, size + 1, 2 * size} - {0, size}:
                wrong = {**arrays, array_name: np.resize(array, (*array.shape[:axis], other, *array.shape[axis + 1 :]))}
                with pytest.raises(ValueError):  # noqa: PT011  # Misfit is one, as are NumPy's own
                    run_layer(Engine(), config, wrong, entered)


@every_kind
@few
@given(draw=draws)
def test_every_element_of_every_array_matters(name: str, draw: random.Random) -> None:
    config, inputs = load(name).case(draw)
    arrays, entered = arrays_of(config, inputs), entering(inputs)
    if name == "embedding":  # indices of every vector
        entered = [np.arange(x.size, dtype=x.dtype).reshape(x.shape) for x in entered]
    for array_name, array in arrays.items():
        for place in draw.sample(range(array.size), min(array.size, 12)):
            marked = array.copy()
            marked.flat[place] = np.nan
            output, _ = run_layer(Engine(), config, {**arrays, array_name: marked}, entered)
            assert np.isnan(output).any(), (array_name, place)


RELATIVE = {
    *("softmax", "log_softmax", "group_norm", "instance_norm", "layer_norm", "batch_norm", "elementwise"),
    "scaled_dot_product_attention",
}
"""Kinds whose output may read an element and yet not depend on it, such as the only one that a mean is of."""


CHOOSING = {"gather", "scatter", "embedding", "top_k", "one_hot", "max_pool_indices"}
"""Kinds that go by where an element is, or by what it names: what is no number names some place all the same."""


def chooses(name: str, config: Any, which: int) -> bool:
    """Whether an input of a layer says what is chosen, and need not be in what leaves."""
    is_place = getattr(config, "operation", "") in ("argmax", "argmin")
    return name in CHOOSING or is_place or (name == "trilu" and which > 0)


@every_kind
@few
@given(draw=draws)
def test_nan_reaches_the_outputs_that_read_its_place_and_no_others(name: str, draw: random.Random) -> None:
    """Those that change when the element does, to something very large, very small or near."""
    config, inputs = load(name).case(draw)
    if takes_any(config):
        return
    arrays, entered = arrays_of(config, inputs), having_values(config, entering(inputs, batch=2))
    before, _ = run_layer(Engine(), config, arrays, entered)
    which = draw.randrange(len(entered))
    place = draw.randrange(entered[which].size)
    if chooses(name, config, which):
        return

    def output_with(value: float) -> Any:
        changed = [x.copy() for x in entered]
        changed[which].flat[place] = value
        with np.errstate(all="ignore"):  # a power of something very large, a root of something below zero
            return run_layer(Engine(), config, arrays, changed)[0]

    marked = np.isnan(output_with(math.nan))
    changed = np.logical_or.reduce([output_with(value) != before for value in (1e3, -1e3, 0.123)])
    assert (marked >= changed).all()
    # An offset may move, and a mask weigh, what is zero anyway; a place or a box may be moved within what is alike, and
    # a matrix is multiplied with places that are 0.
    outside = name == "affine_grid" or (name in {"deform_conv", "grid_sample", "roi_align", "max_unpool"} and which > 0)
    if name not in RELATIVE and not outside:
        assert (marked == changed).all()
    if outside:
        assert marked.any()


# Numbers that count what is done to them.

MULTIPLYING = [
    name
    for name in NAMES
    if any(config.macs(*x) for config, x in (load(name).case(random.Random(n)) for n in range(9)))
]


def test_the_kinds_that_multiply_and_add_up() -> None:
    assert MULTIPLYING == [
        "affine_grid", "attention", "conv", "conv_transpose", "deform_conv", "gru", "linear", "lstm", "matmul", "rnn",
        "scaled_dot_product_attention",
    ]  # fmt: skip


@pytest.mark.parametrize("name", MULTIPLYING)
@few
@given(draw=draws)
def test_counting_numbers_see_every_multiplication_and_no_other(name: str, draw: random.Random) -> None:
    config, inputs = load(name).case(draw)
    assume(config.macs(*inputs) <= 5000)
    arrays, entered = arrays_of(config, inputs), entering(inputs)
    result = counted(config, arrays, entered)
    assert result.products == result.reported == config.macs(*inputs)
    output, _ = run_layer(Engine(), config, arrays, entered)
    np.testing.assert_allclose(result.output, output, 1e-9, 1e-9)


def test_counting_numbers_disagree_with_a_wrong_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """A primitive that forgets to count, or counts what it does not do, is found."""

    engine = CountingEngine()
    monkeypatch.setattr(engine._products, "multiplications", -1)
    engine.matmul(engine.numbers(np.ones((2, 3))), engine.numbers(np.ones((3, 4))))
    assert engine.products == 24
    assert engine.multiplications == 23


@pytest.mark.parametrize("name", [name for name in NAMES if load(name).costed])
@settings(max_examples=MANY or 6)
@given(draw=draws)
def test_counting_numbers_see_every_element_wise_operation(name: str, draw: random.Random) -> None:
    config, inputs = load(name).case(draw)
    assume(config.macs(*inputs) + config.elementwise_ops(*inputs) <= 1500)
    arrays, entered = arrays_of(config, inputs), having_values(config, entering(inputs))
    result = counted(config, arrays, entered)
    assert result.operations == result.reported_operations
    assert config.follows_values or result.operations == config.elementwise_ops(*inputs)
    output, _ = run_layer(Engine(), config, arrays, entered)
    np.testing.assert_allclose(result.output, output, 1e-9, 1e-9)


def test_the_kinds_whose_operations_follow_what_enters() -> None:
    drawn_kinds = {name: [load(name).case(random.Random(n))[0] for n in range(30)] for name in NAMES}
    following = {name for name, configs in drawn_kinds.items() if any(config.follows_values for config in configs)}
    assert following == {"roi_align"}
    assert {config.sampling_ratio for config in drawn_kinds["roi_align"] if config.follows_values} == {None}  # type: ignore[attr-defined]  # its field


@pytest.mark.parametrize("is_clipped", [False, True])
@pytest.mark.parametrize("peephole", [False, True])
def test_a_forget_gate_that_is_the_other_one_takes_no_work_of_its_own(is_clipped: bool, peephole: bool) -> None:
    clip = 3.0 if is_clipped else None
    config: Any = load("lstm")(hidden_size=3, peephole=peephole, input_forget=True, clip=clip)
    arrays, (x,) = arrays_of(config, ((4, 2),)), entering(((4, 2),))
    result = counted(config, arrays, [x])
    assert result.operations == config.elementwise_ops((4, 2)) == 4 * 3 * (13 + 8 + 4 * peephole + 3 * is_clipped)


# Values that have a definition simpler than their code.


def plain(name: str, **fields: Any) -> Callable[[Any], Any]:
    config: Any = load(name)(**fields)
    return lambda x: run_layer(Engine(), config, {}, [x])[0]


def test_gelu_is_as_exact_as_pythons_error_function() -> None:
    x = np.linspace(-9, 9, 1001)[None]
    expected = [[value * (1 + math.erf(value / math.sqrt(2))) / 2 for value in x[0]]]
    np.testing.assert_allclose(plain("gelu")(x), expected, 1e-15, 1e-300)


def test_gelu_with_tanh_is_its_formula() -> None:
    x = np.linspace(-9, 9, 1001)[None]
    expected = [[value / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (value + 0.044715 * value**3))) for value in x[0]]]
    np.testing.assert_allclose(plain("gelu", approximate="tanh")(x), expected, 1e-12, 1e-15)


def test_sigmoid_and_its_logarithm_are_exact_at_both_ends() -> None:
    x = np.array([[-700.0, -30.0, 0.0, 30.0, 700.0]])
    np.testing.assert_allclose(plain("sigmoid")(x), [[math.exp(-700), math.exp(-30) / (1 + math.exp(-30)), 0.5,
                                                      1 / (1 + math.exp(-30)), 1.0]], 1e-14)  # fmt: skip
    np.testing.assert_allclose(plain("log_sigmoid")(x)[0, :3], [-700, -30 - math.log1p(math.exp(-30)), -math.log(2)])
