#!/usr/bin/env bash
# ptflops' backend aten counts the bias of a linear layer or not, by how its input lies in memory.
#
# Versions: ptflops 0.7.5, torch 2.14.1 (Python 3.11, x86-64, CPU).
# Behaviour: nn.Linear on tokens runs as addmm, of which the backend counts the bias, where the tokens lie one behind the
#   other; behind a transpose it runs as a product and an addition, and additions count nothing. The same layer on the
#   same sizes is 10·6·7 + 10·7 = 490 or 420. GRUs and attention lose biases by this with more than one sample: two
#   samples are less than twice one.
# Why it matters: a figure that differs by a .contiguous() cannot be compared with another.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.14.1 ptflops==0.7.5

"$folder/venv/bin/python" - <<'PYTHON'
import torch
from ptflops import get_model_complexity_info
from torch import nn


class Tokens(nn.Module):
    def __init__(self, laid_together):
        super().__init__()
        self.linear, self.laid_together = nn.Linear(6, 7), laid_together

    def forward(self, x):
        x = x.transpose(1, 2)
        return self.linear(x.contiguous() if self.laid_together else x)


def macs(module, shape, batch=1):
    def samples(_):
        return torch.zeros(batch, *shape)

    return get_model_complexity_info(
        module, shape, as_strings=False, print_per_layer_stat=False, input_constructor=samples, backend="aten"
    )[0]


together, apart = macs(Tokens(True), (6, 10)), macs(Tokens(False), (6, 10))
single, double = (macs(nn.GRU(6, 7, batch_first=True), (5, 6), batch) for batch in (1, 2))
print(torch.__version__, "linear, contiguous and not:", together, apart, "GRU of 1 and 2 samples:", single, double)
assert (together, apart) == (10 * 6 * 7 + 10 * 7, 10 * 6 * 7)
assert single == 5 * 3 * 7 * (6 + 7 + 2)
assert double == 2 * single - 2 * 5 * 3 * 7
PYTHON
