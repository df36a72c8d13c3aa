"""The ONNX package's own tests: their shapes and products, and what the layers that were read make of their data."""

from __future__ import annotations

from pathlib import Path

import backend_suite
import pytest
from backend_suite import Verdict
from backend_values import NotInFile, differences, reading_of
from conftest import MANY

POOLS = ("averagepool", "maxpool", "lppool", "globalaveragepool", "globalmaxpool", "maxunpool")
OTHERS = (
    "conv", "convinteger", "convtranspose", "deformconv", "qlinearconv", "causal_conv_with_state", "resize", "upsample",
    "batch_normalization", "groupnormalization", "instance_normalization", "layernormalization", "lpnormalization",
    "lrn", "meanvariancenormalization", "rmsnormalization",
)  # fmt: skip
PLACES = (
    "affinegrid", "blackmanwindow", "compress", "hammingwindow", "hannwindow", "prelu", "reversesequence",
    "selu", "slice", "spacetodepth", "split", "tensorscatter",
)  # fmt: skip

OTHER_NUMBERS = {
    "test_convinteger_": "the float layer stands for it, without zero points and scales",
    "test_qlinearconv": "the same",
    "test_resize_downsample_scales_": "the scales enter as data, and are read from the sizes that the file declares",
    "test_resize_upsample_scales_linear_half_pixel_symmetric": "as that of resizing down",
    "test_maxunpool_export_with_output_shape": "the places are those of a larger map, whose sizes enter",
}
"""Tests whose layers make other numbers than the test has, and why: shapes and costs are right all the same."""


def test_convolutions_pools_resizing_and_norms_are_all_right(tmp_path: Path) -> None:
    cases = backend_suite.cases_of([*POOLS, *OTHERS])
    words = {case.name: backend_suite.verdict(case, tmp_path / "model.onnx") for case in cases}
    wrong = {name: word for name, word in words.items() if word.word != "right"}
    assert len(words) > 250
    assert not wrong


def test_layers_make_the_numbers_of_the_tests(tmp_path: Path) -> None:
    cases = [case for case in backend_suite.cases_of([*OTHERS, *PLACES]) if "pool" not in case.name]
    compared, wrong = 0, []
    for case in cases:
        reading = reading_of(case, tmp_path / "model.onnx")
        if reading is None:
            continue
        try:
            names = differences(case, reading)
        except NotInFile:
            continue
        compared += 1
        if names and not case.name.startswith(tuple(OTHER_NUMBERS)):
            wrong.append(case.name)
    assert compared > 250
    assert wrong == []


def test_a_wrong_shape_and_a_wrong_product_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = next(case for case in backend_suite.cases_of(["conv"]) if case.name == "test_conv_with_strides_padding")
    path = tmp_path / "model.onnx"
    assert backend_suite.verdict(case, path) == Verdict("right")
    other = [output[..., :-1] for output in case.outputs]
    assert backend_suite.verdict(case._replace(outputs=other), path).word == "shape"
    monkeypatch.setitem(backend_suite.PRODUCTS, "Conv", lambda *given: 1)
    assert backend_suite.verdict(case, path).word == "macs"


@pytest.mark.skipif(not MANY, reason="reads two thousand models, and makes their data: a minute")
def test_the_page_has_what_comes_of_all_tests() -> None:
    result = backend_suite.outcome()
    assert result.words["right"] >= 0.85 * result.words.total()
    assert (result.words["macs"], result.words["shape"]) == (0, 0)
    assert backend_suite.in_page(backend_suite.PAGE.read_text()) == result.table()
