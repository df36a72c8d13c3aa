"""Layers that take more work to run than their multiplications say are not run beyond the steps of a run."""

from pathlib import Path

import pytest

import convcalc
from convcalc import steps
from convcalc.reference.verify import verify


@pytest.mark.parametrize(
    "layer",
    [
        "input: [1, 64000]\nlayers: [{conv: {out_channels: 1, kernel_size: 60001, padding: 30000}}]\n",
        "input: [1, 300, 300]\nlayers: [{conv_transpose: {out_channels: 1, kernel_size: 101}}]\n",
    ],
)
def test_large_windows_of_one_channel_are_counted(layer: str, tmp_path: Path) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text(layer)
    network = convcalc.load(str(spec))
    with steps.run():
        assert not verify(network).layers[0].params.is_tried
