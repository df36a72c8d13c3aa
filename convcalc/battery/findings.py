"""What is wrong with the claims about one network: everything measured that is not as claimed, by what it is about."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec
import numpy as np

from convcalc.battery.identities import Bench, disagreement, identities
from convcalc.layers import Kind, Shape
from convcalc.network import Network
from convcalc.reference.against import OnnxRuntime
from convcalc.reference.execution import failure, run_layer
from convcalc.reference.fields.probe import probe
from convcalc.reference.layer_gradients import check_layers
from convcalc.reference.measured import BUFFERS
from convcalc.reference.network_gradients import check_network
from convcalc.reference.scalar import counted
from convcalc.reference.verified import Figure, LayerResult
from convcalc.reference.verify import compared
from convcalc.reference.weights import RandomWeights
from convcalc.tensors.engine import Array, Engine

Column = Literal["shape", "params", "macs", "elementwise_ops", "receptive_field", "identities", "gradients", "values"]
COLUMNS: tuple[Column, ...] = ("shape", "params", "macs", "elementwise_ops", "receptive_field", "identities")
"""What is always looked at; `gradients` and `values` are where they are asked for."""

_MOST_TO_COUNT = 600
"""A layer of more MACs and operations is not run on numbers that count."""
_MOST_MACS_TO_PROBE = 600
"""A layer of more is not probed with all its channels and axes."""
_MOST_ELEMENTS_TO_REACH = 40
"""Elements of a layer's learned arrays that are followed to its output; of more, as many are drawn."""

TOTALS: dict[str, Column] = {
    "params": "params",
    "buffers": "params",
    "weight_bytes": "params",
    "macs": "macs",
    "elementwise_ops": "elementwise_ops",
    "flops": "elementwise_ops",
    "activation_bytes": "shape",
    "peak_activation_bytes": "shape",
}
"""What a total of a network is about."""


class Mismatch(msgspec.Struct, frozen=True):
    """One number that is not as claimed. `layer` is empty where it is one of the whole network."""

    column: Column
    layer: str
    message: str


class Checked(msgspec.Struct, frozen=True):
    """What came of one case: the columns of which there was something to check, and what was found wrong."""

    columns: frozenset[Column]
    findings: tuple[Mismatch, ...]


def checked(
    network: Network,
    subject: str,
    seed: int,
    only: Column | None = None,
    *,
    against: str | None = None,
    gradients: bool = False,
) -> Checked:
    """Hold everything that is claimed of a network against what it does; `subject` is whose identities are to hold.

    `only` leaves out what other columns alone would need. `against` is the runtime that the values are held against;
    `gradients` holds these against differences.
    """
    findings: list[Mismatch] = []
    about: set[Column] = set()
    if only != "identities":
        try:
            about |= _figures(network, seed, findings, probed=only in (None, "receptive_field"))
            if against is not None and only in (None, "values"):
                about |= _values(network, seed, findings)
        except Exception as error:  # a formula that fails is one that is wrong
            findings.append(Mismatch("shape", "", f"a formula fails: {failure(error)}"))
    broken = any(finding.column == "shape" for finding in findings)
    if not broken and len(network.layers) == 1 and only in (None, "params", "macs", "elementwise_ops"):
        findings += _small(network, seed)
    if only in (None, "identities"):
        about |= _identities(network, subject, seed, findings)
    if gradients and not broken and only in (None, "gradients"):
        about |= _gradients(network, seed, findings)
    return Checked(frozenset(about | {finding.column for finding in findings}), tuple(findings))


def _figures(network: Network, seed: int, findings: list[Mismatch], *, probed: bool) -> set[Column]:
    """The columns there are figures for; what is wrong with them is added to `findings`."""
    report, layers, totals = compared(network, "float64", seed, 1, probed=False)
    for layer in layers:
        findings += _of_layer(layer)
    for name, figure in totals.items():
        if figure.agrees is False and not any(finding.column == TOTALS[name] for finding in findings):
            findings.append(Mismatch(TOTALS[name], "", f"{name} in total {_figure(figure)}"))
    about: set[Column] = {"shape"}
    about |= {"params"} if report.totals.params or report.totals.buffers else set()
    about |= {"macs"} if report.totals.macs else set()
    about |= {"elementwise_ops"} if totals["elementwise_ops"].is_tried and report.totals.elementwise_ops else set()
    if probed and not any(layer.problem for layer in layers):
        small = len(network.layers) == 1 and report.totals.macs <= _MOST_MACS_TO_PROBE
        checks = probe(network, thin=not small)[network.input_count :]
        findings += [Mismatch("receptive_field", check.name, check.reason) for check in checks if check.agrees is False]
        about |= {"receptive_field"} if any(check.agrees is not None for check in checks) else set()
    return about


def _gradients(network: Network, seed: int, findings: list[Mismatch]) -> set[Column]:
    """Whether any gradient was compared; what is wrong with them is added to `findings`."""
    try:
        layers, whole_network = check_layers(network, seed, 1), check_network(network, seed, 1)
    except Exception as error:  # as above
        findings.append(Mismatch("gradients", "", f"the way back fails: {failure(error)}"))
        return {"gradients"}
    named = [*zip((node.name for node in network.layers), layers, strict=True), ("", whole_network)]
    checks = [(name, check) for name, check in named if check is not None]
    findings += [Mismatch("gradients", name, message) for name, check in checks for message in check.mismatches]
    return {"gradients"} if any(check.values_agree is not None for _, check in checks) else set()


def _values(network: Network, seed: int, findings: list[Mismatch]) -> set[Column]:
    """Whether any value was compared; float32, which ONNX Runtime has all operators for."""
    runtime = OnnxRuntime(network, RandomWeights(network, seed), outputs=False)
    _, layers, _ = compared(network, "float32", seed, 1, weights=runtime, runtime=runtime, probed=False)
    comparisons = [(layer.name, layer.against) for layer in layers if layer.against is not None]
    findings += [
        Mismatch("values", name, f"values {comparison.difference:.1e} apart, more than {comparison.tolerance:.1e}")
        for name, comparison in comparisons
        if comparison.agrees is False
    ]
    return {"values"} if any(comparison.agrees is not None for _, comparison in comparisons) else set()


def _of_layer(layer: LayerResult) -> Iterator[Mismatch]:
    figures: tuple[tuple[Column, Figure], ...] = (
        ("shape", layer.output_shape),
        ("params", layer.params),
        ("params", layer.buffers),
        ("macs", layer.macs),
        ("elementwise_ops", layer.elementwise_ops),
    )
    for column, figure in figures:
        if layer.problem and (figure.claimed or column == "shape"):
            yield Mismatch(column, layer.name, f"cannot be run: {layer.problem}")
        elif figure.agrees is False:
            yield Mismatch(column, layer.name, _figure(figure))


def _figure(figure: Figure) -> str:
    return f"{_written(figure.claimed)} claimed, {_written(figure.measured)} measured"


def _written(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else "nothing" if value is None else f"{value:,}"


def _small(network: Network, seed: int) -> Iterator[Mismatch]:
    """What is proved on small layers alone: the count of products, and that every learned element has an effect."""
    (layer,) = network.layers
    config, shapes, name, bench = layer.config, network.shapes_into(layer), layer.name, Bench(seed)
    inputs = [bench.random(1, *shape) for shape in shapes]
    try:
        arrays = bench.arrays(config, shapes)
        idle = _idle(config, arrays, inputs, seed)
    except Exception as error:  # as above
        yield Mismatch("params", name, f"cannot be run: {failure(error)}")
        return
    if idle:
        yield Mismatch("params", name, f"element {idle} reaches no output")
    yield from _seen_by_numbers(config, shapes, name, arrays, inputs)


def _seen_by_numbers(
    config: Kind, shapes: Sequence[Shape], name: str, arrays: Mapping[str, Array], inputs: list[Array]
) -> Iterator[Mismatch]:
    """The products and element-wise operations of a small layer, as the numbers themselves count them."""
    macs, operations = config.macs(*shapes), config.elementwise_ops(*shapes)
    if not (config.costed and 0 < macs + operations <= _MOST_TO_COUNT):
        return
    try:
        with np.errstate(all="ignore"):  # a root of something below zero is an operation all the same
            seen = counted(config, arrays, inputs)
    except Exception as error:  # as above
        column: Column = "macs" if macs else "elementwise_ops"
        yield Mismatch(column, name, f"cannot be run on numbers that count: {failure(error)}")
        return
    if seen.products != macs:
        yield Mismatch("macs", name, f"{macs:,} claimed, {seen.products:,} products seen by the numbers")
    if seen.operations != operations and not config.follows_values:
        text = f"{operations:,} claimed, {seen.operations:,} operations seen by the numbers"
        yield Mismatch("elementwise_ops", name, text)


def _idle(config: Kind, arrays: Mapping[str, Array], inputs: list[Array], seed: int) -> str:
    """The first learned element that, being NaN, is not seen in any output; empty if there is none."""
    places = [
        (name, place) for name, array in arrays.items() if name not in BUFFERS for place in np.ndindex(array.shape)
    ]
    if len(places) > _MOST_ELEMENTS_TO_REACH:
        places = random.Random(seed).sample(places, _MOST_ELEMENTS_TO_REACH)
    counting = [np.arange(x.size, dtype=x.dtype).reshape(x.shape) for x in inputs]  # as indices: of every place
    tries = (
        (config, inputs),
        (config, [-x for x in inputs]),
        (_uncropped(config), inputs),
        (config, counting),
    )
    for name, place in places:
        spoiled = arrays[name].copy()
        spoiled[place] = np.nan
        if not any(_has_nan(form, {**arrays, name: spoiled}, entering) for form, entering in tries):
            return f"{name}[{', '.join(map(str, place))}]"
    return ""


def _has_nan(config: Kind, arrays: Mapping[str, Array], inputs: list[Array]) -> bool:
    with np.errstate(invalid="ignore"):
        output, _ = run_layer(Engine(), config, arrays, inputs)
    return bool(np.isnan(output).any())


def _uncropped(config: Kind) -> Kind:
    """A transposed convolution that keeps all it writes: a tap whose positions are all cropped away reaches nothing."""
    if "output_padding" not in config.__struct_fields__:
        return config
    return msgspec.structs.replace(config, padding="valid", output_padding=(0,) * len(config.output_padding))  # type: ignore[attr-defined]  # one of its fields


def _identities(network: Network, subject: str, seed: int, findings: list[Mismatch]) -> set[Column]:
    """Whether any identity says something of the network; what is wrong with them is added to `findings`."""
    spoken = False
    layer = network.layers[-1]
    alone = len(network.layers) == 1 and layer.kind == subject
    about = (layer.config, *network.shapes_into(layer)) if alone else (network,)
    for identity in identities().get(subject, ()):
        try:
            wrong = disagreement(identity, seed, *about)
        except Exception as error:  # as above
            wrong = f"{identity.claim}: {failure(error)}"
        spoken |= wrong is not None
        if wrong:
            findings.append(Mismatch("identities", layer.name if alone else "", wrong))
    return {"identities"} if spoken else set()
