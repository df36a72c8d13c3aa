#!/usr/bin/env bash
# torchinfo counts a linear layer on tokens as if it worked on one of them.
#
# Versions: torchinfo 1.8.0, torch 2.13.0 (Python 3.11, x86-64, CPU).
# Behaviour: "Total mult-adds" takes the learned numbers of a module once a sample, and times the positions of its
#   output only where the name of its class has "Conv" in it. nn.Linear from 64 to 32 features on 10 tokens is 2,080, as
#   on one; the same layer as a 1x1 convolution over the tokens, 20,800. A subclass of nn.Conv1d by another name is
#   2,080 too.
# Why it matters: of ConvNeXt-T, whose blocks are linear layers over positions, it sees 0.32 of 4.46 billion, of
#   ViT-B/16 0.17 of 17.6.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.13.0 torchinfo==1.8.0

"$folder/venv/bin/python" - <<'PYTHON'
import torch
from torch import nn
from torchinfo import summary


class Pointwise(nn.Conv1d):
    pass


def mult_adds(layer, *shape):
    return summary(nn.Sequential(layer), input_size=(1, *shape), verbose=0, device="cpu").total_mult_adds


tokens, token = mult_adds(nn.Linear(64, 32), 10, 64), mult_adds(nn.Linear(64, 32), 64)
convolution, renamed = mult_adds(nn.Conv1d(64, 32, 1), 64, 10), mult_adds(Pointwise(64, 32, 1), 64, 10)
print(torch.__version__, "on 10 tokens:", tokens, "on one:", token, "as convolution:", convolution, "renamed:", renamed)
assert tokens == token == renamed == 64 * 32 + 32
assert convolution == 10 * token
PYTHON
