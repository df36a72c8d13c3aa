"""What a view of a saliency map gets, and the sentences that say it, whatever the format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from convcalc.views import words

if TYPE_CHECKING:
    from convcalc.reference.saliency import Saliency

_AMOUNT = {"max": "the largest of the channels", "mean": "the mean of the channels", "each": "each channel by itself"}
_SAMPLE = 0.001
"""Below this, a share or a score is written with an exponent."""


class ShownSaliency(msgspec.Struct, frozen=True):
    """A map, and where it comes from: `image` and `spec` are names of files, `size` is the image's, height first.

    `steps` are what was done to the image, `picture` is what the network saw of it, bytes [height, width, 3], and
    `files` were written.
    """

    saliency: Saliency
    spec: str = ""
    image: str = ""
    size: tuple[int, int] | None = None
    steps: tuple[str, ...] = ()
    picture: Any = None
    files: tuple[str, ...] = ()


def title(shown: ShownSaliency) -> tuple[str, str]:
    """The network, and the image with its size."""
    size = f" {shown.size[0]}x{shown.size[1]}" if shown.size else ""
    return shown.saliency.network.name or "network", f"{shown.image}{size}"


def number(value: float) -> str:
    """Five digits of a score."""
    return f"{value:.5g}"


def percent(share: float | None) -> str:
    """A share with one decimal; of very small ones, and those that are almost all, what they are not."""
    if share is None:
        return ""
    if 0 < share < _SAMPLE / 2:
        return "<0.1 %"
    if 1 - _SAMPLE / 2 < share < 1:
        return ">99.9 %"
    return f"{100 * share:.1f} %"


def headline(result: Saliency) -> str:
    """The class and its score."""
    probability = next((entry.probability for entry in result.top if entry.index == result.class_index), None)
    parts = [f"class {result.class_index}", f"score {number(result.score)}"]
    if probability is not None:
        parts.append(f"probability {percent(probability)}")
    if result.is_highest:
        parts.append("the highest score, as no class is named")
    return ", ".join(parts)


def facts(shown: ShownSaliency) -> list[str]:
    """What the map is of, and where it lies, a sentence a line."""
    result = shown.saliency
    return [
        _score(result),
        _map(result),
        lies(result),
        *([f"image: {'; '.join(shown.steps)}"] if shown.steps else []),
        result.weights,
        *result.notes,
        *([f"written: {', '.join(shown.files)}"] if shown.files else []),
    ]


def _score(result: Saliency) -> str:
    place = f" at position {','.join(map(str, result.position))}" if result.position else ""
    before = f", before {words.listed(result.squashing)}" if result.squashing else ""
    return f"score: what leaves {result.layer}{place}{before}"


def _map(result: Saliency) -> str:
    sizes = "x".join(map(str, result.map.shape))
    kind = "derivative" if result.channels == "each" else "amount of the derivative"
    text = f"map {sizes}: {kind} of the score by each pixel, {_AMOUNT[result.channels]}"
    if result.smooth:
        noise = f"noise of {percent(result.noise)} of its range, seed {result.seed}"
        text += f"; mean over {result.smooth} copies of the image with {noise}"
    return text


def lies(result: Saliency) -> str:
    """Where half of the map is."""
    mass = result.mass
    if mass is None:
        return "the map is 0 everywhere"
    rows, columns = (f"{first} to {last}" for first, last in (mass.rows, mass.columns))
    pixels = "1 pixel" if mass.pixels == 1 else f"{mass.pixels:,} pixels"
    return (
        f"half of its sum lies in {pixels}, {percent(mass.share)} of all; the smallest rectangle with half of it has "
        f"rows {rows} and columns {columns}, {percent(mass.area)} of the map"
    )


def scores(result: Saliency) -> list[tuple[str, str, str]]:
    """The highest scores: class, score, probability or nothing."""
    return [(str(entry.index), number(entry.score), percent(entry.probability)) for entry in result.top]
