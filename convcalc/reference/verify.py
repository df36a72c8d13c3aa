"""A whole network run at its real size, every number of its report held against what was measured on the way."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest

import numpy as np
from msgspec.structs import replace

from convcalc import steps
from convcalc.analysis.analyze import as_written, convention
from convcalc.analysis.report import Report
from convcalc.analysis.terms import Terms
from convcalc.arithmetic.precision import precision
from convcalc.fusing import Fusion, fuse
from convcalc.language.suggestions import did_you_mean
from convcalc.layers import UNSIZED
from convcalc.network import Network, Node
from convcalc.reference.against import OnnxRuntime
from convcalc.reference.backward_memory import bytes_to_check_gradients
from convcalc.reference.beside import Beside, settled
from convcalc.reference.execution import Step, Weights, execute, running_steps
from convcalc.reference.fields.field_checks import FieldCheck
from convcalc.reference.fields.probe import probe
from convcalc.reference.folded import KernelWeights
from convcalc.reference.layer_gradients import check_layers
from convcalc.reference.measured import Measured, expectations, kept, result, totals_of
from convcalc.reference.memory import TooLarge, bytes_needed
from convcalc.reference.model_file import check_file
from convcalc.reference.network_gradients import check_network
from convcalc.reference.part_of import kernel_of
from convcalc.reference.verified import Expectation, Figure, GradientCheck, LayerResult, Verification
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
    fused: bool | None = None,
    gradients: bool = False,
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

    `fused` runs the network as it is written and, beside it, merged into kernels (see `convcalc.fusing`), and compares
    the tensors of both; None is as its spec says in `deploy`. All that is measured is then of the kernels, and `layer`
    and `against`, always an export, are about these; but what the spec expects is of the network as written.

    `gradients` holds what comes back through every layer, and through the network, against differences, in float64
    and as the network is written (see `convcalc.reference.differences`), and counts the MACs of the way back.

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
    is_fused = not gradients and bool(network.deployment.fused if fused is None else fused)
    if layer is not None:
        network = kernel_alone(network, layer) if is_fused else alone(network, layer)
    fusion = fuse(network) if is_fused else None
    file = network.imported if against and network.imported and network.imported.runtime == against else None
    file = file if file and (file.path or file.content) and fusion is None else None
    if network.uncosted and (layer is not None or (against is not None and file is None)):
        raise UnknownLayers(network.uncosted)
    needed = bytes_needed(network, dtype, all_arrays_twice=against is not None and file is None, fusion=fusion)
    if gradients:
        needed = max(needed, bytes_to_check_gradients(network))
    if most_bytes is not None and needed > most_bytes:
        raise TooLarge(needed, most_bytes)
    of_layers, of_network = _gradients(network, seed, threads, progress) if gradients else ([], None)
    weights, engine = RandomWeights(network, seed, dtype), Engine(threads)
    running, beside, claims = network, None, None
    if fusion is not None:
        running, claims = fusion.network, _claims(network, dtype, None)  # while there are steps for it
        beside = Beside(fusion, _inputs(network, dtype, seed), KernelWeights(fusion, weights), engine)
    runtime = OnnxRuntime(running, beside or weights, threads) if against and file is None else None
    compared_file = None
    if file is not None:
        with steps.part(_FILE_SHARE):
            compared_file = check_file(file, seed=seed, threads=threads, most_bytes=most_bytes)
    report, layers, totals = compared(
        running,
        dtype,
        seed,
        threads,
        weights=runtime or beside or weights,
        runtime=runtime,
        beside=beside,
        progress=progress,
    )
    if gradients:
        layers = tuple(replace(row, gradients=check) for row, check in zip(layers, of_layers, strict=True))
    is_run = all(layer.is_run for layer in layers)
    expected: tuple[Expectation, ...] = ()
    if not network.overridden and layer is None:
        run = report, layers, totals
        expected = tuple(_of_written(claims, beside, layers) if claims and beside else expectations(network, *run))
    return Verification(
        network=running,
        report=report,
        dtype=dtype,
        seed=seed,
        layers=layers,
        totals=totals,
        expectations=expected,
        runtime=against or "",
        outputs=tuple(runtime.compare_outputs(_inputs(network, dtype, seed))) if runtime and is_run else (),
        file=compared_file,
        fusion=fusion,
        gradients=of_network,
        has_gradients=gradients,
    )


def _gradients(
    network: Network, seed: int, threads: int, progress: Progress | None
) -> tuple[list[GradientCheck | None], GradientCheck | None]:
    """Those of every layer, and those of the network, which take less."""
    with steps.part(_GRADIENTS_SHARE):
        of_network = check_network(network, seed, threads)
        return check_layers(network, seed, threads, progress), of_network


Compared = tuple[Report, tuple[LayerResult, ...], dict[str, Figure]]
"""What is claimed of a network, and beside it what was measured, layer by layer and in total."""


def compared(
    network: Network,
    dtype: str,
    seed: int,
    threads: int,
    *,
    weights: Weights | None = None,
    runtime: OnnxRuntime | None = None,
    beside: Beside | None = None,
    probed: bool = True,
    progress: Progress | None = None,
) -> Compared:
    """Run a network and measure it; `beside` is the network as it is written, where it is a fused one."""
    report = _claims(network, dtype, beside.fusion if beside else None)
    tell = progress or (lambda what, done, of: None)
    run = execute(
        network, _inputs(network, dtype, seed), weights or RandomWeights(network, seed, dtype), Engine(threads)
    )
    with steps.part(_RUNNING_SHARE):
        measured = list(_measured(report, network.layers, run, runtime, beside, tell))
        if beside is not None:
            measured = _settled(beside, network, dtype, seed, threads, measured)
    checks: Sequence[FieldCheck | None] = [None] * len(network.nodes)
    if probed:
        checks = _without_unsized(network, probe(network, progress=lambda done, of: tell("receptive fields", done, of)))
    return report, _results(report, measured, checks[network.input_count :]), totals_of(report, measured)


def _claims(network: Network, dtype: str, fusion: Fusion | None) -> Report:
    """What the formulas say, all numbers in the format that the run has."""
    bare = replace(network, nodes=tuple(replace(node, precision=None) for node in network.nodes))
    report = as_written(bare, dtype=dtype)
    if fusion is None:
        return report
    terms = Terms(precision=precision(dtype), fused=True)
    return replace(
        report, convention=convention(terms, fusion.original, fusion.network), terms=terms, written=fusion.original
    )


def _results(
    report: Report, measured: Sequence[Measured], checks: Sequence[FieldCheck | None]
) -> tuple[LayerResult, ...]:
    rows = zip_longest(report.layers, report.network.layers, measured, checks)
    return tuple(result(*row) for row in rows)


def _settled(
    beside: Beside, network: Network, dtype: str, seed: int, threads: int, measured: Sequence[Measured]
) -> list[Measured]:
    """What was measured, tensors that differ by more than was rounded held against what rounding does to them."""
    written, first = beside.fusion.original, network.input_count
    checks = [layer.written for layer in measured if layer.written is not None]
    if all(check.agrees is not False for check in checks):
        return list(measured)
    inputs = _inputs(written, dtype, seed)
    settled_checks = settled(beside.fusion, checks, inputs, RandomWeights(written, seed, dtype), Engine(threads))
    by_place = {check.place: check for check in settled_checks}
    return [replace(layer, written=by_place.get(place)) for place, layer in enumerate(measured, start=first)]


def _of_written(claims: Report, beside: Beside, layers: Sequence[LayerResult]) -> Iterator[Expectation]:
    """What the spec expects of the network as it is written; receptive fields are those of the kernels, `layers`."""
    network = beside.fusion.original
    first = network.input_count
    checks = [layers[place - first].receptive_field if place >= first else None for place in beside.fusion.places]
    results = _results(claims, beside.seen, checks[first:])
    return expectations(network, claims, results, totals_of(claims, beside.seen))


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


def kernel_alone(network: Network, name: str) -> Network:
    """The network of the layers of one kernel, its inputs those of the first.

    Raises:
        LayerNotFound: there is no kernel of that name.
    """
    alone(network, name)  # which says what to do about a name that there is not
    part = kernel_of(network, name)
    if isinstance(part, str):
        raise LayerNotFound(part)
    return part


def _inputs(network: Network, dtype: str, seed: int) -> dict[str, Array]:
    generator = np.random.default_rng(seed)
    return {node.name: generator.standard_normal((1, *node.shape)).astype(dtype) for node in network.inputs}


def _measured(
    report: Report,
    layers: Sequence[Node],
    run: Iterator[Step],
    runtime: OnnxRuntime | None,
    beside: Beside | None,
    tell: Progress,
) -> Iterator[Measured]:
    """The layers in the order they run, as far as the steps last."""
    total, networks = len(report.layers), 1 if beside is None else 2
    with np.errstate(all="ignore"):  # a note names the layers that overflow
        for done, (row, node) in enumerate(zip(report.layers, layers, strict=True)):
            tell(row.name, done, total)
            needed = running_steps(node.config, row.output_shape, row.macs, row.elementwise_ops, row.params)
            if not steps.afford(networks * needed):
                break
            step = next(run)
            against, written = runtime.compare(step) if runtime else None, beside.compare(step) if beside else None
            yield kept(step, against, written, beside.folded if beside else None)
            del step
        else:
            if beside is not None:
                beside.finish()
    if total > FEW:
        gc.collect()


_FILE_SHARE = 0.5
"""Of the steps of a run, what the layers of a model file may take that are held against the file itself."""

_GRADIENTS_SHARE = 0.8
"""Of the steps of a run, what the checks of gradients may take."""

_RUNNING_SHARE = 0.8
"""Of the steps that are left, what running the layers may take; the rest is for receptive fields."""


FEW = 100
"""Layers that leave little behind."""
