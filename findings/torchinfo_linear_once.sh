#!/usr/bin/env bash
# torchinfo counts the mult-adds of a linear layer once, on however many tokens it works.
#
# Versions: torch 2.14.1, torchinfo 1.8.0 (Python 3.11, x86-64, CPU).
# Behaviour: of Linear(64, 128) without a bias on 10 tokens it prints 8,192 mult-adds, as on one token;
#   FlopCounterMode has 81,920. Its rule multiplies the params with the first axis of the output, the batch, alone.
# Why it matters: a vision transformer is nothing but such layers: of ViT-B/16 it prints 0.17 of 17.6 billion, of
#   ConvNeXt-T 0.32 of 4.46.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.14.1 torchinfo==1.8.0

"$folder/venv/bin/python" - <<'PYTHON'
import torch
import torchinfo
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

net = nn.Sequential(nn.Linear(64, 128, bias=False)).eval()
for tokens in (1, 10, 100):
    x = torch.zeros(1, tokens, 64)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(x)
    printed = torchinfo.summary(net, input_data=x, verbose=0).total_mult_adds
    print(tokens, "tokens:", printed, "and FlopCounterMode / 2:", counter.get_total_flops() // 2)
    assert (printed, counter.get_total_flops() // 2) == (64 * 128, tokens * 64 * 128)
PYTHON
