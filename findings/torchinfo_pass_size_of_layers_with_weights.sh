#!/usr/bin/env bash
# torchinfo's "Forward/backward pass size" leaves out every layer without weights.
#
# Versions: torchinfo 1.8.0, torch 2.14.1 (Python 3.11, x86-64, CPU).
# Behaviour: the size is twice the outputs of modules that have learned numbers. A 1x1 convolution of 8 channels on 16x16
#   is 16,384 bytes; with eight Softplus behind it, each of which keeps what enters it for the way back, 16,384 still.
#   autograd keeps 8,192 bytes for the convolution alone, and 73,728 for all.
# Why it matters: of torchvision's ViT-B/16 at 224 it says 104 MB where autograd keeps 155 besides the weights, of
#   ResNet-50, nearly all of whose layers have weights, 178 MB where it is 86: neither bounds what a batch takes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.14.1 torchinfo==1.8.0

"$folder/venv/bin/python" - <<'PYTHON'
import torch
import torchinfo
from torch import nn
from torch.autograd.graph import saved_tensors_hooks


def kept(network, x):
    tensors = []
    with saved_tensors_hooks(lambda tensor: tensors.append(tensor) or tensor, lambda tensor: tensor):
        network(x)
    memories = {tensor.untyped_storage().data_ptr(): tensor for tensor in tensors if not isinstance(tensor, nn.Parameter)}
    return sum(tensor.untyped_storage().nbytes() for tensor in memories.values())


short = nn.Sequential(nn.Conv2d(8, 8, 1))
long = nn.Sequential(short[0], *(nn.Softplus() for _ in range(8)))
x = torch.randn(1, 8, 16, 16)
said = [torchinfo.summary(network, input_data=x, verbose=0).total_output_bytes for network in (short, long)]
held = [kept(network, x) for network in (short, long)]
print(torchinfo.__version__, "says", said, "and autograd keeps", held)
assert said == [16384, 16384]
assert held == [8192, 9 * 8192]
PYTHON
