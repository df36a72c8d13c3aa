#!/usr/bin/env bash
# ptflops divides what it counts of modules by the batch, and what it counts of functions not.
#
# Versions: ptflops 0.7.5, torch 2.14.1 (Python 3.11, x86-64, CPU).
# Behaviour: with backend pytorch, the default, hooks on modules add up the multiplications of the whole batch, and the
#   sum is divided by it. Beside them functions such as F.relu are replaced by ones that count, and what these add up is
#   not divided. Modules call those functions: nn.ReLU of 100 elements counts 200 for one sample, 300 for two, 500 for
#   four. A convolution, which calls no replaced function, counts the same for each.
# Why it matters: the figure is printed as that of a sample. With an input_constructor that makes a batch of 32 the
#   activations and pools of a network count 33 times in place of twice, and its total is none of anything.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.14.1 ptflops==0.7.5

"$folder/venv/bin/python" - <<'PYTHON'
import torch
from ptflops import get_model_complexity_info
from torch import nn


def macs(layer, channels, batch):
    def samples(_):
        return torch.zeros(batch, channels, 5, 5)

    return get_model_complexity_info(
        nn.Sequential(layer), (channels, 5, 5), as_strings=False, print_per_layer_stat=False, input_constructor=samples
    )[0]


relu = [macs(nn.ReLU(), 4, batch) for batch in (1, 2, 4)]
convolution = [macs(nn.Conv2d(4, 8, 3, bias=False), 4, batch) for batch in (1, 2, 4)]
print(torch.__version__, "nn.ReLU at batch 1, 2, 4:", relu, "nn.Conv2d:", convolution)
assert relu == [2 * 100, 3 * 100, 5 * 100]
assert convolution == [8 * 9 * 4 * 9] * 3
PYTHON
