"""A bias that a normalisation behind it takes away again.

Batch and instance normalisation subtract the mean of each channel, and with it whatever number a bias has added to that
channel. The bias is learned, stored and added for nothing.

Flagged is a convolution, transposed convolution or linear layer with a bias whose output enters batch or instance
normalisations and nothing else.

Not flagged: group and layer normalisation, whose mean is taken over several channels; an output of the network.

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
"""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.rules._subject import Problem, Subject

SEVERITY = "warning"

BIASED = {"conv", "conv_transpose", "deform_conv", "linear"}
NORMS = {"batch_norm", "instance_norm"}


def check(subject: Subject) -> Iterator[Problem]:
    """Biases that are subtracted again."""
    if not subject.complete:
        return  # a consumer may be missing
    nodes = subject.network.nodes
    for index, node in subject.layers:
        if node.kind not in BIASED or not getattr(node.config, "bias", False) or subject.is_output(index):
            continue
        norms = [nodes[consumer] for consumer in subject.consumers(index)]
        if norms and all(norm.kind in NORMS for norm in norms):
            yield subject.problem(
                index,
                f"{node.name}: {norms[0].name} subtracts the mean of each channel, and the bias with it: "
                f"{node.shape[0]:,} params that change nothing",
                "write bias: false",
                field="bias",
            )
