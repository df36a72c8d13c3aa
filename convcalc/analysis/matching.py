"""A number that somebody wrote, as 4.13G: which tools and conventions give it, on a network, at which size or batch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product as every

import msgspec

from convcalc import steps
from convcalc.analysis.analyze import costs
from convcalc.analysis.counts import count
from convcalc.arithmetic.number import product
from convcalc.counters import ChosenFigure
from convcalc.language.source import SpecError
from convcalc.layers import Shape
from convcalc.network import Network

_SCALES = {"": 0, "k": 3, "m": 6, "g": 9, "b": 9, "t": 12}
_SCALE_WORDS = {"thousand": 3, "million": 6, "mio": 6, "billion": 9, "trillion": 12}
_UNITS = {
    "macs": r"macs?|mult(iply)?[- ]?adds?|m(ult)?[- ]?adds?|macc?s?",
    "flops": r"flops?(/s)?|ops?|operations",
    "params": r"params?|parameters|weights",
}
_NUMBER = re.compile(
    r"(?P<whole>\d{1,3}(?:[,_ ']\d{3})+|\d+)(?:\.(?P<digits>\d+))?(?:\s*(?:e|x\s*10\^)\+?(?P<power>\d{1,2}))?\s*"
    rf"(?:(?P<word>{'|'.join(_SCALE_WORDS)})|(?P<prefix>[kmgbt])?)\s*"
    rf"(?P<unit>{'|'.join(_UNITS.values())})?",
    re.IGNORECASE,
)
_MOST_DIGITS = 24

SIDES = (
    *(32, 48, 56, 64, 96, 112, 128, 160, 192, 224, 227, 240, 256, 260, 288, 299, 300, 320, 331, 352, 380, 384),
    *(416, 448, 456, 480, 512, 528, 544, 600, 608, 640, 672, 736, 768, 800, 896, 960, 1024, 1280, 1536, 2048),
)
"""Sides of square inputs that networks are published for."""
MULTIPLES = ((1, 4), (1, 2), (3, 4), (5, 4), (3, 2), (7, 4), (2, 1), (3, 1), (4, 1))
"""Of the network's own sizes, on every axis."""
BATCHES = (2, 4, 8, 10, 16, 32, 64, 100, 128, 256, 512, 1000, 1024)
_MOST_SIZES = 16
"""Sizes at which a network is read again, those first that should come nearest."""
OURS = "ours"
"""Whose numbers our own conventions are."""
_NEAR = 1.7
"""So far may a size be off, by what positions say, to be tried."""

Resized = Callable[[Mapping[str, Shape]], Network]
"""Reads a network again with other input shapes, by name."""


class WrittenNumber(msgspec.Struct, frozen=True):
    """A number as it was written: what is rounded to it lies between `low` and `high`, both included.

    `unit` is what it is said to count, empty where nothing is said.
    """

    text: str
    low: int
    high: int
    unit: str = ""

    @property
    def middle(self) -> int:
        """What it says, without the room that rounding leaves."""
        return (self.low + self.high) // 2

    def holds(self, count: int) -> bool:
        """Whether a count is written so."""
        return self.low <= count <= self.high

    def fits(self, unit: str) -> bool:
        """Whether it may count in a unit: MACs are called FLOPs, and FLOPs MACs, but neither params."""
        return not self.unit or (self.unit == "params") == (unit == "params")


def written(text: str) -> WrittenNumber:
    """The number that a text is.

    Raises:
        ValueError: it is none, or it has decimals and nothing that says what they are of.
    """
    match = _NUMBER.fullmatch(text.strip())
    if match is None or len(text) > 2 * _MOST_DIGITS:
        raise ValueError(f"expected a number such as 4.13G, '8.2 GFLOPs' or 4,133,742,592, found {text[:60]!r}")
    whole_part, decimals = re.sub(r"\D", "", match["whole"]), match["digits"] or ""
    power = int(match["power"] or 0) + _SCALES[(match["prefix"] or "").lower()]
    power += _SCALE_WORDS[match["word"].lower()] if match["word"] else 0
    if len(whole_part) + power > _MOST_DIGITS:
        raise ValueError(f"expected a number of at most {_MOST_DIGITS} digits, found {text[:60]!r}")
    if len(decimals) > power:
        expected = f"expected a whole number, or decimals of something, as {whole_part}.{decimals}G"
        raise ValueError(f"{expected}; found {text[:60]!r}")
    step = 10 ** (power - len(decimals))
    value = int(whole_part + decimals) * step
    is_rounded = bool(decimals) or power > 0
    half = step // 2 if is_rounded else 0
    word = match["unit"] or ""
    unit = next((name for name, words in _UNITS.items() if re.fullmatch(words, word, re.IGNORECASE)), "")
    return WrittenNumber(text.strip(), value - half, value + half, unit)


class CountedNumber(msgspec.Struct, frozen=True):
    """What somebody's way to count gives: a tool's, or ours by a convention.

    `inputs` are the shapes and `batch` is the size for which it does, where they are not the network's own.
    """

    whose: str
    what: str
    unit: str
    count: int
    inputs: Mapping[str, Shape] = {}
    batch: int = 1
    per_sample: bool = False


def options_of(choices: Sequence[ChosenFigure]) -> list[ChosenFigure]:
    """The figures with every value of each option of their tools, those as they are usually first."""
    varied: dict[str, ChosenFigure] = {str(choice): choice for choice in choices}
    for choice in choices:
        options = choice.counter.options
        for values in every(*options.values()):
            changed = ChosenFigure(choice.counter, choice.figure, dict(zip(options, values, strict=True)))
            varied.setdefault(str(changed), changed)
    return list(varied.values())


def numbers(network: Network, choices: Sequence[ChosenFigure], batch: int = 1) -> list[CountedNumber]:
    """What every convention of ours and every tool gives; of a tool, options that change nothing are left out."""
    counted = list(_ours(network, batch))
    known = set[tuple[str, str, int]]()
    for tool in count(network, choices, batch=batch):
        figure = tool.choice.figure
        name = tool.choice.counter.name
        if tool.unknown or (name, figure.word, tool.count) in known:
            continue
        known.add((name, figure.word, tool.count))
        whose = str(tool.choice).replace(f"figure={figure.word}", "").rstrip(":,").replace(":,", ":")
        counted.append(CountedNumber(whose, figure.word, figure.unit, tool.count, per_sample=figure.per_sample))
        if figure.unit == "macs":
            counted.append(
                CountedNumber(whose, f"2 x {figure.word}", "flops", 2 * tool.count, per_sample=figure.per_sample)
            )
    return counted


def _ours(network: Network, batch: int) -> Iterator[CountedNumber]:
    params = buffers = macs = elementwise_ops = convolutions = 0
    for node in network.layers:
        learned, kept, products, others = costs(node.config, network.shapes_into(node), node.borrowed_names)
        params, buffers = (params + learned, buffers + kept) if node.shared is None else (params, buffers)
        macs, elementwise_ops = macs + products * batch, elementwise_ops + others * batch
        convolutions += products * batch if node.config.is_convolution else 0
    yield CountedNumber(OURS, "MACs", "macs", macs)
    yield CountedNumber(OURS, "2 x MACs", "flops", 2 * macs)
    yield CountedNumber(OURS, "FLOPs: 2 x MACs and element-wise ops", "flops", 2 * macs + elementwise_ops)
    if convolutions not in (0, macs):
        yield CountedNumber(OURS, "MACs of convolutions", "macs", convolutions)
        yield CountedNumber(OURS, "2 x MACs of convolutions", "flops", 2 * convolutions)
    yield CountedNumber(OURS, "params", "params", params)
    if buffers:
        yield CountedNumber(OURS, "params and buffers", "params", params + buffers)


def matches(number: WrittenNumber, counted: Sequence[CountedNumber]) -> list[CountedNumber]:
    """Those that are written so, the nearest first; those first whose unit is the one that is said."""
    fitting = [way for way in counted if number.fits(way.unit) and number.holds(way.count)]
    return sorted(fitting, key=lambda way: (number.unit not in ("", way.unit), abs(way.count - number.middle)))


def nearest(number: WrittenNumber, counted: Sequence[CountedNumber], most: int = 3) -> list[CountedNumber]:
    """Those that come nearest."""
    fitting = [way for way in counted if number.fits(way.unit) and way.count]
    return sorted(fitting, key=lambda way: abs(way.count - number.middle))[:most]


def in_batches(number: WrittenNumber, counted: Sequence[CountedNumber]) -> list[CountedNumber]:
    """Those that are written so for a batch, of a network that was counted for one sample."""
    if number.unit == "params":
        return []
    return [
        msgspec.structs.replace(way, count=size * way.count, batch=size)
        for way in counted
        for size in BATCHES
        if way.unit != "params" and not way.per_sample and number.holds(size * way.count)
    ]


def at_sizes(
    number: WrittenNumber, network: Network, counted: Sequence[CountedNumber], choices: Sequence[ChosenFigure],
    resized: Resized,
) -> Iterator[CountedNumber]:  # fmt: skip
    """Those that are written so where the inputs have other sizes; sizes that the network refuses are passed over."""
    ways = [way.count for way in counted if way.unit != "params" and way.count]
    if number.unit == "params" or not ways or not number.middle:
        return
    own = sum(product(node.shape) for node in network.inputs)
    guesses = []
    for inputs in _sizes(network):
        ratio = sum(map(product, inputs.values())) / own
        off = min(max(way * ratio / number.middle, number.middle / (way * ratio)) for way in ways)
        guesses.append((off, ratio, inputs))
    near = sorted((guess for guess in guesses if guess[0] <= _NEAR), key=lambda guess: guess[:2])
    for _, _, inputs in near[:_MOST_SIZES]:
        try:
            with steps.afresh():
                others = numbers(resized(inputs), choices)
        except (SpecError, steps.OutOfSteps):
            continue
        for way in matches(number, [way for way in others if way.unit != "params"]):
            yield msgspec.structs.replace(way, inputs=inputs)


def _sizes(network: Network) -> Iterator[dict[str, Shape]]:
    """Sizes to try, all inputs alike: common squares, and multiples of the network's own."""
    own = {node.name: node.shape for node in network.inputs}
    tried = [own]
    for top, bottom in MULTIPLES:
        tried.append({name: _scaled(shape, top, bottom) for name, shape in own.items()})
    if all(len(shape) == 3 for shape in own.values()):
        tried += [{name: (shape[0], side, side) for name, shape in own.items()} for side in SIDES]
    for place, inputs in enumerate(tried):
        if inputs not in tried[:place]:
            yield inputs


def _scaled(shape: Shape, top: int, bottom: int) -> Shape:
    return (shape[0], *(max(1, size * top // bottom) for size in shape[1:]))
