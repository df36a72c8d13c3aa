"""A whole network run at its real size, every number of its report held against what was measured on the way."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from convcalc.analysis.analyze import analyze
from convcalc.analysis.report import ELEMENT_BYTES, ReceptiveField, Report, Row
from convcalc.arithmetic.number import product
from convcalc.layers import Shape
from convcalc.network import Network, Node
from convcalc.reference.execution import Step, execute
from convcalc.reference.field_checks import FieldCheck
from convcalc.reference.memory import TooLarge, bytes_needed
from convcalc.reference.probe import probe
from convcalc.reference.weights import RandomWeights
from convcalc.spec.suggestions import did_you_mean
from convcalc.tensors.engine import Engine

DTYPES = ("float32", "float64")
"""What a network can be run on."""


class Figure(msgspec.Struct, frozen=True):
    """One number, or shape: what the formulas say and what was found; `measured` is None where nothing came out."""

    claimed: Any
    measured: Any

    @property
    def agrees(self) -> bool:
        """Whether they are the same."""
        return bool(self.claimed == self.measured)


class LayerResult(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of one layer.

    `receptive_field` is None where fields were not asked for. `finite`: no element came out infinite or NaN. `problem`
    is what stopped the layer from running.
    """

    name: str
    kind: str
    line: int
    output_shape: Figure
    params: Figure
    macs: Figure
    receptive_field: FieldCheck | None
    finite: bool = True
    problem: str = ""

    @property
    def agrees(self) -> bool:
        """Whether all that was measured is what is claimed."""
        figures = (self.output_shape, self.params, self.macs)
        field = self.receptive_field is None or self.receptive_field.agrees is not False
        return not self.problem and field and all(figure.agrees for figure in figures)


class Expectation(msgspec.Struct, frozen=True):
    """A figure of the spec's `expect`. `measured` is None for what is not measured; then `claimed` is compared."""

    name: str
    expected: Any
    claimed: Any
    measured: Any

    @property
    def agrees(self) -> bool:
        """Whether the spec expects what was found."""
        return bool(self.expected == (self.claimed if self.measured is None else self.measured))


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """A network's numbers, claimed and measured. `totals` are by name; `batch` is 1."""

    network: Network
    report: Report
    dtype: str
    seed: int
    layers: tuple[LayerResult, ...]
    totals: dict[str, Figure]
    expectations: tuple[Expectation, ...]

    @property
    def disagreements(self) -> tuple[LayerResult, ...]:
        """The layers of which a number is not as claimed."""
        return tuple(layer for layer in self.layers if not layer.agrees)

    @property
    def agrees(self) -> bool:
        """Whether every number that was measured is what is claimed, and what the spec expects."""
        figures: list[Figure | Expectation] = [*self.totals.values(), *self.expectations]
        return not self.disagreements and all(figure.agrees for figure in figures)


class NoSuchLayer(ValueError):
    """There is no layer of that name."""


class Unknown(ValueError):
    """A network with layers of which it is not known what they do; `layers` are their names."""

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
    most_bytes: int | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Run a network on random tensors and compare every claim with what is measured.

    Shapes are read off the arrays, params are the elements of arrays that were read, each once, MACs the
    multiplications that were executed, receptive fields what a NaN at one input position reaches. `layer` runs one
    layer alone, on a random input. Elements and overflows depend on `seed`; nothing that is compared does.

    Raises:
        ValueError: a dtype that is not in `DTYPES`.
        NoSuchLayer: `layer` names none.
        Unknown: it is not known what a layer does.
        TooLarge: more than `most_bytes` are needed, told before anything is allocated.
    """
    if dtype not in DTYPES:
        raise ValueError(f"dtype: expected one of {', '.join(DTYPES)}, found {dtype}")
    if layer is not None:
        network = alone(network, layer)
    if network.uncosted:
        raise Unknown(network.uncosted)
    needed = bytes_needed(network, dtype)
    if most_bytes is not None and needed > most_bytes:
        raise TooLarge(needed, most_bytes)
    report, layers, totals = compared(network, dtype, seed, threads, progress=progress)
    return Verification(
        network=network,
        report=report,
        dtype=dtype,
        seed=seed,
        layers=layers,
        totals=totals,
        expectations=() if network.overridden or layer is not None else tuple(_expectations(report, layers, totals)),
    )


def compared(
    network: Network, dtype: str, seed: int, threads: int, *, probed: bool = True, progress: Progress | None = None
) -> tuple[Report, tuple[LayerResult, ...], dict[str, Figure]]:
    """What is claimed of a network, and beside it what was measured, layer by layer and in total."""
    report = analyze(network, dtype=dtype)
    tell = progress or (lambda what, done, of: None)
    measured = list(_run(network, dtype, seed, threads, tell))
    checks: Sequence[FieldCheck | None] = [None] * len(network.nodes)
    if probed:
        checks = probe(network, progress=lambda done, of: tell("receptive fields", done, of))
    rows = zip(report.layers, measured, checks[network.input_count :], strict=True)
    return report, tuple(_result(row, found, check) for row, found, check in rows), _totals(report, measured)


def alone(network: Network, name: str) -> Network:
    """The network of one layer, its inputs those of the layer.

    Raises:
        NoSuchLayer: there is none of that name.
    """
    index = next((place for place, node in enumerate(network.nodes) if node.name == name and node.config), None)
    if index is None:
        names = [node.name for node in network.layers]
        raise NoSuchLayer(f"there is no layer `{name}`; {did_you_mean(name, names) or 'analyze --expand lists them'}")
    node = network.nodes[index]
    entering = [network.nodes[source] for source in dict.fromkeys(node.inputs)]
    inputs = [Node(source.name, "input", None, (), source.shape, source.line) for source in entering]
    places = {source: place for place, source in enumerate(dict.fromkeys(node.inputs))}
    own = msgspec.structs.replace(node, inputs=tuple(places[source] for source in node.inputs), shared=None)
    return msgspec.structs.replace(
        network, nodes=(*inputs, own), input_count=len(inputs), outputs=(len(inputs),), groups=()
    )


class _Measured(msgspec.Struct):
    """What is kept of a step, the tensor let go of."""

    shape: Shape | None
    learned: int
    buffers: int
    macs: int
    alive_bytes: int
    output_bytes: int
    finite: bool
    problem: str


def _run(network: Network, dtype: str, seed: int, threads: int, tell: Progress) -> Iterator[_Measured]:
    generator = np.random.default_rng(seed)
    inputs = {node.name: generator.standard_normal((1, *node.shape)).astype(dtype) for node in network.inputs}
    weights, engine = RandomWeights(network, seed, dtype), Engine(threads)
    total = len(network.layers)
    tell(network.layers[0].name if total else "", 0, total)
    steps = execute(network, inputs, weights, engine)
    del inputs
    with np.errstate(all="ignore"):  # an overflow is told by name, once
        for done, step in enumerate(steps, start=1):
            yield _kept(step)
            del step
            tell(network.layers[min(done, total - 1)].name, done, total)
    if len(network.nodes) > FEW:
        gc.collect()


BUFFERS = ("running_mean", "running_var")
"""The arrays that are kept and not learned, by the names that PyTorch gives them."""
FEW = 100
"""Layers that leave little behind."""


def _kept(step: Step) -> _Measured:
    sizes = {name: product(shape) for name, shape in step.used.items()}
    output = step.output
    return _Measured(
        shape=None if output is None else output.shape[1:],
        learned=sum(size for name, size in sizes.items() if name not in BUFFERS),
        buffers=sum(size for name, size in sizes.items() if name in BUFFERS),
        macs=step.multiplications,
        alive_bytes=step.alive_bytes,
        output_bytes=0 if output is None else output.nbytes,
        finite=output is None or bool(np.isfinite(output).all()),
        problem=step.problem,
    )


def _result(row: Row, measured: _Measured, check: FieldCheck | None) -> LayerResult:
    return LayerResult(
        name=row.name,
        kind=row.kind,
        line=row.line,
        output_shape=Figure(row.output_shape, measured.shape),
        params=Figure(row.params, measured.learned),
        macs=Figure(row.macs, measured.macs),
        receptive_field=check,
        finite=measured.finite,
        problem=measured.problem,
    )


def _totals(report: Report, measured: Sequence[_Measured]) -> dict[str, Figure]:
    claimed = report.totals
    element = ELEMENT_BYTES[report.convention.dtype]
    params = sum(layer.learned for layer in measured)
    return {
        "params": Figure(claimed.params, params),
        "buffers": Figure(claimed.buffers, sum(layer.buffers for layer in measured)),
        "macs": Figure(claimed.macs, sum(layer.macs for layer in measured)),
        "weight_bytes": Figure(claimed.weight_bytes, params * element),
        "activation_bytes": Figure(claimed.activation_bytes, sum(layer.output_bytes for layer in measured)),
        "peak_activation_bytes": Figure(
            claimed.peak_activation_bytes, max((layer.alive_bytes for layer in measured), default=0)
        ),
    }


def _expectations(report: Report, layers: Sequence[LayerResult], totals: dict[str, Figure]) -> Iterator[Expectation]:
    network = report.network
    for name, expected in network.expect.items():
        if name == "output":
            places = [index - network.input_count for index in network.outputs if index >= network.input_count]
            shape = layers[places[0]].output_shape if places else Figure(network.inputs[0].shape, None)
            yield Expectation(name, expected, shape.claimed, shape.measured)
        elif name == "receptive_field":
            place = next(
                place for place, row in enumerate(report.layers) if row.receptive_field is report.receptive_field
            )
            check = layers[place].receptive_field
            probed = check.probed if check is not None else None
            claimed, measured = (_as_expected(field, expected) for field in (report.receptive_field, probed))
            yield Expectation(name, expected, claimed, measured)
        else:
            measured = totals[name].measured if name in totals else None
            yield Expectation(name, expected, getattr(report.totals, name), measured)


def _as_expected(field: ReceptiveField | None, expected: object) -> object:
    """The field's size in the form of the expectation: one number where all axes agree, or one an axis."""
    size = field.size if field is not None else None
    if isinstance(expected, tuple) or size is None:
        return size
    return size[0] if len(set(size)) == 1 else size
