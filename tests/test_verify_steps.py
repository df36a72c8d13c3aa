"""Layers that take more work to run than their multiplications say are not run beyond the steps of a run."""

import pytest

from convcalc import loads, steps
from convcalc.reference.verify import verify


@pytest.mark.parametrize(
    "layer",
    [
        "input: [1, 64000]\nlayers: [{conv: {out_channels: 1, kernel_size: 60001, padding: 30000}}]\n",
        "input: [1, 20000]\nlayers: [{conv_transpose: {out_channels: 1, kernel_size: 15001}}]\n",
        "input: [1, 300, 300]\nlayers: [{conv_transpose: {out_channels: 1, kernel_size: 101}}]\n",
    ],
)
def test_large_windows_of_one_channel_are_counted(layer: str) -> None:
    with steps.run():
        assert verify(loads(layer)).layers[0].params.measured is None
