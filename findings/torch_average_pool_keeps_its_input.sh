#!/usr/bin/env bash
# PyTorch keeps all that enters an average pool until the way back, which needs nothing of it.
#
# Versions: torch 2.14.1 (Python 3.11, x86-64, CPU).
# Behaviour: the gradient of an average is the same whatever was averaged, but avg_pool2d and adaptive_avg_pool2d save
#   their input for its shape: 8,192 bytes of a map of 8x16x16. The mean over reshaped axes gives the same numbers and
#   the same gradient and keeps 0 bytes; adaptive_avg_pool2d to 1x1, which runs as a mean, keeps 0 too.
# Why it matters: in DenseNet's transitions, and wherever a pool follows a convolution or a sum, the map is kept for the
#   pool alone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.14.1

"$folder/venv/bin/python" - <<'PYTHON'
import torch
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional


def run(pool):
    x = torch.arange(8.0 * 16 * 16).reshape(1, 8, 16, 16).requires_grad_()
    tensors = []
    with saved_tensors_hooks(lambda tensor: tensors.append(tensor) or tensor, lambda tensor: tensor):
        output = pool(x * 2)
    memories = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
    (output**2).sum().backward()
    return sum(memories.values()), output.detach(), x.grad


pooled, output, gradient = run(lambda x: functional.avg_pool2d(x, 2))
adaptive, *_ = run(lambda x: functional.adaptive_avg_pool2d(x, 2))
single, *_ = run(lambda x: functional.adaptive_avg_pool2d(x, 1))
by_axes, same, same_gradient = run(lambda x: x.reshape(1, 8, 8, 2, 8, 2).mean((3, 5)))
print(torch.__version__, "avg_pool2d keeps", pooled, "adaptive", adaptive, "to 1x1", single, "as a mean", by_axes)
assert torch.equal(output, same)
assert torch.equal(gradient, same_gradient)
assert pooled == adaptive == 8 * 16 * 16 * 4
assert single == by_axes == 0
PYTHON
