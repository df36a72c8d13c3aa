#!/usr/bin/env bash
# ptflops leaves out the linear layers inside timm's Attention, most of what the module costs.
#
# Versions: ptflops 0.7.5, timm 1.0.31, torch 2.14.1, torchvision 0.29.1 (Python 3.11, x86-64, CPU).
# Behaviour: where timm is installed, its Attention has a hook of its own, which counts the products between tokens and
#   leaves "qkv" and "proj" to the hooks of nn.Linear. These count, but the sum is taken from the outside in and does not
#   go into a module that has a hook itself. Of 16 tokens of 64 features, 4 heads, it prints 34,816; the two linear
#   layers have 16·64·192 + 16·64·64 = 262,144 more, with biases 266,240.
# Why it matters: ViT-Tiny comes out at 0.91 GMac in place of 1.26, and the same layers under another class's name are
#   counted in full.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.14.1 torchvision==0.29.1 timm==1.0.31 ptflops==0.7.5

"$folder/venv/bin/python" - <<'PYTHON'
import torch
from ptflops import get_model_complexity_info
from timm.models.vision_transformer import Attention
from torch import nn


class OwnAttention(Attention):
    pass


def macs(attention):
    module = nn.Sequential(attention)
    return get_model_complexity_info(module, (16, 64), as_strings=False, print_per_layer_stat=False)[0]


known, own = macs(Attention(64, 4, qkv_bias=True)), macs(OwnAttention(64, 4, qkv_bias=True))
print(torch.__version__, "Attention:", known, "a subclass of it:", own)
between_tokens = 16 * 64 + 4 * (2 * 16 * 16 * 16 + 16 * 16)
assert known == between_tokens == 34816
assert own == 16 * 64 * (192 + 64) + 16 * (192 + 64)
PYTHON
