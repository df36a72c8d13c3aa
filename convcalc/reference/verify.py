"""A whole network run at its real size, every number of its report held against what was measured on the way."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace

from convcalc import steps
from convcalc.analysis.analyze import as_written
from convcalc.analysis.report import Report, Row
from convcalc.arithmetic.number import product
from convcalc.language.suggestions import did_you_mean
from convcalc.layers import UNSIZED, Shape
from convcalc.network import Network, Node
from convcalc.reference.against import OnnxRuntime, ValueCheck
from convcalc.reference.execution import Step, Weights, execute, running_steps
from convcalc.reference.fields.field_checks import FieldCheck
from convcalc.reference.fields.probe import probe
from convcalc.reference.memory import TooLarge, bytes_needed
from convcalc.reference.model_file import check_file
from convcalc.reference.verified import Expectation, Figure, LayerResult, Verification
from convcalc.reference.weights import RandomWeights
from convcalc.tensors.engine import Array, Engine

DTYPES = ("float32", "float64")
"""What a network can be run on."""

RUNTIMES = ("onnxruntime",)
"""What values can be held against."""


class LayerNotFound(ValueError):
    """There is no layer of that name."""


class UnknownLayers(ValueError):
    """Nobody knows what some layers of the network do; `layers` are their names."""

    def __init__(self, layers: tuple[str, ...]) -> None:
        super().__init__(f"it is not known what {', '.join(layers)} do")
        self.layers = layers


Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many steps are done and how many there are."""


def verify(
    network: Network,
    *,
    layer: str | None = None,
    dtype: str = "float32",
    seed: int = 0,
    threads: int = 1,
    against: str | None = None,
    most_bytes: int | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Run a network on random tensors and compare every claim with what is measured.

    Shapes are read off the arrays, params and buffers are the elements of arrays that were read, each once, MACs the
    multiplications and element-wise operations those that were executed, receptive fields what a NaN at one input
    position reaches. What the steps
    of a run do not last for is left out, and the result says so. `layer` runs one layer alone, on a random input.
    Elements and overflows depend on `seed`; nothing that is compared does. `against` compares the values too, with
    those of another runtime, which runs an export of the network on the same arrays, or, of a network that was read
    from a model file, that file with its own. With `layer` it is always an export.

    Raises:
        ValueError: a dtype that is not in `DTYPES`, a runtime that is not in `RUNTIMES`.
        MissingPackage: a package that the runtime takes is not installed.
        LayerNotFound: `layer` names none.
        UnknownLayers: it is not known what a layer does, and it was to run alone or in another runtime.
        TooLarge: more than `most_bytes` are needed; it is raised before anything is allocated.
    """
    if dtype not in DTYPES:
        raise ValueError(f"dtype: expected one of {', '.join(DTYPES)}, found {dtype}")
    if against is not None and against not in RUNTIMES:
        raise ValueError(f"against: expected one of {', '.join(RUNTIMES)}, found {against}")
    if layer is not None:
        network = alone(network, layer)
    file = network.imported if against and network.imported and network.imported.runtime == against else None
    file = file if file and (file.path or file.content) else None
    if network.uncosted and (layer is not None or (against is not None and file is None)):
        raise UnknownLayers(network.uncosted)
    needed = bytes_needed(network, dtype, all_arrays_twice=against is not None and file is None)
    if most_bytes is not None and needed > most_bytes:
        raise TooLarge(needed, most_bytes)
    weights = RandomWeights(network, seed, dtype)
    runtime = OnnxRuntime(network, weights, threads) if against and file is None else None
    compared_file = None
    if file is not None:
        with steps.part(_FILE_SHARE):
            compared_file = check_file(file, seed=seed, threads=threads, most_bytes=most_bytes)
    report, layers, totals = compared(
        network, dtype, seed, threads, weights=runtime or weights, runtime=runtime, progress=progress
    )
    is_run = all(layer.is_run for layer in layers)
    return Verification(
        network=network,
        report=report,
        dtype=dtype,
        seed=seed,
        layers=layers,
        totals=totals,
        expectations=() if network.overridden or layer is not None else tuple(_expectations(report, layers, totals)),
        runtime=against or "",
        outputs=tuple(runtime.compare_outputs(_inputs(network, dtype, seed))) if runtime and is_run else (),
        file=compared_file,
    )


def compared(
    network: Network,
    dtype: str,
    seed: int,
    threads: int,
    *,
    weights: Weights | None = None,
    runtime: OnnxRuntime | None = None,
    probed: bool = True,
    progress: Progress | None = None,
) -> tuple[Report, tuple[LayerResult, ...], dict[str, Figure]]:
    """What is claimed of a network, and beside it what was measured, layer by layer and in total."""
    report = as_written(network, dtype=dtype)
    tell = progress or (lambda what, done, of: None)
    run = execute(
        network, _inputs(network, dtype, seed), weights or RandomWeights(network, seed, dtype), Engine(threads)
    )
    with steps.part(_RUNNING_SHARE):
        measured = list(_measured(report, network.layers, run, runtime, tell))
    checks: Sequence[FieldCheck | None] = [None] * len(network.nodes)
    if probed:
        checks = _without_unsized(network, probe(network, progress=lambda done, of: tell("receptive fields", done, of)))
    rows = zip_longest(report.layers, network.layers, measured, checks[network.input_count :])
    results = tuple(
        _result(row, layer, check, follows_values=node.config.follows_values) for row, node, layer, check in rows
    )
    return report, results, _totals(report, measured)


def _without_unsized(network: Network, checks: Sequence[FieldCheck]) -> list[FieldCheck]:
    """The checks, not probed where a layer reads what has no size, through which no tag can be followed."""
    behind: set[int] = set()
    for index, node in enumerate(network.nodes):
        if node.shape == UNSIZED or not behind.isdisjoint(node.inputs):
            behind.add(index)
    return [
        replace(check, agrees=None, probed=None, reason="nothing is known of the size of a layer on the way")
        if index in behind
        else check
        for index, check in enumerate(checks)
    ]


def alone(network: Network, name: str) -> Network:
    """The network of one layer, its inputs those of the layer.

    Raises:
        LayerNotFound: there is none of that name.
    """
    index = next((place for place, node in enumerate(network.nodes) if node.name == name and not node.is_input), None)
    if index is None:
        names = [node.name for node in network.layers]
        inner = next((f"it is several, `{inside}` the first" for inside in names if inside.startswith(f"{name}.")), "")
        advice = inner or did_you_mean(name, names) or "analyze --expand lists them"
        raise LayerNotFound(f"there is no layer `{name}`; {advice}")
    return network.alone(index)


class _Measured(msgspec.Struct):
    """What is kept of a step once its tensor is freed."""

    shape: Shape | None
    learned: int
    buffers: int
    macs: int
    elementwise_ops: int
    alive_bytes: int
    output_bytes: int
    finite: bool
    problem: str
    against: ValueCheck | None


def _inputs(network: Network, dtype: str, seed: int) -> dict[str, Array]:
    generator = np.random.default_rng(seed)
    return {node.name: generator.standard_normal((1, *node.shape)).astype(dtype) for node in network.inputs}


def _measured(
    report: Report, layers: Sequence[Node], run: Iterator[Step], runtime: OnnxRuntime | None, tell: Progress
) -> Iterator[_Measured]:
    """The layers in the order they run, as far as the steps last."""
    total = len(report.layers)
    with np.errstate(all="ignore"):  # a note names the layers that overflow
        for done, (row, node) in enumerate(zip(report.layers, layers, strict=True)):
            tell(row.name, done, total)
            if not steps.afford(
                running_steps(node.config, row.output_shape, row.macs, row.elementwise_ops, row.params)
            ):
                break
            step = next(run)
            yield _kept(step, runtime.compare(step) if runtime else None)
            del step
    if total > FEW:
        gc.collect()


_FILE_SHARE = 0.5
"""Of the steps of a run, what the layers of a model file may take that are held against the file itself."""

_RUNNING_SHARE = 0.8
"""Of the steps that are left, what running the layers may take; the rest is for receptive fields."""


BUFFERS = ("running_mean", "running_var", "constant")
"""The arrays that are kept and not learned, by name; those of norms as PyTorch calls them."""
FEW = 100
"""Layers that leave little behind."""


def _kept(step: Step, against: ValueCheck | None) -> _Measured:
    sizes = {name: product(shape) for name, shape in step.used.items()}
    output = step.output
    return _Measured(
        shape=None if output is None else output.shape[1:],
        learned=sum(size for name, size in sizes.items() if name not in BUFFERS),
        buffers=sum(size for name, size in sizes.items() if name in BUFFERS),
        macs=step.multiplications,
        elementwise_ops=step.element_operations,
        alive_bytes=step.alive_bytes,
        output_bytes=step.output_bytes,
        finite=output is None or bool(np.isfinite(output).all()),
        problem=step.problem,
        against=against,
    )


def _result(row: Row, measured: _Measured | None, check: FieldCheck | None, *, follows_values: bool) -> LayerResult:
    def figure(claimed: Any, name: str, *, is_known: bool = True) -> Figure:
        is_tried = measured is not None and is_known
        return Figure(claimed, getattr(measured, name, None) if is_tried else None, is_tried)

    return LayerResult(
        name=row.name,
        kind=row.kind,
        line=row.line,
        output_shape=figure(row.output_shape, "shape"),
        params=figure(row.params, "learned", is_known=row.costed),
        buffers=figure(row.buffers, "buffers", is_known=row.costed),
        macs=figure(row.macs, "macs", is_known=row.costed),
        elementwise_ops=figure(row.elementwise_ops, "elementwise_ops", is_known=row.costed and not follows_values),
        receptive_field=check,
        against=measured.against if measured else None,
        finite=measured is None or measured.finite,
        problem=measured.problem if measured else "",
    )


def _totals(report: Report, measured: Sequence[_Measured]) -> dict[str, Figure]:
    """Those of all layers together, not tried where a layer was not run."""
    element, params = np.dtype(report.convention.dtype).itemsize, sum(layer.learned for layer in measured)
    macs, operations = (sum(getattr(layer, cost) for layer in measured) for cost in ("macs", "elementwise_ops"))
    totals = {
        "params": params,
        "buffers": sum(layer.buffers for layer in measured),
        "macs": macs,
        "elementwise_ops": operations,
        "flops": 2 * macs + operations,
        "weight_bytes": params * element,
        "activation_bytes": sum(layer.output_bytes for layer in measured),
        "peak_activation_bytes": max((layer.alive_bytes for layer in measured), default=0),
    }
    is_run = len(measured) == len(report.layers)
    is_fixed = not any(node.config.follows_values for node in report.network.layers)
    tried = {name: is_run and (is_fixed or name not in ("elementwise_ops", "flops")) for name in totals}
    return {
        name: Figure(getattr(report.totals, name), total if tried[name] else None, tried[name])
        for name, total in totals.items()
    }


def _expectations(report: Report, layers: Sequence[LayerResult], totals: dict[str, Figure]) -> Iterator[Expectation]:
    claimed, network = report.figures, report.network
    for name, expected in network.expect.items():
        measured = totals[name].measured if name in totals else None
        if name == "output" and network.outputs[:1] >= (network.input_count,):
            measured = layers[network.outputs[0] - network.input_count].output_shape.measured
        elif name == "receptive_field":
            rows = zip(report.layers, layers, strict=True)
            check = next(layer.receptive_field for row, layer in rows if row.receptive_field is report.receptive_field)
            measured = check.probed.size if check is not None and check.probed is not None else None
        yield Expectation(name, expected, claimed[name], measured)
