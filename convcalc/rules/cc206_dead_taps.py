"""Taps of a kernel that only ever meet padding.

A tap far from the centre of a window needs a map that is large enough to hold it. On a smaller one it stands on
padding at every output position: its weights are multiplied by zero, get no gradient, and stay what they were drawn
as.

Flagged is a convolution with a tap t for which no output i has 0 <= i·stride - before + t·dilation < in on some axis;
a transposed convolution with a tap through which no input writes to an output that is kept. Weights that are shared
are dead where they are in every use. Counted are params·(1 - live taps / taps, multiplied over the axes).

Not flagged: padding that is a copy of the input (reflect, replicate, circular); deformable convolutions, whose taps
move; a weight that is shared by itself.

False positives: a fully convolutional net that is linted at a toy size; give its real one.

Source: Chen et al., Rethinking atrous convolution (DeepLabv3, 2017), section 3.3: at a large rate "only the center
filter weight is effective".

Flagged:
    input: [256, 14, 14]
    layers:
      - conv: {out_channels: 256, kernel_size: 3, padding: 18, dilation: 18} # <- CC206

Allowed:
    input: [256, 33, 33]
    layers:
      - conv: {out_channels: 256, kernel_size: 3, padding: 18, dilation: 18}
      - conv: {out_channels: 8, kernel_size: 3, padding: 33, dilation: 33, padding_mode: circular}
      - global_avg_pool: {keepdim: true}
      - conv: {out_channels: 16, kernel_size: 1}
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product as combinations
from typing import Any

from convcalc.arithmetic.number import product
from convcalc.arithmetic.window import Window
from convcalc.rules._graph import is_fixed_convolution, is_tied, users
from convcalc.rules._subject import Problem, Subject
from convcalc.rules._windows import meetings, pads, per_axis, redilated, touches_padding, windows_of

SEVERITY = "warning"

MOST_TRIED = 2**14
"""Taps that are looked at to find a smaller dilation, or a larger axis."""
_MOST_COMBINED = 2**16
"""Taps of all axes together that are told apart where weights are shared."""


Axis = tuple[Window, int, int]
"""A window on one axis, the size of what it moves over, and at how many places it stands.

A transposed convolution's moves over the output and stands at the inputs.
"""

_Live = list[int]
"""The taps of an axis that ever meet data."""


def check(subject: Subject) -> Iterator[Problem]:
    """Convolutions with taps that meet nothing."""
    nodes = subject.network.nodes
    for index, uses in users(subject).items():
        config: Any = nodes[index].config
        is_looked_at = is_fixed_convolution(config) or config.is_transposed
        if not is_looked_at or len(nodes[index].shape) == 1 or is_tied(subject, index, "weight"):
            continue
        subject.at = index
        alive = [live for use in uses if (live := _alive(_axes(subject, use))) is not None]
        taps = product(config.kernel_size)
        live_taps = _live_taps(alive, taps) if len(alive) == len(uses) else taps
        if live_taps < taps:
            yield _problem(subject, index, taps - live_taps, alive)


def _axes(subject: Subject, index: int) -> tuple[Axis, ...]:
    """The axes of a convolution; none where its padding is a copy of the input."""
    node = subject.network.nodes[index]
    config: Any = node.config
    x = subject.shapes(index)[0]
    if node.config.is_transposed:
        return tuple(zip(config.windows(), node.shape[1:], x[1:], strict=True))
    if config.padding_mode != "zeros":
        return ()
    return tuple(zip(windows_of(config, x), x[1:], node.shape[1:], strict=True))


def _alive(axes: Sequence[Axis]) -> list[_Live] | None:
    """Of every axis its live taps; None where all are, or there are too many to look at."""
    if not any(touches_padding(*axis) for axis in axes):
        return None
    counted = [meetings(*axis) for axis in axes]
    if not all(counted):
        return None
    return [[tap for tap, count in enumerate(counts) if count] for counts in counted if counts is not None]


def _problem(subject: Subject, index: int, dead: int, alive: list[list[_Live]]) -> Problem:
    node = subject.network.nodes[index]
    config: Any = node.config
    taps = product(config.kernel_size)
    weights = product(config.weights(*subject.shapes(index))["weight"])
    only = "only ever write what is cropped" if node.config.is_transposed else "only ever multiply padding"
    if dead == 1:
        only = only.replace("multiply", "multiplies").replace("write", "writes")
    return subject.problem(
        index,
        f"{node.name}: {dead} of {taps} taps {only}: {weights * dead // taps:,} dead weights",
        _advice(_axes(subject, index), alive[0]) if len(alive) == 1 and not config.is_transposed else "",
        field="dilation" if set(config.dilation) - {1} else "kernel_size",
    )


def _live_taps(alive: list[list[_Live]], taps: int) -> int:
    """Taps that are alive in any use of the weights; all of them where that would take long to find out."""
    if all(live == alive[0] for live in alive):
        return product(map(len, alive[0]))
    if taps > _MOST_COMBINED:
        return taps
    return len(set().union(*(combinations(*live) for live in alive)))


def _advice(axes: tuple[Axis, ...], alive: list[_Live]) -> str:
    return "; ".join(advice for advice in (_smaller_kernel(axes, alive), _keeping_alive(axes)) if advice)


@lru_cache(maxsize=64)
def _keeping_alive(axes: tuple[Axis, ...]) -> str:
    return _smaller_dilation(axes) or _larger_axis(axes)


def _smaller_kernel(axes: tuple[Axis, ...], alive: list[_Live]) -> str:
    """The window without its dead taps, where these are at the ends and the padding there goes with them."""
    kernels, padding = [], []
    for (window, *_), places in zip(axes, alive, strict=True):
        if not places or places[-1] - places[0] + 1 != len(places):
            return ""
        pair = (
            window.before - places[0] * window.dilation,
            window.after - (window.kernel - 1 - places[-1]) * window.dilation,
        )
        if min(pair) < 0:
            return ""
        kernels.append(len(places))
        padding.append(pair)
    return f"kernel_size {per_axis(kernels)} with padding {pads(padding)} computes the same"


def _smaller_dilation(axes: tuple[Axis, ...]) -> str:
    """The largest dilation at which all taps meet data, with padding that leaves the output as large."""
    largest = max(window.dilation for window, *_ in axes)
    tries = MOST_TRIED // sum(window.kernel for window, *_ in axes)
    for dilation in range(largest - 1, max(0, largest - 1 - tries), -1):
        windows = [redilated(window, min(window.dilation, dilation)) for window, *_ in axes]
        tried = [(window, size, places) for window, (_, size, places) in zip(windows, axes, strict=True)]
        if min(min(window.before, window.after) for window in windows) < 0:
            return ""
        live = _alive(tried)
        if live is None or [*map(len, live)] == [window.kernel for window in windows]:
            padding = pads([(window.before, window.after) for window in windows])
            return f"dilation {per_axis([w.dilation for w in windows])} with padding {padding} keeps every tap alive"
    return ""


def _larger_axis(axes: tuple[Axis, ...]) -> str:
    needed = []
    for window, size, _ in axes:
        sizes = range(size, size + min(window.extent, MOST_TRIED // window.kernel + 1))
        enough = next((tried for tried in sizes if all(meetings(window, tried, window.outputs(tried)) or [0])), None)
        if enough is None:
            return ""
        needed.append(enough)
    return f"a map of {per_axis(needed)} entering keeps every tap alive"
