#!/usr/bin/env bash
# FlopCounterMode counts nothing for an LSTM and for attention on its fast path, without a word.
#
# Versions: torch 2.13.0 (Python 3.11, x86-64, CPU).
# Behaviour: nn.LSTM runs as one operator (mkldnn_rnn_layer) for which torch.utils.flop_counter has no formula, and in
#   evaluation without gradients nn.MultiheadAttention and nn.TransformerEncoderLayer run as one operator as well. What
#   has no formula counts as 0. The same modules exported and decomposed, or with the fast path off and attention in
#   plain products, have all of it: 16·4·32·(8 + 32) for the LSTM, 10·4·64² + 2·10²·64 for the attention.
# Why it matters: of torchvision's ViT-B/32 it sees 2.95 of 4.41 billion, and of a speech model nearly nothing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.13.0

"$folder/venv/bin/python" - <<'PYTHON'
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


def macs(run):
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops() // 2


steps, tokens = torch.zeros(1, 16, 8), torch.zeros(1, 10, 64)
lstm = nn.LSTM(8, 32, batch_first=True).eval()
attention = nn.MultiheadAttention(64, 4, batch_first=True).eval()
decomposed = torch.export.export(lstm, (steps,)).run_decompositions().module()

print(torch.__version__)
of_lstm = macs(lambda: lstm(steps)), macs(lambda: decomposed(steps))
print("LSTM, and decomposed:", *of_lstm)
fast = macs(lambda: attention(tokens, tokens, tokens))
torch.backends.mha.set_fastpath_enabled(False)
with sdpa_kernel(SDPBackend.MATH):
    plain = macs(lambda: attention(tokens, tokens, tokens))
print("attention, and off the fast path:", fast, plain)
assert of_lstm == (0, 16 * 4 * 32 * (8 + 32))
assert (fast, plain) == (0, 10 * 4 * 64**2 + 2 * 10**2 * 64)
PYTHON
