"""Operators of indices, reductions and products, read from ONNX and run: the values are those of ONNX Runtime.

Every model is one node whose tensors all enter, so that nothing but the reading is between both.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnxruntime
import pytest
from conftest import MANY, draws
from hypothesis import given, settings
from onnx import helper, numpy_helper

import convcalc
from convcalc.imports.onnx.walk import of_bytes
from convcalc.imports.record import Imported
from convcalc.language.document import loads
from convcalc.language.source import Source
from convcalc.readable.text import text
from convcalc.reference.execution import execute
from convcalc.reference.weights import RandomWeights
from convcalc.tensors.engine import Engine

Array = Any
Drawn = tuple[list[Array], list[Array], dict[str, Any], int]
"""Arrays that enter, constants behind them, attributes, and how many tensors leave."""

few = settings(max_examples=MANY or 25, deadline=None)


def model(
    operator: str, entering: list[Array], constants: list[Array], attributes: Mapping[str, Any], count: int
) -> Any:
    """One node; the shapes that leave are as ONNX Runtime declares them."""
    names = [f"x{place}" for place in range(len(entering))]
    fixed = [f"c{place}" for place in range(len(constants))]
    outputs = [f"y{place}" for place in range(count)]
    node = helper.make_node(operator, [*names, *fixed], outputs, "node", **attributes)
    infos = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
        for name, x in zip(names, entering, strict=True)
    ]
    leaving = [helper.make_empty_tensor_value_info(name) for name in outputs]
    arrays = [numpy_helper.from_array(array, name) for name, array in zip(fixed, constants, strict=True)]
    graph = helper.make_graph([node], "one", infos, leaving, arrays)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def theirs(written: Any, entering: list[Array]) -> list[Array]:
    session = onnxruntime.InferenceSession(written.SerializeToString(), providers=["CPUExecutionProvider"])
    return list(session.run(None, {f"x{place}": x for place, x in enumerate(entering)}))


def declared(written: Any, outputs: list[Array]) -> Any:
    """The model with the shapes that leave."""
    for info, output in zip(written.graph.output, outputs, strict=True):
        kind = helper.np_dtype_to_tensor_dtype(output.dtype)
        info.CopyFrom(helper.make_tensor_value_info(info.name, kind, output.shape))
    return written


def ours(imported: Imported, entering: list[Array]) -> list[Array]:
    """What our executor makes of the layers that were read."""
    network = loads(Source("model.yaml", text(imported, flat=True)))
    inputs = {
        node.name: np.asarray(x, np.float64).reshape(1, *node.shape)
        for node, x in zip(network.inputs, entering, strict=True)
    }
    made = {step.place: step for step in execute(network, inputs, RandomWeights(network, dtype="float64"), Engine())}
    assert not any(step.problem for step in made.values())
    tensors = {node.name: made[place].output for place, node in enumerate(network.nodes) if place in made}
    return [
        inputs[name] if name in inputs else tensors[name] for name in (network.nodes[p].name for p in network.outputs)
    ]


def agree(operator: str, item: Drawn) -> Imported:
    entering, constants, attributes, count = item
    written = model(operator, entering, constants, attributes, count)
    expected = theirs(written, entering)
    imported = of_bytes(declared(written, expected).SerializeToString(), "model.onnx")
    assert not imported.uncosted
    assert not imported.warnings
    results = ours(imported, entering)
    for own, other in zip(results, expected, strict=True):
        np.testing.assert_allclose(own.reshape(other.shape), other, 1e-4, 1e-5, err_msg=f"{operator} {attributes}")
    return imported


def numbers(draw: random.Random, *shape: int) -> Array:
    return np.random.default_rng(draw.randrange(2**32)).standard_normal(shape).astype(np.float32)


def shape_of(draw: random.Random, least: int = 2, most: int = 4) -> tuple[int, ...]:
    """Sizes with a batch of 1 in front."""
    return (1, *(draw.randint(1, 4) for _ in range(draw.randint(least, most) - 1)))


def places(draw: random.Random, size: int, *shape: int) -> Array:
    """Indices of an axis, some of them counted from its end."""
    return np.random.default_rng(draw.randrange(2**32)).integers(-size, size, shape)


def gather(draw: random.Random) -> Drawn:
    x = shape_of(draw)
    axis = draw.randrange(len(x))
    index = places(draw, x[axis], *(draw.randint(1, 3) for _ in range(draw.randint(0, 2))))
    return [numbers(draw, *x), index], [], {"axis": axis - draw.choice([0, len(x)])}, 1


def gather_elements(draw: random.Random) -> Drawn:
    x = shape_of(draw)
    axis = draw.randrange(len(x))
    index = places(draw, x[axis], *(draw.randint(1, 5) if place == axis else size for place, size in enumerate(x)))
    return [numbers(draw, *x), index], [], {"axis": axis}, 1


def points(draw: random.Random, x: tuple[int, ...], beside: int) -> Array:
    count = draw.randint(1, len(x) - beside)
    inner = [draw.randint(1, 3) for _ in range(draw.randint(0 if beside else 1, 2))]
    sizes = np.array(x[beside : beside + count])
    generator = np.random.default_rng(draw.randrange(2**32))
    return generator.integers(-sizes, sizes, (*x[:beside], *inner, count))


def gather_nd(draw: random.Random) -> Drawn:
    x = shape_of(draw)
    beside = draw.randrange(len(x))
    return [numbers(draw, *x), points(draw, x, beside)], [], {"batch_dims": beside}, 1


def scatter_elements(draw: random.Random) -> Drawn:
    (x, index), _, attributes, _ = gather_elements(draw)
    word = draw.choice(["add", "mul", "max", "min"])
    return [x, index, numbers(draw, *index.shape)], [], {**attributes, "reduction": word}, 1


def scatter_nd(draw: random.Random) -> Drawn:
    x = shape_of(draw)
    index = points(draw, x, 0)
    updates = numbers(draw, *index.shape[:-1], *x[index.shape[-1] :])
    return [numbers(draw, *x), index, updates], [], {"reduction": draw.choice(["add", "mul", "max", "min"])}, 1


def top_k(draw: random.Random) -> Drawn:
    x = shape_of(draw)
    axis = draw.randrange(len(x))
    k = np.array([draw.randint(1, x[axis])], np.int64)
    return [numbers(draw, *x)], [k], {"axis": axis, "largest": draw.randrange(2)}, 2


def one_hot(draw: random.Random) -> Drawn:
    x = shape_of(draw)
    count = draw.randint(1, 4)
    rest = [np.array([count], np.int64), np.array([0, 1], np.float32)]
    if draw.randrange(2):
        rest[1] = np.array([-0.5, 2.0], np.float32)
    return [places(draw, count + 1, *x)], rest, {"axis": draw.randint(-len(x) - 1, len(x))}, 1


def cumsum(draw: random.Random) -> Drawn:
    x = shape_of(draw)
    axis = np.array(draw.randint(-len(x), len(x) - 1), np.int64)
    return [numbers(draw, *x)], [axis], {"exclusive": draw.randrange(2), "reverse": draw.randrange(2)}, 1


def trilu(draw: random.Random) -> Drawn:
    x = shape_of(draw)
    diagonal = np.array(draw.randint(-4, 4), np.int64)
    return [numbers(draw, *x)], [diagonal], {"upper": draw.randrange(2)}, 1


def center_crop_pad(draw: random.Random) -> Drawn:
    x = shape_of(draw)
    axes = sorted(draw.sample(range(1, len(x)), draw.randint(1, len(x) - 1)))
    sizes = np.array([draw.randint(1, 7) for _ in axes], np.int64)
    return [numbers(draw, *x)], [sizes], {"axes": axes}, 1


def reduced(draw: random.Random) -> Drawn:
    x = shape_of(draw)
    axes = draw.sample(range(len(x)), draw.randint(1, len(x)))
    keepdims = 1 if len(axes) == len(x) - 1 == 1 else draw.randrange(2)
    values = np.abs(numbers(draw, *x)) + 0.1
    return [values], [np.array(axes, np.int64)], {"keepdims": keepdims}, 1


def placed(draw: random.Random) -> Drawn:
    x = shape_of(draw)
    attributes = {"axis": draw.randint(-len(x), len(x) - 1), "keepdims": draw.randrange(2)}
    small = np.random.default_rng(draw.randrange(2**32)).integers(0, 3, x).astype(np.float32)  # some are equal
    return [small], [], {**attributes, "select_last_index": draw.randrange(2)}, 1


def matmul(draw: random.Random) -> Drawn:
    """Vectors, rows with a batch of 1, and stacks of matrices, each with each."""
    inner, beside = draw.randint(1, 4), (1, *(draw.randint(1, 3) for _ in range(draw.randint(0, 2))))
    first = draw.choice([(inner,), (1, inner), (*beside, draw.randint(1, 4), inner)])
    second = draw.choice([(inner,), (*beside, inner, draw.randint(1, 4))])
    return [numbers(draw, *first), numbers(draw, *second)], [], {}, 1


EQUATIONS = (
    "bij,bjk->bik", "bij,bkj->bikj", "bij->bji", "bij->b", "bij", "bii->bi", "bii->b", "bhqd,bhkd->bhqk", "bi,bj->bij",
    "bij,bij->bij", "bij,bij->b", "bij,jk", "b...i,...ij->b...j", "b...ij,b...jk->b...ik", "bi,bij,bj->b",
    "bij,jk,kl->bil", "bi,bj,bk->bijk", "bik,bjk->bij", "bijk,bijk->bik", "i,i->", "bij,k->bk", "bijij->bij",
)  # fmt: skip


def einsum(draw: random.Random) -> Drawn:
    equation = draw.choice(EQUATIONS)
    sizes = {letter: 1 if letter == "b" else draw.randint(1, 4) for letter in equation if letter.isalpha()}
    middle = [draw.randint(1, 3) for _ in range(draw.randint(0, 2))]
    entering = []
    for term in equation.partition("->")[0].split(","):
        before, dots, behind = term.partition("...")
        others = middle if dots else []
        entering.append(numbers(draw, *(sizes[letter] for letter in before), *others, *(sizes[at] for at in behind)))
    return entering, [], {"equation": equation}, 1


def tile(draw: random.Random) -> Drawn:
    x = shape_of(draw)
    times = [1, *(draw.choice([1, 2, 3, 70]) for _ in x[1:])]
    return [numbers(draw, *x)], [np.array(times, np.int64)], {}, 1


def expand(draw: random.Random) -> Drawn:
    x = shape_of(draw)
    sizes = [size if size > 1 or place == 0 else draw.randint(1, 3) for place, size in enumerate(x)]
    return [numbers(draw, *x)], [np.array(sizes, np.int64)], {}, 1


REDUCTIONS = ("Mean", "Sum", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp")

CASES: dict[str, Callable[[random.Random], Drawn]] = {
    "Gather": gather,
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "ScatterElements": scatter_elements,
    "ScatterND": scatter_nd,
    "TopK": top_k,
    "OneHot": one_hot,
    "CumSum": cumsum,
    "Trilu": trilu,
    "CenterCropPad": center_crop_pad,
    "ArgMax": placed,
    "ArgMin": placed,
    "MatMul": matmul,
    "Einsum": einsum,
    "Tile": tile,
    "Expand": expand,
    **{f"Reduce{name}": reduced for name in REDUCTIONS},
}


@pytest.mark.parametrize("operator", CASES)
@few
@given(draw=draws)
def test_what_is_read_makes_what_onnx_runtime_makes(operator: str, draw: random.Random) -> None:
    agree(operator, CASES[operator](draw))


@few
@given(draw=draws)
def test_gemm_costs_its_products_in_all_its_forms(draw: random.Random) -> None:
    """With weights on either side, turned over or not, and with anything that is added."""
    rows, inner, columns = 1, draw.randint(1, 4), draw.randint(1, 4)
    turned, other_turned = draw.randrange(2), draw.randrange(2)
    x = numbers(draw, *((inner, rows) if turned and inner == 1 else (rows, inner)))
    weight = numbers(draw, *((columns, inner) if other_turned else (inner, columns)))
    added = numbers(draw, *draw.choice([(), (columns,), (1, columns), (rows, columns), (rows, 1)]))
    attributes = {"transA": int(turned and inner == 1), "transB": other_turned, "alpha": 0.5, "beta": 2.0}
    written = model("Gemm", [x], [weight, added], attributes, 1)
    (output,) = theirs(written, [x])
    report = analyzed(of_bytes(declared(written, [output]).SerializeToString(), "model.onnx"))
    assert report.totals.macs == rows * inner * columns
    assert report.layers[-1].output_shape in (output.shape, output.shape[1:])
    if inner * columns > 1 and added.size > 1:  # of one number alone nobody knows
        assert report.totals.params == weight.size + added.size


def analyzed(imported: Imported) -> Any:
    return convcalc.analyze(loads(Source("model.yaml", text(imported, flat=True))))


@pytest.mark.parametrize("indices", [(1, 5), (5,), (1, 2, 3)])
def test_an_embedding_has_parameters_and_costs_nothing(indices: tuple[int, ...]) -> None:
    table = np.random.default_rng(0).standard_normal((7, 3)).astype(np.float32)
    written = model("Gather", [np.zeros(indices, np.int64)], [], {}, 1)
    written.graph.node[0].input[:] = ["table.weight", "x0"]
    written.graph.initializer.append(numpy_helper.from_array(table, "table.weight"))
    imported = of_bytes(written.SerializeToString(), "model.onnx")
    (layer,) = imported.layers
    assert (layer.kind, layer.fields) == ("embedding", {"num_embeddings": 7, "embedding_dim": 3})
    assert layer.shape == (*(indices[1:] if indices[0] == 1 else indices), 3)
    assert (analyzed(imported).totals.params, analyzed(imported).totals.macs) == (21, 0)


def test_many_places_in_no_order_are_gathered_by_a_constant() -> None:
    order = np.random.default_rng(0).permutation(100)
    written = model("Gather", [np.zeros((1, 100, 2), np.float32)], [order], {"axis": 1}, 1)
    report = analyzed(of_bytes(written.SerializeToString(), "model.onnx"))
    assert [row.kind for row in report.layers] == ["parameter", "gather"]
    assert (report.totals.params, report.totals.buffers, report.totals.macs) == (0, 100, 0)
    assert report.layers[-1].output_shape == (100, 2)


MACS = {
    "bij,bjk->bik": 2 * 3 * 4,
    "bij,bij->bij": 0,
    "bij,bij->b": 2 * 3,
    "bij->b": 0,
    "bij,jk,kl->bil": 2 * 3 * 4 + 2 * 4 * 5,
    "bi,bj,bk->bijk": 0,
    "bii->bi": 0,
    "bij,k->bk": 4 * 0,
}


@pytest.mark.parametrize("equation", MACS)
def test_einsum_counts_products_that_are_summed(equation: str) -> None:
    sizes = dict(zip("bijkl", (1, 2, 3, 4, 5), strict=True))
    entering = [np.zeros([sizes[at] for at in term], np.float32) for term in equation.partition("->")[0].split(",")]
    behind = [x for x in entering if x.shape[:1] != (1,)]
    written = model("Einsum", entering[: len(entering) - len(behind)], behind, {"equation": equation}, 1)
    assert analyzed(of_bytes(written.SerializeToString(), "model.onnx")).totals.macs == MACS[equation]


COMPUTED: dict[str, tuple[str, list[tuple[int, ...]], dict[str, Any], tuple[int, ...], str]] = {
    "axes that are gone": ("ReduceSum", [(1, 2, 3), (1,)], {"keepdims": 0}, (1, 3), "reduce"),
    "axes that stay": ("ReduceMax", [(1, 2, 3), (1,)], {}, (1, 1, 3), "reduce"),
    "a shape": ("Reshape", [(1, 2, 6), (3,)], {}, (1, 3, 4), "reshape"),
    "axes to leave out": ("Squeeze", [(1, 2, 1, 3), (1,)], {}, (1, 2, 3), "reshape"),
    "axes to put in": ("Unsqueeze", [(1, 2, 3), (1,)], {}, (1, 2, 1, 3), "reshape"),
    "sizes": ("Expand", [(1, 2, 1), (3,)], {}, (1, 2, 5), "upsample"),
    "repeats": ("Tile", [(1, 2, 3), (3,)], {}, (1, 2, 6), "concat"),
    "starts": ("Slice", [(1, 6, 3), (1,), (1,), (1,)], {}, (1, 4, 3), "gather"),
}


@pytest.mark.parametrize("what", COMPUTED)
def test_sizes_that_are_computed_are_those_that_the_file_declares(what: str) -> None:
    operator, shapes, attributes, after, kind = COMPUTED[what]
    entering = [np.zeros(shapes[0], np.float32), *(np.zeros(shape, np.int64) for shape in shapes[1:])]
    written = declared(model(operator, entering, [], attributes, 1), [np.zeros(after, np.float32)])
    imported = of_bytes(written.SerializeToString(), "model.onnx")
    assert not imported.uncosted
    assert imported.layers[-1].kind == kind
    assert imported.layers[-1].shape == after[1:]


def test_axes_that_may_be_others_are_noted() -> None:
    entering = [np.zeros((1, 2, 2), np.float32), np.zeros(1, np.int64)]
    written = declared(model("ReduceSum", entering, [], {"keepdims": 0}, 1), [np.zeros((1, 2), np.float32)])
    imported = of_bytes(written.SerializeToString(), "model.onnx")
    assert any("of those that fit its shape [1] are read" in note for note in imported.notes)


@pytest.mark.parametrize(
    "equation", ["bij,bjk", "b->b->b", "ij,jk->iz", "b" * 3, "bij,jk->bikk", ",->", "b.ij->b", "1->1"]
)
def test_an_equation_that_is_none_is_said_to_be_one(equation: str) -> None:
    """With another number of tensors than it names, too: nothing but an operator that no kind says."""
    written = model("Einsum", [np.zeros((1, 2, 2), np.float32)], [], {"equation": equation}, 1)
    output = declared(written, [np.zeros((1, 2), np.float32)])
    imported = of_bytes(output.SerializeToString(), "model.onnx", strict=False)
    assert imported.uncosted
