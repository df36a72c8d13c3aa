"""A stack of dilated convolutions that leaves holes in what it looks at.

Dilated windows skip positions. Stacked with dilations that do not fill each other's gaps, such as 2, 2, 2, the whole
stack reads a grid of its field and never what lies between: neighbouring outputs then see disjoint inputs.

Flagged is a run of stride-1 windows at one resolution, followed as far as it goes, with at least one dilation above 1
and on some axis fewer positions read than lie between the first and the last. The positions are worked out one by
one: the sums of a tap of each layer along every path, dense layers of the run among them, all paths through sums,
products and concatenations united. Runs that read over more than 4096 positions are not looked at.

Not flagged: branches side by side of one dilated layer each, as in atrous spatial pyramid pooling; deformable
convolutions, whose taps move; runs that go on in a reshape, a permutation or tensors laid end to end, behind which
positions are not followed.

False positives: a net that blurs or pools densely before or after, at another resolution.

Source: Wang et al., Understanding convolution for semantic segmentation (2018), hybrid dilated convolution, but the
condition M2 <= K there lets 2, 2, 2 pass; Yu, Koltun and Funkhouser, Dilated residual networks (2017).

Flagged:
    input: [8, 64, 64]
    layers:
      - conv: {out_channels: 8, kernel_size: 3, padding: 2, dilation: 2}
      - relu
      - conv: {out_channels: 8, kernel_size: 3, padding: 2, dilation: 2}
      - relu
      - conv: {out_channels: 8, kernel_size: 3, padding: 2, dilation: 2} # <- CC205

Allowed:
    input: [8, 64, 64]
    layers:
      - conv: {out_channels: 8, kernel_size: 3, padding: 1}
      - conv: {out_channels: 8, kernel_size: 3, padding: 2, dilation: 2}
      - relu
      - conv: {out_channels: 8, kernel_size: 3, padding: 5, dilation: 5}
      - max_pool: 2
      - concat:
          branches:
            - [conv: {out_channels: 8, kernel_size: 3, padding: 6, dilation: 6}]
            - [conv: {out_channels: 8, kernel_size: 3, padding: 12, dilation: 12}]
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from convcalc.rules._paths import laid_along
from convcalc.rules._runs import AxisRun, AxisRuns, members, runs
from convcalc.rules._subject import Problem, Subject
from convcalc.rules._windows import windows_of

SEVERITY = "warning"

MOST_TRIED = 64
"""Smaller dilations that are tried for one finding."""
MOST_LAYERS_TRIED = 20_000
"""Layers that are gone through with other dilations, for all findings together."""
_MOST_NAMED = 6
"""Layers that a message names."""


def check(subject: Subject) -> Iterator[Problem]:
    """Runs with holes, each at its last dilated convolution."""
    is_dilated = any(set(getattr(node.config, "dilation", ())) - {1} for node in subject.network.layers)
    if not subject.complete or not is_dilated:
        return
    reached = runs(subject)
    worst: dict[int, tuple[float, int, int, AxisRun]] = {}
    for node in range(len(reached)):
        for axis, run in enumerate(reached[node]):
            if run is None or run.last is None or not _has_holes(run) or _goes_on(subject, reached, node, axis):
                continue
            candidate = (run.reads / run.span, node, axis, run)
            worst[run.last] = min(worst.get(run.last, candidate), candidate)
    left = MOST_LAYERS_TRIED // len(reached)
    for last, (_, node, axis, run) in sorted(worst.items()):
        subject.at = last
        advice, tried = _advice(subject, last, node, axis, min(left, MOST_TRIED))
        left -= tried
        yield subject.problem(last, _message(subject, reached, last, node, axis, run), advice, field="dilation")


def _has_holes(run: AxisRun) -> bool:
    return run.reads < run.span and not (run.parallel and run.depth == 1)


def _goes_on(subject: Subject, reached: list[AxisRuns], node: int, axis: int) -> bool:
    """Whether a layer behind belongs to the same run, or may: positions are not followed through it."""
    own, nodes = reached[node][axis], subject.network.nodes
    for consumer in subject.consumers(node):
        if nodes[consumer].kind in {"reshape", "permute"} or laid_along(nodes[consumer]) == axis:
            return True
        run = reached[consumer][axis] if axis < len(reached[consumer]) else None
        if run is not None and own is not None and run.source == own.source:
            return True
    return False


def _message(subject: Subject, reached: list[AxisRuns], last: int, node: int, axis: int, run: AxisRun) -> str:
    nodes = subject.network.nodes
    joined = members(subject, reached, node, axis)
    dilations = [windows_of(nodes[i].config, subject.shapes(i)[0])[axis - 1].dilation for i in joined]
    common = math.gcd(*dilations)
    shared = f"; all share the factor {common}, so neighbouring outputs see different inputs" if common > 1 else ""
    named = ", ".join(map(str, dilations[-_MOST_NAMED:]))
    if len(joined) > _MOST_NAMED:
        named = f"..., {named}"
    several = f"the {len(joined)} windows up to it, of dilations {named} read"
    stack = several if len(joined) > 1 else f"its dilation {named} reads"
    return f"{nodes[last].name}: {stack} {run.reads} of {run.span} positions along an axis{shared}"


def _advice(subject: Subject, last: int, node: int, axis: int, tries: int) -> tuple[str, int]:
    """What to do, and how many dilations were tried to find out."""
    window = windows_of(subject.network.nodes[last].config, subject.shapes(last)[0])[axis - 1]
    smaller = range(window.dilation - 1, max(0, window.dilation - 1 - tries), -1)
    for tried, dilation in enumerate(smaller, start=1):
        run = runs(subject, {last: dilation})[node][axis]
        if run is not None and run.reads == run.span:
            return f"dilation {dilation} here leaves no holes", tried
    general = "begin with dilation 1 and let each dilation be at most the positions read so far: 1, 2, 5 or 1, 2, 4, 8"
    return general, len(smaller)
