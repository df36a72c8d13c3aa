"""What an error cannot know by itself, found by trying: input sizes that fit, given values that broke a layer.

A skip connection that meets a map of another size, or a window that no longer fits, far from the input, says little
about which inputs would do; a size that is not whole says little about the variable it was worked out of, blocks away.
Here the network is built again at other sizes or values, so that what is said is known to be so.
"""

from __future__ import annotations

from collections import abc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress

from msgspec.structs import replace

from convcalc import steps
from convcalc.language.misreadings import ends_with_channels
from convcalc.language.source import Diagnostic
from convcalc.layers import Shape

SIZES = {"CC101", "CC103"}
"""Codes of the mistakes that another input size may mend."""
_LARGEST_POWER = 10
"""Multiples of up to 2^10, and inputs up to 2^10 times as large, are tried."""
_MOST_VALUES = 20
"""Given values that are tried without, one by one."""
_FURTHEST_SHIFT = 32
"""Positions that all axes together are made shorter or longer by, where no multiple fits."""


def blamed(
    problems: list[Diagnostic],
    given: Mapping[str, object],
    problems_with: Callable[[Mapping[str, object]], list[Diagnostic]],
) -> tuple[list[Diagnostic], list[Diagnostic]]:
    """The problems that values given from outside made, with these values, and the other ones.

    `problems_with` builds the network with some of the values alone. Where that cannot be done in the steps that are
    left, no value is blamed.
    """

    def gone_without(names: Iterable[str]) -> set[tuple[str, int, int]]:
        kept = {name: value for name, value in given.items() if name not in names}
        left = {_place(problem) for problem in problems_with(kept)}
        new = left - there  # behind a new one, an old one may only be out of sight
        return {place for place in there - left if not any(other < place for other in new)}

    there = {_place(problem) for problem in problems}
    try:
        alone = {name: gone_without([name]) if len(given) <= _MOST_VALUES else set() for name in given}
        together = gone_without(given) if len(given) > 1 else set()
    except steps.OutOfSteps:
        return [], problems
    broken, others = [], []
    for problem in problems:
        place = _place(problem)
        guilty = [name for name in given if place in alone[name]] or (list(given) if place in together else [])
        if guilty and problem.path != "--set":  # which says so itself
            broken.append(_with_values(problem, {name: given[name] for name in guilty}))
        else:
            others.append(problem)
    return broken, others


def _place(problem: Diagnostic) -> tuple[str, int, int]:
    return problem.path, problem.line, problem.column


def _with_values(problem: Diagnostic, values: Mapping[str, object]) -> Diagnostic:
    blamed_values = " and ".join(f"--set {name}={value}" for name, value in values.items())
    return replace(problem, message=f"{problem.message}; {blamed_values} break{'s' if len(values) == 1 else ''} it")


class Trials:
    """A network built at other input shapes, each once, until `most` have been built: then nothing more fits.

    `problems_at` builds it. `input_` is the name of its one input, `shape` the shape that it has, `problems` what is
    wrong with it there.
    """

    def __init__(
        self,
        input_: str,
        shape: Shape,
        problems: list[Diagnostic],
        problems_at: Callable[[Shape], list[Diagnostic]],
        most: int,
    ) -> None:
        self.prefix = "" if input_ == "input" else f"{input_}="
        self.shape = shape
        self.problems = {_place(problem): problem.code for problem in problems}
        self.problems_at = problems_at
        self.most = most
        self.left: dict[Shape, set[tuple[str, int, int]] | None] = {}

    def advised(self, problem: Diagnostic) -> Diagnostic:
        """The problem, with input sizes at which it is gone and no other one has come, if it is one of sizes."""
        if problem.help or problem.code not in SIZES or len(self.shape) < 2:
            return problem
        others = {place for place, code in self.problems.items() if code not in SIZES}
        if ends_with_channels(self.shape):
            meant = (self.shape[-1], *self.shape[:-1])
            if self._has_only(others, meant):
                return replace(problem, help=f"channels come first in a spec: write {list(meant)}")
        advise = self.smallest_input if problem.code == "CC101" else self.fitting_inputs
        network = advise(lambda at: self._has_only(others, at))
        layer = "" if network else advise(lambda at: self._has_only(self.problems.keys() - {_place(problem)}, at))
        return replace(problem, help=network or (layer and f"this layer {layer}"))

    def _has_only(self, places: abc.Set[tuple[str, int, int]], at: Shape) -> bool:
        """Whether nothing is wrong at a shape but in these places."""
        if at not in self.left:
            self.left[at] = None
            if len(self.left) <= self.most:
                with suppress(steps.OutOfSteps):
                    self.left[at] = {_place(problem) for problem in self.problems_at(at)}
        left = self.left[at]
        return left is not None and left <= places

    def fitting_inputs(self, fits: Callable[[Shape], bool]) -> str:
        """Input shapes near the one there is at which the network fits, in words; nothing where none was found."""
        for multiple, near in _multiples(self.shape):
            fitting = [candidate for candidate in near if fits(candidate)]
            if len(fitting) == len(near):
                return f"fits with --input {self._either(fitting)}, axes that are multiples of {multiple}"
        shifted = [next((shape for shape in _shifted(self.shape, sign) if fits(shape)), None) for sign in (-1, 1)]
        nearest = [shape for shape in shifted if shape is not None]
        return f"fits with --input {self._either(nearest)}" if nearest else ""

    def smallest_input(self, fits: Callable[[Shape], bool]) -> str:
        """The smallest input of these proportions, or larger by as much on all axes, at which every window fits."""
        too_small = 0
        for power in range(_LARGEST_POWER + 1):
            grown = 2**power
            if fits(_plus(self.shape, grown)):
                while grown - too_small > 1:
                    middle = (grown + too_small) // 2
                    too_small, grown = (too_small, middle) if fits(_plus(self.shape, middle)) else (middle, grown)
                return f"fits with --input {self._either([_plus(self.shape, grown)])}"
            too_small = grown
        return ""

    def _either(self, shapes: list[Shape]) -> str:
        return " or ".join(self.prefix + "x".join(map(str, shape)) for shape in shapes)


def _multiples(shape: Shape) -> Iterator[tuple[int, list[Shape]]]:
    """The shapes below and above whose axes are all multiples of 2, 4, 8, ..."""
    for power in range(1, _LARGEST_POWER + 1):
        multiple = 2**power
        below = (shape[0], *(size // multiple * multiple for size in shape[1:]))
        above = (shape[0], *(-(-size // multiple) * multiple for size in shape[1:]))
        if above == shape:
            continue
        yield multiple, [candidate for candidate in (below, above) if min(candidate) > 0]


def _shifted(shape: Shape, sign: int) -> Iterator[Shape]:
    for shift in range(1, _FURTHEST_SHIFT + 1):
        candidate = _plus(shape, sign * shift)
        if min(candidate) > 0:
            yield candidate


def _plus(shape: Shape, positions: int) -> Shape:
    return (shape[0], *(size + positions for size in shape[1:]))
