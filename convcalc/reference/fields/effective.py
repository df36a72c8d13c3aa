"""The effective receptive field: how much each input position moves an output position, by gradients.

The theoretical field says what can reach a position, this says how much of it does, for weights that are drawn or
given. Following Luo, Li, Urtasun and Zemel, "Understanding the effective receptive field in deep convolutional neural
networks", 2016, the gradient at one output position is 1 or -1 and 0 everywhere else; what comes back to the input is a
mean over runs of its absolute values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace

from convcalc.language.suggestions import did_you_mean
from convcalc.layers import UNSIZED
from convcalc.network import Network
from convcalc.reference.backward_memory import bytes_to_differentiate
from convcalc.reference.execution import Weights
from convcalc.reference.fields.effective_field import EffectiveField, Signs
from convcalc.reference.fields.mass import SHARE, centred_side, deviation, profile, side_of_equal_count
from convcalc.reference.fields.position import NoEffectiveField, Sight, place_of, sight
from convcalc.reference.gradients import ancestors, gradients
from convcalc.reference.memory import TooLarge
from convcalc.reference.weights import RandomWeights
from convcalc.tensors.duals import NotDifferentiable
from convcalc.tensors.engine import Array, Engine

RUNS = 20
"""Runs that the mean is taken over, as in the paper."""

Progress = Callable[[int, int], None]
"""Called with how many of how many layers are done, on the way there and back, of all runs together."""


def effective_field(
    network: Network,
    layer: str | None = None,
    *,
    runs: int = RUNS,
    seed: int = 0,
    of_input: str | None = None,
    position: Sequence[int] | None = None,
    signs: Signs = "random",
    dtype: str = "float32",
    threads: int = 1,
    weights: Weights | None = None,
    most_bytes: int | None = None,
    progress: Progress | None = None,
) -> EffectiveField:
    """What a position of a layer's output really looks at; the centre one, where no other is named.

    Without `layer` it is the layer whose receptive field `analyze` gives for the network. A block or a repeat stands
    for its last layer. Each of the `runs` has an input of its own, drawn from a normal distribution, and weights of its
    own, unless they are given, as by `load_weights`; the same `seed` gives the same map. `of_input` names one of
    several inputs; by default it is that with the most positions.

    `signs` are what the channels of the output position are weighed by: by chance, so that channels that always add up
    to the same, as those of a softmax or of a norm, do not cancel, or all by 1.

    Raises:
        NoEffectiveField: no such layer or input, no positions, a position that there is not, no gradient, or a layer on
            the way that has none, which is named.
        TooLarge: more memory than `most_bytes` would be needed.
    """
    if runs < 1:
        raise NoEffectiveField(f"expected at least 1 run, found {runs}")
    place = place_of(network, layer)
    part = replace(network, nodes=network.nodes[: place + 1], outputs=(place,), groups=())
    name = _input(part, of_input)
    seen = sight(network, place, position)
    held = part if weights is None else network  # weights that are given are there for all layers
    needed = bytes_to_differentiate(held, place, element=np.dtype(dtype).itemsize)
    if most_bytes is not None and needed > most_bytes:
        raise TooLarge(needed, most_bytes)
    back = _Back(part, seen, dtype, signs, Engine(threads))
    count = 2 * len(back.order)
    arrived: dict[str, Array] = {}
    with np.errstate(all="ignore"):  # what is not finite is refused below
        for run in range(runs):
            tell = None if progress is None else _later(progress, run * count, runs * count)
            drawn = RandomWeights(part, seed + run, dtype) if weights is None else weights
            for source, map_ in back.run(drawn, seed + run, tell).items():
                arrived[source] = arrived.get(source, 0) + map_ / runs
    mass = _checked(arrived, name, part.nodes[place].name)
    return EffectiveField(
        network=network,
        layer=part.nodes[place].name,
        kind=part.nodes[place].kind,
        output_shape=part.nodes[place].shape,
        position=seen.position,
        position_sizes=seen.sizes,
        input=name,
        other_inputs=tuple(source for source in arrived if source != name),
        receptive_field=seen.receptive_field,
        spans=seen.spans,
        mass=mass,
        runs=runs,
        seed=seed,
        weights="random" if weights is None else getattr(weights, "source", "given"),
        dtype=dtype,
        signs=signs,
        **_measures(mass, seen),
    )


def _later(progress: Progress, before: int, total: int) -> Progress:
    """What a run tells, which is one of several."""
    return lambda done, _: progress(before + done, total)


def _input(part: Network, named: str | None) -> str:
    """The input whose map is wanted: the one that is named, or of those with positions that with the most.

    Raises:
        NoEffectiveField: there is none, or layers are in the way of which it is not known what they do.
    """
    needed = set(ancestors(part, len(part.nodes) - 1))
    layer = part.nodes[-1].name
    unknown = [
        part.nodes[index].name
        for index in sorted(needed)
        if part.nodes[index].shape == UNSIZED or not (part.nodes[index].is_input or part.nodes[index].config.costed)
    ]
    if unknown:
        raise NoEffectiveField(f"it is not known what {', '.join(unknown[:5])} compute, on the way to `{layer}`")
    inputs = {node.name: node.shape[1:] for index, node in enumerate(part.inputs) if index in needed}
    if not inputs:
        raise NoEffectiveField(f"`{layer}` sees nothing of the input")
    if named is not None and named not in inputs:
        known = ", ".join(inputs)
        raise NoEffectiveField(f"`{layer}` has no input `{named}`; {did_you_mean(named, inputs) or f'it sees {known}'}")
    name = named or max(inputs, key=lambda name: math.prod(inputs[name]) if inputs[name] else 0)
    if not inputs[name]:
        raise NoEffectiveField(f"the input `{name}` has channels and no positions, so nothing of it can be near or far")
    return name


class _Back:
    """Gradients of one output position, run after run."""

    def __init__(self, part: Network, seen: Sight, dtype: str, signs: Signs, engine: Engine) -> None:
        self.part, self.seen, self.dtype, self.signs, self.engine = part, seen, dtype, signs, engine
        self.order = [index for index in ancestors(part, len(part.nodes) - 1) if index >= part.input_count]

    def run(self, weights: Weights, seed: int, progress: Progress | None) -> dict[str, Array]:
        """The absolute gradient of each input that any came to, summed over its channels."""
        generator = np.random.default_rng([seed, 1])
        inputs = {
            node.name: generator.standard_normal((1, *node.shape)).astype(self.dtype) for node in self.part.inputs
        }

        def gradient(output: Array) -> Array:
            there = (slice(None), *(slice(None) if place is None else place for place in self.seen.places))
            seeded = np.zeros_like(output)
            shape = seeded[there].shape
            seeded[there] = generator.choice((-1, 1), shape) if self.signs == "random" else 1
            return seeded

        last, order, reached = len(self.part.nodes) - 1, self.order, 0

        def tell(done: int, count: int) -> None:
            nonlocal reached
            reached = done
            if progress is not None:
                progress(done, count)

        try:
            result = gradients(self.part, inputs, weights, self.engine, of=last, seed=gradient, progress=tell)
        except (NotDifferentiable, NotImplementedError) as error:
            index = order[reached] if reached < len(order) else order[2 * len(order) - 1 - reached]
            node = self.part.nodes[index]
            raise NoEffectiveField(f"`{node.name}` ({node.kind}) cannot be differentiated: {error}") from None
        return {name: np.abs(array.astype(np.float64)).sum((0, 1)) for name, array in result.inputs.items()}


_OFF = ": what steps, cancels or is switched off passes none, so another seed or more runs may show one"


def _checked(arrived: dict[str, Array], name: str, layer: str) -> Array:
    mass = arrived.get(name)
    if mass is None or not mass.any():
        others = [other for other, map_ in arrived.items() if other != name and map_.any()]
        advice = f"; there is one with regard to {', '.join(others)}" if others else ""
        raise NoEffectiveField(
            f"the gradient of `{layer}` with regard to `{name}` is 0 at every position{advice or _OFF}"
        )
    if not np.isfinite(mass).all():
        raise NoEffectiveField(f"the gradient of `{layer}` with regard to `{name}` is too large for its number format")
    return mass


def _measures(mass: Array, seen: Sight) -> dict[str, Any]:
    """How far the map reaches, and how it lies to the theoretical field."""
    spans = [
        (0, size - 1) if span is None else (max(span[0], 0), min(span[1], size - 1))
        for span, size in zip(seen.spans, mass.shape, strict=True)
    ]
    middles = [
        (size - 1) / 2 if span is None else (span[0] + span[1]) / 2
        for span, size in zip(seen.spans, mass.shape, strict=True)
    ]
    box = tuple(slice(low, high + 1) for low, high in spans)
    inside, beyond = mass[box], mass.copy()
    beyond[box] = 0
    along = [profile(mass, axis) for axis in range(mass.ndim)]
    return {
        "side": centred_side(mass, middles, SHARE),
        "sides": tuple(centred_side(line, [middle], SHARE) for line, middle in zip(along, middles, strict=True)),
        "deviations": tuple(map(deviation, along)),
        "counted_side": side_of_equal_count(mass, SHARE),
        "reads": int(np.count_nonzero(inside)),
        "span_positions": int(inside.size),
        "outside": float(beyond.sum() / mass.sum()),
    }
