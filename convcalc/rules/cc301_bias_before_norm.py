"""A bias that a normalisation behind it takes away again.

Batch and instance normalisation subtract the mean of each channel, and with it whatever number a bias has added to that
channel. The bias is learned, stored and added for nothing.

Flagged is a convolution, transposed convolution or linear layer with a bias whose output directly enters normalisations
that subtract a mean of every channel alone, and nothing else: batch_norm, instance_norm, and group_norm with as many
groups as channels. Weights that are shared count where that is so in every use. `--fix` writes bias: false.

Not flagged: group and layer normalisation over several channels; an output of the network; linear over several axes,
whose features are not the channels; a bias that is shared by itself.

False positives: a normalisation that is frozen while the layer before it is trained on. A checkpoint that holds the
bias no longer fits once it is dropped.

Source: PyTorch, Performance tuning guide, "Disable bias for convolutions directly followed by a batch norm"; Ioffe and
Szegedy, Batch normalization (2015), section 3.2.

Flagged:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3, padding: 1} # <- CC301
      - batch_norm
      - relu

Allowed:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3, padding: 1, bias: false}
      - batch_norm
      - relu
      - conv: {out_channels: 16, kernel_size: 3, padding: 1}
      - group_norm: 4
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.rules._graph import is_tied, users
from convcalc.rules._subject import Fix, Problem, Subject

SEVERITY = "warning"


def check(subject: Subject) -> Iterator[Problem]:
    """Biases that are subtracted again."""
    if not subject.complete:
        return  # a consumer may be missing
    nodes = subject.network.nodes
    cancelled = [
        index
        for index, uses in users(subject).items()
        if not is_tied(subject, index, "bias") and all(_is_cancelled(subject, use) for use in uses)
    ]
    for index in cancelled:
        subject.at = index
        node, norm = nodes[index], nodes[subject.consumers(index)[0]]
        params, added = node.shape[0], subject.row(index).elementwise_ops
        yield subject.problem(
            index,
            f"{node.name}: {norm.name} subtracts the mean of each channel, and the bias with it: "
            f"{params:,} params and {added:,} additions that change nothing",
            "write bias: false",
            field="bias",
            fix=_fix(subject, index, set(cancelled)),
        )


def _is_cancelled(subject: Subject, index: int) -> bool:
    node = subject.network.nodes[index]
    kind = node.config
    channels_are_features = kind.is_convolution or (kind.is_linear and len(node.shape) == 1)
    if not channels_are_features or not getattr(node.config, "bias", False) or subject.is_output(index):
        return False
    consumers = subject.consumers(index)
    kinds = [subject.network.nodes[consumer].config for consumer in consumers]
    return bool(consumers) and all(kind.centres_channels(node.shape) for kind in kinds)


def _fix(subject: Subject, index: int, cancelled: set[int]) -> Fix | None:
    from convcalc.rules._fixes import setting

    nodes = subject.network.nodes
    twins = set(subject.places.same_text(index)) - cancelled
    if any(getattr(nodes[twin].config, "bias", False) for twin in twins):
        return None  # built from the same text is one whose bias does something
    return setting(subject, index, "bias", "false", because=subject.consumers(index))
