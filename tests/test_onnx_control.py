"""If, Loop, Scan and sequences: what runs is counted as often as it runs, and its weights once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from test_onnx_unknown import FLOAT, INT64, op

import convcalc
from convcalc.imports import ReadOptions, read_bytes
from convcalc.imports.errors import CannotImport
from convcalc.imports.record import Imported
from convcalc.language.document import loads
from convcalc.language.source import Source
from convcalc.readable.text import flat_text

BOOL = TensorProto.BOOL
Infos = dict[str, tuple[int, Any]]


def infos(stated: Infos) -> list[onnx.ValueInfoProto]:
    return [helper.make_tensor_value_info(name, *kind) for name, kind in stated.items()]


def body(
    nodes: list[onnx.NodeProto], inputs: Infos, outputs: Infos, arrays: dict[str, Any] | None = None
) -> onnx.GraphProto:
    initialisers = [numpy_helper.from_array(np.asarray(array), name) for name, array in (arrays or {}).items()]
    return helper.make_graph(nodes, "body", infos(inputs), infos(outputs), initialisers)


def model(
    nodes: list[onnx.NodeProto], inputs: Infos, outputs: Infos, arrays: dict[str, Any] | None = None, **more: Any
) -> onnx.ModelProto:
    opsets = [helper.make_opsetid("", 17), *(helper.make_opsetid(domain, 1) for domain in more.pop("domains", ()))]
    return helper.make_model(body(nodes, inputs, outputs, arrays), opset_imports=opsets, ir_version=8, **more)


def read(full: onnx.ModelProto, **options: Any) -> Imported:
    return read_bytes(full.SerializeToString(), "net.onnx", "net.onnx", ReadOptions(**{"strict": True, **options}))


def costs(imported: Imported) -> tuple[int, int]:
    totals = convcalc.analyze(loads(Source("net.yaml", flat_text(imported)))).totals
    return totals.macs, totals.params


def check_shapes(full: onnx.ModelProto, feeds: dict[str, Any], imported: Imported) -> None:
    """What leaves has as many elements as ONNX Runtime's tensors, in the same sizes but for those of one."""
    session = onnxruntime.InferenceSession(full.SerializeToString(), providers=["CPUExecutionProvider"])
    arrays = session.run(None, {name: np.asarray(array) for name, array in feeds.items()})
    run = [[size for size in array.shape if size > 1] for array in arrays]
    shapes = {layer.name: layer.shape for layer in imported.layers} | imported.inputs
    assert [[size for size in shapes[name] if size > 1] for name in imported.outputs] == run


def random(*shape: int) -> Any:
    return np.random.default_rng(0).standard_normal(shape).astype("f")


X: Infos = {"x": (FLOAT, (1, 4))}
WEIGHTS = {"wide": random(4, 64), "narrow": random(4, 8), "back": random(64, 4), "small": random(8, 4)}


def branches(arrays: bool = False) -> dict[str, onnx.GraphProto]:
    """One of 512 MACs and one of 64; with `arrays` each has weights of the same names."""
    made = {}
    for name, size, first, second in (("then_branch", 8, "narrow", "small"), ("else_branch", 64, "wide", "back")):
        own = {"w": random(4, size), "v": random(size, 4)} if arrays else {}
        names = ("w", "v") if arrays else (first, second)
        nodes = [op("MatMul", "x", names[0], to="h"), op("MatMul", "h", names[1], to="o")]
        made[name] = body(nodes, {}, {"o": (FLOAT, (1, 4))}, own)
    return made


def deciding(*, arrays: bool = False) -> onnx.ModelProto:
    """`rate` above 8000 takes the narrow branch."""
    nodes = [
        op("Greater", "rate", "limit", to="is_high"),
        op("If", "is_high", to="y", **branches(arrays)),
    ]
    weights = {} if arrays else WEIGHTS
    return model(nodes, X | {"rate": (INT64, ())}, {"y": (FLOAT, (1, 4))}, weights | {"limit": np.int64(8000)})


@pytest.mark.parametrize("arrays", [False, True])
@pytest.mark.parametrize(("rate", "macs"), [(16000, 64), (8000, 512)])
def test_a_value_that_is_given_decides_the_branch(rate: int, macs: int, arrays: bool) -> None:
    full = deciding(arrays=arrays)
    imported = read(full, values={"rate": [rate]})
    assert costs(imported) == (macs, macs)
    assert list(imported.inputs) == ["x"]
    assert not imported.warnings
    check_shapes(full, {"x": random(1, 4), "rate": np.int64(rate)}, imported)


@pytest.mark.parametrize("arrays", [False, True])
def test_without_a_value_the_dearer_branch_is_counted_and_both_figures_said(arrays: bool) -> None:
    imported = read(deciding(arrays=arrays))
    assert costs(imported) == (512, 512)
    (warning,) = imported.warnings
    assert "else_branch (512 MACs, 512 params); the other takes 64 MACs, 64 params" in warning
    assert "--set rate=VALUE decides it" in warning


def scored(branching: list[onnx.NodeProto], *, score: str = "narrow", **more: Any) -> onnx.ModelProto:
    """`If` where a network of its own, of x, scores above 0."""
    nodes = [
        op("MatMul", "x", score, to="scores"),
        op("ReduceMax", "scores", to="highest", keepdims=0),
        op("Greater", "highest", "zero", to="is_high"),
        *branching,
    ]
    return model(nodes, X | more, {"y": (FLOAT, (1, 4))}, WEIGHTS | {"zero": np.float32(0)})


def test_what_works_out_which_branch_is_taken_costs_too() -> None:
    for score, macs in (("narrow", 32), ("wide", 256)):
        full = scored([op("If", "is_high", to="y", **branches())], score=score)
        assert costs(read(full)) == (512 + macs, 512 + macs - (256 if score == "wide" else 0))  # wide is shared


def test_what_decides_within_a_branch_counts_where_the_branch_does() -> None:
    inner = body([op("MatMul", "x", "narrow", to="s"), op("ReduceMax", "s", to="m", keepdims=0),
                  op("Greater", "m", "zero", to="c"), op("If", "c", to="i", **branches())],
                 {}, {"i": (FLOAT, (1, 4))})  # fmt: skip
    small = body([op("Identity", "x", to="p")], {}, {"p": (FLOAT, (1, 4))})
    nodes = [op("If", "flag", to="y", then_branch=small, else_branch=inner)]
    full = model(nodes, X | {"flag": (BOOL, ())}, {"y": (FLOAT, (1, 4))}, WEIGHTS | {"zero": np.float32(0)})
    assert costs(read(full))[0] == 512 + 32
    assert costs(read(full, values={"flag": [True]}))[0] == 0


def test_what_decides_is_an_output_only_where_nothing_else_reads_it() -> None:
    cast = helper.make_node("Cast", ["is_high"], ["f"], to=FLOAT)
    full = scored([op("If", "is_high", to="b", **branches()), cast, op("Add", "b", "f", to="y")])
    assert len(read(full).outputs) == 1
    assert not [note for note in read(full).notes if "written as an output" in note]
    assert costs(read(full))[0] == 512 + 32


def test_a_body_that_is_not_counted_decides_nothing() -> None:
    loop = body(
        [op("MatMul", "state", "narrow", to="s"), op("ReduceMax", "s", to="m", keepdims=0),
         op("Greater", "m", "zero", to="c"), op("If", "c", to="next", **branches()),
         op("Identity", "c", to="on")],
        {"i": (INT64, ()), "go": (BOOL, ()), "state": (FLOAT, (1, 4))},
        {"on": (BOOL, ()), "next": (FLOAT, (1, 4))},
    )  # fmt: skip
    nodes = [op("Loop", "", "", "x", to="y", body=loop)]
    imported = read(model(nodes, X, {"y": (FLOAT, (1, 4))}, WEIGHTS | {"zero": np.float32(0)}), strict=False)
    assert [layer.kind for layer in imported.layers] == ["opaque"]
    assert imported.outputs == (imported.layers[0].name,)


def test_an_input_that_decides_is_read(tmp_path: Path) -> None:
    nodes = [op("If", "flag", to="y", **branches())]
    imported = read(model(nodes, X | {"flag": (BOOL, ())}, {"y": (FLOAT, (1, 4))}, WEIGHTS))
    path = tmp_path / "net.yaml"
    path.write_text(flat_text(imported))
    assert "CC108" not in [finding.code for finding in convcalc.lint(path).findings]
    assert costs(imported) == (512, 512)


def test_values_that_fit_no_input_are_refused() -> None:
    full = deciding()
    for values, message in (
        ({"rat": [1]}, "inputs that a value may be given are x, rate"),
        ({"rate": [1, 2]}, "2 numbers, expected 1"),
    ):
        with pytest.raises(CannotImport, match=message):
            read(full, values=values)


def test_a_branch_that_gives_what_the_file_declares_is_taken_where_both_cost_the_same() -> None:
    squeeze = body([op("Squeeze", "x", to="s")], {}, {"s": (FLOAT, None)})
    keep = body([op("Identity", "x", to="i")], {}, {"i": (FLOAT, None)})
    nodes = [op("If", "flag", to="y", then_branch=squeeze, else_branch=keep)]
    for declared in ((4,), (1, 4)):
        imported = read(model(nodes, X | {"flag": (BOOL, ())}, {"y": (FLOAT, declared)}))
        assert "of two that cost the same" in imported.warnings[0]
        assert imported.warnings[0].count("then_branch" if len(declared) == 1 else "else_branch") == 1


def test_branches_within_branches_and_outer_tensors() -> None:
    inner = op("If", "is_high", to="inner", **branches())
    outer = body([inner], {}, {"inner": (FLOAT, (1, 4))})
    other = body([op("Identity", "x", to="p")], {}, {"p": (FLOAT, (1, 4))})
    nodes = [
        op("Greater", "rate", "limit", to="is_high"),
        op("If", "flag", to="y", then_branch=outer, else_branch=other),
    ]
    arrays = WEIGHTS | {"limit": np.int64(8000)}
    full = model(nodes, X | {"rate": (INT64, ()), "flag": (BOOL, ())}, {"y": (FLOAT, (1, 4))}, arrays)
    assert costs(read(full))[0] == 512
    assert costs(read(full, values={"rate": [9000]}))[0] == 64
    assert costs(read(full, values={"rate": [9000], "flag": [False]}))[0] == 0


def stepping(trips: Any, condition: Any, *, until: int | None = None) -> onnx.ModelProto:
    """A loop that multiplies a state by a weight around it and one within, and gives each state out."""
    nodes = [
        op("MatMul", "state", "outer", to="h"),
        op("MatMul", "h", "inner", to="next"),
        op("Identity", "next", to="seen"),
    ]
    arrays: dict[str, Any] = {"inner": random(8, 4)}
    if until is None:
        nodes.append(op("Identity", "going", to="goes"))
    else:
        nodes.append(op("Less", "turn", "last", to="goes"))
        arrays["last"] = np.int64(until)
    graph = body(
        nodes,
        {"turn": (INT64, ()), "going": (BOOL, ()), "state": (FLOAT, (1, 4))},
        {"goes": (BOOL, ()), "next": (FLOAT, (1, 4)), "seen": (FLOAT, (1, 4))},
        arrays,
    )
    outer: dict[str, Any] = {"outer": random(4, 8)}
    outer |= {} if trips is None else {"trips": np.int64(trips)}
    outer |= {} if condition is None else {"condition": np.array(condition)}
    inputs = ["" if trips is None else "trips", "" if condition is None else "condition", "x"]
    loop = helper.make_node("Loop", inputs, ["last_state", "states"], "loop", body=graph)
    return model([loop], X, {"last_state": (FLOAT, (1, 4)), "states": (FLOAT, (None, 1, 4))}, outer)


RUNS = [
    (1, True, None, 1),
    (5, True, None, 5),
    (4, None, None, 4),
    (9, True, 2, 3),
    (None, None, 3, 4),
    (2, True, 5, 2),
]
"""How often at most, whether it begins, the last turn that asks for another, and how often the body runs."""


@pytest.mark.parametrize(("trips", "condition", "until", "runs"), RUNS)
def test_a_loop_counts_as_often_as_it_runs_and_its_weights_once(
    trips: int | None, condition: bool | None, until: int | None, runs: int
) -> None:
    full = stepping(trips, condition, until=until)
    onnx.checker.check_model(full)
    imported = read(full)
    assert costs(imported) == (64 * runs, 64)
    check_shapes(full, {"x": random(1, 4)}, imported)


def test_a_loop_of_which_data_decides_the_end_is_not_counted() -> None:
    graph = body(
        [op("MatMul", "state", "w", to="next"), op("Identity", "going", to="goes")],
        {"turn": (INT64, ()), "going": (BOOL, ()), "state": (FLOAT, (1, 4))},
        {"goes": (BOOL, ()), "next": (FLOAT, (1, 4))},
        {"w": random(4, 4)},
    )
    nodes = [
        helper.make_node("Loop", ["trips", "", "x"], ["s"], "loop", body=graph),
        op("MatMul", "s", "v", to="y"),
    ]
    full = model(nodes, X | {"trips": (INT64, ())}, {"y": (FLOAT, (1, 2))}, {"v": random(4, 2)})
    with pytest.raises(CannotImport, match="how often its body runs depends on data"):
        read(full)
    imported = read(full, strict=False)
    assert "1 Loop (how often its body runs depends on data; --set trips=VALUE decides it)" in imported.missing
    assert "it holds 24 numbers" in imported.missing
    assert costs(read(full, values={"trips": [3]})) == (3 * 16 + 8, 16 + 8)


def test_a_body_that_runs_more_often_than_is_written_out_is_not_counted() -> None:
    full = stepping(10**9, True)
    with pytest.raises(CannotImport, match="more often than is written out"):
        read(full)
    assert read(full, strict=False).missing


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("backwards", [0, 1])
def test_a_scan_runs_its_body_for_each_place(axis: int, backwards: int) -> None:
    graph = body(
        [op("MatMul", "state", "w", to="h"), op("Add", "h", "part", to="next"), op("Relu", "next", to="seen")],
        {"state": (FLOAT, (1, 4)), "part": (FLOAT, (1, 4))},
        {"next": (FLOAT, (1, 4)), "seen": (FLOAT, (1, 4))},
    )
    sizes = [1, 4]
    sizes.insert(axis if axis >= 0 else 2, 6)
    scan = helper.make_node(
        "Scan", ["start", "x"], ["last", "all"], "scan", body=graph, num_scan_inputs=1, scan_input_axes=[axis],
        scan_input_directions=[backwards], scan_output_axes=[1], scan_output_directions=[backwards],
    )  # fmt: skip
    inputs: Infos = {"start": (FLOAT, (1, 4)), "x": (FLOAT, tuple(sizes))}
    outputs: Infos = {"last": (FLOAT, (1, 4)), "all": (FLOAT, (1, 6, 4))}
    full = model([scan], inputs, outputs, {"w": random(4, 4)})
    imported = read(full)
    assert costs(imported) == (6 * 16, 16)
    check_shapes(full, {"start": random(1, 4), "x": random(*sizes)}, imported)


def test_sequences_are_seen_through() -> None:
    nodes = [
        op("SplitToSequence", "x", "two", to="parts", axis=1),
        op("SequenceAt", "parts", "last", to="tail"),
        op("SequenceInsert", "parts", "tail", to="more"),
        op("SequenceErase", "more", "first", to="fewer"),
        op("SequenceLength", "fewer", to="count"),
        op("ConcatFromSequence", "fewer", to="joined", axis=1),
        op("ConcatFromSequence", "fewer", to="stacked", axis=0, new_axis=1),
        op("MatMul", "joined", "w", to="y"),
        op("Optional", "y", to="perhaps"),
        op("OptionalGetElement", "perhaps", to="z"),
    ]
    numbers = {"two": np.int64(2), "last": np.int64(-1), "first": np.int64(0), "w": random(4, 3)}
    full = model(nodes, X, {"stacked": (FLOAT, (2, 1, 2)), "z": (FLOAT, (1, 3))}, numbers)
    imported = read(full)
    assert costs(imported) == (12, 12)
    check_shapes(full, {"x": random(1, 4)}, imported)


def test_a_function_may_hold_a_branch_that_reads_what_is_around_it() -> None:
    """The names of a function's own tensors are others at every call, within its branches too."""
    then = body([op("MatMul", "h", "w", to="t")], {}, {"t": (FLOAT, None)})
    other = body([op("Identity", "h", to="e")], {}, {"e": (FLOAT, None)})
    nodes = [op("Relu", "u", to="h"), op("If", "c", to="v", then_branch=then, else_branch=other)]
    function = helper.make_function("local", "step", ["u", "w", "c"], ["v"], nodes, [helper.make_opsetid("", 17)])
    calls = [
        helper.make_node("step", ["x", "w", "yes"], ["a"], "one", domain="local"),
        helper.make_node("step", ["a", "w", "no"], ["b"], "two", domain="local"),
        helper.make_node("step", ["b", "w", "yes"], ["y"], "three", domain="local"),
    ]
    arrays = {"w": random(4, 4), "yes": np.array(True), "no": np.array(False)}
    full = model(calls, X, {"y": (FLOAT, (1, 4))}, arrays, functions=[function], domains=["local"])
    imported = read(full)
    assert costs(imported) == (2 * 16, 16)
    check_shapes(full, {"x": random(1, 4)}, imported)


def test_inputs_that_are_no_tensors_stop_nothing() -> None:
    sequence = helper.make_tensor_sequence_value_info("s", FLOAT, None)
    full = model(
        [op("SequenceAt", "s", "place", to="a"), op("MatMul", "x", "w", to="y"), op("Relu", "a", to="z")],
        X,
        {"y": (FLOAT, (1, 2)), "z": (FLOAT, None)},
        {"place": np.int64(0), "w": random(4, 2)},
    )
    full.graph.input.append(sequence)
    imported = read(full, strict=False)
    assert costs(imported) == (8, 8)
    assert "1 SequenceAt" in imported.missing
