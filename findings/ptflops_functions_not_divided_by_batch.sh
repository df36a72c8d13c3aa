#!/usr/bin/env bash
# ptflops divides what modules count by the batch, but not what functions count.
#
# Versions: torch 2.14.1, ptflops 0.7.5 (Python 3.11, x86-64, CPU).
# Behaviour: a convolution of 1,536 MACs with F.relu behind it is 2,048 with a batch of 1 and 3,584 with a batch of 4,
#   which is neither the figure of a sample nor that of the batch. nn.ReLU counts twice beside: by a hook on the
#   module, and by the function that it calls.
# Why it matters: its figure is said to be per sample, so a larger batch, as its input_constructor invites, changes
#   what is printed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.14.1 ptflops==0.7.5

"$folder/venv/bin/python" - <<'PYTHON'
import torch
from ptflops import get_model_complexity_info
from torch import nn
from torch.nn import functional


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 1, bias=False)

    def forward(self, x):
        return functional.relu(self.conv(x))


def macs(net, batch):
    x = torch.zeros(batch, 3, 8, 8)
    options = {"as_strings": False, "print_per_layer_stat": False, "input_constructor": lambda _: x}
    return get_model_complexity_info(net, (3, 8, 8), **options)[0]


printed = [macs(Net(), batch) for batch in (1, 2, 4)]
modules = [macs(nn.Sequential(nn.Conv2d(3, 8, 1, bias=False), nn.ReLU()), batch) for batch in (1, 2, 4)]
print("with F.relu, for batches of 1, 2 and 4:", *printed, "with nn.ReLU:", *modules)
assert printed == [1536 + 512 * batch for batch in (1, 2, 4)]
assert modules == [1536 + 512 + 512 * batch for batch in (1, 2, 4)]
PYTHON
