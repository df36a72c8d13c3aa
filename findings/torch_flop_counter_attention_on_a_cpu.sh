#!/usr/bin/env bash
# FlopCounterMode counts nothing for attention on a CPU, in training either, forward or backward.
#
# Versions: torch 2.14.1 (Python 3.11, x86-64, CPU).
# Behaviour: on a CPU scaled_dot_product_attention runs as one operator for which torch.utils.flop_counter has no
#   formula, as it has for those of GPUs: 0 FLOPs forward and backward, without a word. The same call on the meta
#   device, or with the backend that takes it apart, is 2·2·L²·E forward and twice that backward. So is what
#   nn.MultiheadAttention(need_weights=False) does between its projections.
# Why it matters: one script says one number for a transformer on a laptop and another on a server.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.14.1

"$folder/venv/bin/python" - <<'PYTHON'
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention
from torch.utils.flop_counter import FlopCounterMode


def flops(device, attend, *shape):
    tokens = torch.zeros(shape, device=device, requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        attend(tokens).sum().backward()
    return counter.get_total_flops()


def product(tokens):
    return scaled_dot_product_attention(tokens, tokens, tokens)


def heads(tokens):
    layer = torch.nn.MultiheadAttention(16, 2, batch_first=True, device=tokens.device)
    return layer(tokens, tokens, tokens, need_weights=False)[0]


attention = 3 * (2 * 2 * 16 * 16 * 16)
for attend, shape, projections in ((product, (1, 2, 16, 8), 0), (heads, (1, 16, 16), 3 * 2 * 4 * 16 * 16 * 16)):
    on_cpu, on_meta = flops("cpu", attend, *shape), flops("meta", attend, *shape)
    with sdpa_kernel(SDPBackend.MATH):
        apart = flops("cpu", attend, *shape)
    print(torch.__version__, "forward and backward on a CPU:", on_cpu, "on meta:", on_meta, "taken apart:", apart)
    assert on_cpu == projections
    assert on_meta == apart == projections + attention
PYTHON
