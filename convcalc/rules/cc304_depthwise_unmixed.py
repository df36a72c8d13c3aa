"""Depthwise convolutions whose channels never meet.

A depthwise convolution filters every channel alone; the pointwise one that follows in a separable convolution is what
combines them. Without one, each output channel depends on a single channel of what enters.

Flagged is the last convolution with as many groups as input channels, more than one, on a path along which no
convolution of one group, linear layer or attention follows before the outputs.

Not flagged: squeeze-and-excite behind it, whose linear layers mix the channels, if weakly; a depthwise convolution
straight behind a dense one, past normalisation alone, which is a separable convolution in the other order.

False positives: a filter that is meant to work on each channel alone, such as blurring.

Source: Howard et al., MobileNets (2017): a depthwise convolution "only filters input channels, it does not combine
them".

Flagged:
    input: [16, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3, groups: 16}
      - relu
      - conv: {out_channels: 16, kernel_size: 3, groups: 16} # <- CC304

Allowed:
    input: [16, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3, groups: 16}
      - relu
      - conv: {out_channels: 32, kernel_size: 1}

Allowed:
    input: [16, 32, 32]
    layers:
      - conv: {out_channels: 4, kernel_size: 1}
      - conv: {out_channels: 4, kernel_size: 3, padding: 1, groups: 4}
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.rules._graph import before, is_depthwise, is_quiet, some_before, some_behind
from convcalc.rules._subject import Problem, Subject

SEVERITY = "warning"


def check(subject: Subject) -> Iterator[Problem]:
    """Depthwise convolutions with nothing behind that mixes."""
    if not subject.complete:
        return  # what mixes may be missing
    mixed = some_behind(subject, lambda index: mixes(subject, index))
    unmixed = [index for index, _ in subject.layers if is_depthwise(subject, index) and not mixed[index]]
    if not unmixed:
        return
    followed = some_behind(subject, set(unmixed).__contains__)
    preceded = some_before(subject, set(unmixed).__contains__)
    for index in unmixed:
        if followed[index] or mixes(subject, before(subject, index, is_quiet)):
            continue
        subject.at = index
        node, channels = subject.network.nodes[index], subject.shapes(index)[0][0]
        also = ", and so are depthwise ones before it" if preceded[index] else ""
        yield subject.problem(
            index,
            f"{node.name}: each of {node.shape[0]} channels is made from 1 of {channels}, and no dense convolution or "
            f"linear layer behind combines them{also}",
            f"a 1x1 convolution behind it does, with {node.shape[0] * node.shape[0]:,} weights",
            field="groups",
        )


def mixes(subject: Subject, index: int) -> bool:
    """Whether each channel that leaves a layer is made from all that enter."""
    kind = subject.network.nodes[index].config
    return kind.mixes_channels and getattr(kind, "groups", 1) == 1
