"""What of an image a network looks at: the derivative of a score with regard to every pixel.

Simonyan, Vedaldi, Zisserman 2013, "Deep Inside Convolutional Networks". The score is that of a class before softmax,
whose own derivative would be that of the other classes too. `smooth` is SmoothGrad (Smilkov et al. 2017): the mean of
the derivatives at copies of the image with noise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np

from convcalc.language.suggestions import did_you_mean
from convcalc.network import Network
from convcalc.presenting import Presented
from convcalc.reference.backward_memory import bytes_to_differentiate
from convcalc.reference.execution import Weights
from convcalc.reference.gradients import Progress, ancestors, gradients
from convcalc.reference.loaded.load import weights_of
from convcalc.reference.loaded.matching import listed
from convcalc.reference.mass import Mass, mass_of
from convcalc.reference.memory import MOST_BYTES, TooLarge
from convcalc.reference.scores import NoScore, Scores, checked_class, checked_position, probabilities, scores_of
from convcalc.tensors.duals import NotDifferentiable
from convcalc.tensors.engine import Array, Engine

Channels = Literal["max", "mean", "each"]
CHANNELS: tuple[Channels, ...] = ("max", "mean", "each")

NOISE = 0.15
"""How far SmoothGrad moves pixels, by default: the deviation of the noise, as a share of the range of the image."""
MOST_AT_ONCE = 8
"""Copies of an image that are run together; more are no faster."""
SHOWN = 5
"""Classes with the highest scores that are listed."""


class Unanswered(ValueError):
    """There is no saliency of this network here; the message says why and what to do."""


class ClassScore(msgspec.Struct, frozen=True):
    """A class and its score; `probability` is what the network makes of that, None where it leaves it as it is."""

    index: int
    score: float
    probability: float | None = None


class Saliency(Presented, msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """The derivative of a class score with regard to an image.

    `map` is float32: [height, width] for `channels` max (the largest amount of a pixel's channels) and mean (the mean
    of their amounts), [channels, height, width] for each, with signs. `layer` is whose output has the score, and
    `squashing` are the layers behind it, such as softmax, that are left out. `is_highest`: nobody named the class, and
    it has the highest score. `position` is where in a map of scores, empty where they are no map. `top` are the highest
    scores there. `smooth` copies with noise of a share `noise` of the image's range, drawn with `seed`, were averaged,
    0: the image itself was taken. `weights` says where the numbers of the layers come from. `notes` are what a reader
    must know beside.
    """

    network: Network
    map: Array
    channels: Channels
    input: str
    layer: str
    squashing: tuple[str, ...]
    class_index: int
    is_highest: bool
    position: tuple[int, ...]
    score: float
    top: tuple[ClassScore, ...]
    smooth: int = 0
    noise: float = NOISE
    seed: int = 0
    weights: str = ""
    notes: tuple[str, ...] = ()

    @property
    def amounts(self) -> Array:
        """How much each pixel matters, [height, width]: the map, or of `each` the largest amount of the channels."""
        return np.abs(self.map).max(0) if self.map.ndim == 3 else self.map

    @property
    def mass(self) -> Mass | None:
        """Where half of the map's sum lies; None where it is 0 everywhere."""
        return mass_of(self.amounts)


class _Asked(NamedTuple):
    """What is differentiated by what: scores of a network at a position, by an input."""

    network: Network
    scores: Scores
    position: tuple[int, ...]
    input: str
    engine: Engine
    weights: Weights


def saliency(
    network: Network,
    image: Array,
    *,
    class_index: int | None = None,
    channels: Channels = "max",
    smooth: int = 0,
    noise: float = NOISE,
    noise_seed: int | None = None,
    weights: Weights | str | None = None,
    seed: int | None = None,
    layer: str | None = None,
    position: Sequence[int] | None = None,
    input_name: str | None = None,
    layout: Literal["chw", "hwc"] = "chw",
    threads: int = 1,
    most_bytes: int | None = None,
    progress: Progress | None = None,
) -> Saliency:
    """The derivative of a class score with regard to an image that is preprocessed already.

    >>> shown = convcalc.saliency(convcalc.load("net.onnx"), array, class_index=281)
    >>> shown.map.shape
    (224, 224)

    `image` has the shape of the input, without a batch; `layout` says where its channels are. Without a class that
    with the highest score is taken. Weights are those of the model's own file; `weights` is a file with others, or what
    `convcalc.load_weights` gives, and a `seed` draws random ones. SmoothGrad's noise is drawn with `noise_seed`;
    without one, with `seed`, or 0. `layer` names an output, or any layer whose scores are asked. Further inputs of the
    network are 0 everywhere.

    Raises:
        SpecError: the network has no weights of its own, or the file lacks some.
        NoScore: class, position or layer are not there, or must be named.
        Unanswered: the image does not fit, a layer cannot be run or differentiated, or the score is no finite number.
        TooLarge: more than `most_bytes` are needed; it is raised before anything is allocated.
    """
    if channels not in CHANNELS:
        raise ValueError(f"channels: expected one of {', '.join(CHANNELS)}, found {channels!r}")
    if smooth < 0 or not 0 <= noise < np.inf:
        raise ValueError(f"smooth and noise: expected numbers from 0 on, found {smooth} and {noise}")
    drawn_with = (seed or 0) if noise_seed is None else noise_seed
    image = np.asarray(image, np.float32)
    name = image_input(network, input_name)
    _fits(network, name, image)
    scores = scores_of(network, layer)
    _runs(network, scores, name)
    place = checked_position(scores, network, position)
    if class_index is not None:
        checked_class(scores, network, class_index)
    batch = _batch(network, scores, smooth, most_bytes)
    own = weights_of(network, weights, seed) if weights is None or isinstance(weights, str) else weights
    asked = _Asked(network, scores, place, name, Engine(threads), own)
    passes = 1 + -(-smooth // batch)
    steps = _Steps(progress or (lambda done, count: None), passes)
    values, taken, derivative = _at_image(asked, image, class_index, only_scores=smooth > 0, progress=steps)
    if smooth:
        copies = _noisy(image, smooth, batch, noise * float(np.ptp(image)), drawn_with)
        derivative = _smoothed(asked, copies, taken, smooth, steps)
    if not np.isfinite(derivative).all():
        problem = "numbers overflow on the way, or a function has no slope where it is, as a root at 0"
        raise Unanswered(f"the derivative is no finite number everywhere: {problem}")
    return Saliency(
        network=network,
        map=_joined(derivative, channels, layout),
        channels=channels,
        input=name,
        layer=network.nodes[scores.node].name,
        squashing=tuple(network.nodes[index].name for index in scores.squashing),
        class_index=taken,
        is_highest=class_index is None,
        position=place if np.prod(scores.positions, dtype=int) > 1 else (),
        score=float(values[taken]),
        top=_top(asked, values),
        smooth=smooth,
        noise=noise,
        seed=drawn_with,
        weights=_weights_text(weights, own, seed),
        notes=(*_notes(network, name, derivative), *_of_weights(own)),
    )


def image_input(network: Network, name: str | None = None) -> str:
    """The input by whose values is differentiated: that of this name, or the only one.

    Raises:
        Unanswered: there is none of that name, or several and none is named.
    """
    names = [node.name for node in network.inputs]
    if name is None and len(names) == 1:
        return names[0]
    if name is None:
        inputs = ", ".join(f"{node.name} ({'x'.join(map(str, node.shape))})" for node in network.inputs)
        raise Unanswered(f"expected --input-name NAME, as there are {len(names)} inputs: {inputs}")
    if name not in names:
        advice = did_you_mean(name, names) or f"there is {', '.join(names)}"
        raise Unanswered(f"--input-name: there is no input `{name}`; {advice}")
    return name


def _fits(network: Network, name: str, image: Array) -> None:
    shape = next(node.shape for node in network.inputs if node.name == name)
    if image.shape != shape:
        sizes = "x".join(map(str, image.shape)) or "a single number"
        raise Unanswered(f"image: expected the shape of input `{name}`, {'x'.join(map(str, shape))}, found {sizes}")
    if not np.isfinite(image).all():
        raise Unanswered("image: expected finite numbers, found some that are not")


def _runs(network: Network, scores: Scores, name: str) -> None:
    """See that every layer on the way can run, and that the way begins at the input."""
    order = ancestors(network, scores.node)
    layer = network.nodes[scores.node].name
    unknown = [network.nodes[index].name for index in order if not network.nodes[index].config.costed]
    if unknown:
        raise Unanswered(f"nothing says what {', '.join(unknown[:8])} compute, on the way to `{layer}`: it is not run")
    if name not in {network.nodes[index].name for index in order}:
        raise Unanswered(f"`{layer}` does not depend on input `{name}`; --layer or --input-name names another")


def _batch(network: Network, scores: Scores, smooth: int, most_bytes: int | None) -> int:
    """How many copies are run at once."""

    def needed(batch: int) -> int:
        return bytes_to_differentiate(network, scores.node, batch=batch)

    if most_bytes is not None and needed(1) > most_bytes:
        raise TooLarge(needed(1), most_bytes)
    allowed = max(MOST_BYTES, needed(1)) if most_bytes is None else most_bytes
    fitting = [batch for batch in range(1, min(smooth, MOST_AT_ONCE) + 1) if needed(batch) <= allowed]
    return max(fitting, default=1)


class _Steps:
    """How far several runs are together, each there and back."""

    def __init__(self, tell: Progress, passes: int) -> None:
        self.tell, self.passes, self.before = tell, passes, 0

    def __call__(self, done: int, count: int) -> None:
        self.tell(self.before * count + done, self.passes * count)


def _at_image(
    asked: _Asked, image: Array, class_index: int | None, *, only_scores: bool, progress: _Steps
) -> tuple[Array, int, Array]:
    """The scores of all classes at the image, the class that is taken, and the derivative of its score."""
    chosen: list[int] = []

    def seed(output: Array) -> Array:
        values = output.reshape(-1, *asked.scores.shape)[0][asked.scores.at(asked.position)]
        chosen.append(int(values.argmax()) if class_index is None else class_index)
        return _ones_at(asked, output, chosen[0])

    run = _differentiated(asked, image[None], seed, progress, wanted_inputs=not only_scores)
    progress.before += 1
    values = run.output.reshape(-1, *asked.scores.shape)[0][asked.scores.at(asked.position)]
    if not np.isfinite(values[chosen[0]]):
        raise Unanswered(f"the score of class {chosen[0]} is {values[chosen[0]]}, which has no derivative")
    return values, chosen[0], run.inputs.get(asked.input, np.zeros_like(image[None]))[0]


def _smoothed(asked: _Asked, batches: Iterator[Array], taken: int, count: int, progress: _Steps) -> Array:
    """The mean of the derivatives at copies of an image."""
    total: Any = 0.0
    for copies in batches:
        run = _differentiated(asked, copies, lambda output: _ones_at(asked, output, taken), progress)
        progress.before += 1
        total = total + run.inputs.get(asked.input, np.zeros_like(copies)).sum(0, dtype=np.float64)
    return (total / count).astype(np.float32)


def _differentiated(
    asked: _Asked, images: Array, seed: Callable[[Array], Array], progress: _Steps, *, wanted_inputs: bool = True
) -> Any:
    network, node = asked.network, asked.scores.node
    others = {entry.name: np.zeros((len(images), *entry.shape), np.float32) for entry in network.inputs}
    order = [index for index in ancestors(network, node) if index >= network.input_count]
    last = 0

    def tell(done: int, count: int) -> None:
        nonlocal last
        last = done
        progress(done, count)

    settings: dict[str, Any] = {"of": node, "seed": seed, "wanted_inputs": wanted_inputs, "progress": tell}
    try:
        with np.errstate(all="ignore"):
            return gradients(network, {**others, asked.input: images}, asked.weights, asked.engine, **settings)
    except (NotDifferentiable, NotImplementedError) as error:
        index = order[last] if last < len(order) else order[2 * len(order) - 1 - last]
        layer = network.nodes[index]
        raise Unanswered(f"layer `{layer.name}` ({layer.kind}) cannot be differentiated: {error}") from None


def _ones_at(asked: _Asked, output: Array, taken: int) -> Array:
    """The gradient of the score itself: 1 at its place in every sample."""
    gradient = np.zeros_like(output).reshape(-1, *asked.scores.shape)
    before, after = asked.position[: asked.scores.axis], asked.position[asked.scores.axis :]
    gradient[(slice(None), *before, taken, *after)] = 1
    return gradient.reshape(output.shape)


def _noisy(image: Array, count: int, batch: int, deviation: float, seed: int) -> Iterator[Array]:
    """Copies of an image with noise, so many at once; which noise a copy has does not depend on that."""
    generator = np.random.default_rng([seed, 1])
    for first in range(0, count, batch):
        noise = generator.standard_normal((min(batch, count - first), *image.shape), np.float32)
        yield image + np.float32(deviation) * noise


def _joined(derivative: Array, channels: Channels, layout: str) -> Array:
    """The derivative as a map."""
    if layout == "hwc":
        derivative = np.moveaxis(derivative, -1, 0)
    if channels == "each":
        return np.ascontiguousarray(derivative, np.float32)
    amounts = np.abs(derivative)
    joined = amounts.max(0) if channels == "max" else amounts.mean(0)
    return joined.astype(np.float32)


def _top(asked: _Asked, values: Array) -> tuple[ClassScore, ...]:
    shares = probabilities(asked.scores, asked.network, values)
    order = np.argsort(-values, kind="stable")[:SHOWN]
    return tuple(
        ClassScore(int(index), float(values[index]), None if shares is None else float(shares[index]))
        for index in order
    )


def _weights_text(given: Weights | str | None, used: Weights, seed: int | None) -> str:
    """Where the numbers of the layers come from."""
    if given is None:
        return "weights of the model's own file" if seed is None else f"random weights, drawn with seed {seed}"
    source = getattr(used, "source", "")
    return f"weights of {source}" if source else "weights that were handed over"


def _notes(network: Network, name: str, derivative: Array) -> Iterator[str]:
    if not derivative.any():
        yield "the score does not change with any pixel: every derivative is 0"
    others = [node.name for node in network.inputs if node.name != name]
    if others:
        yield f"0 everywhere in {', '.join(others)}"


def _of_weights(used: Weights) -> Iterator[str]:
    """How the names of a file of weights were read, and what it has that no layer takes."""
    yield from getattr(used, "notes", ())
    unused = getattr(used, "unused", ())
    if unused:
        yield f"no layer takes {listed(unused)} of the weights' file"


__all__ = ["CHANNELS", "ClassScore", "NoScore", "Saliency", "Unanswered", "saliency"]
