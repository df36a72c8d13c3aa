"""`convcalc.saliency`: closed forms, finite differences, and what PyTorch says of the same files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import convcalc
from convcalc.language import Source, loads
from convcalc.layers import Wanted
from convcalc.network import Network
from convcalc.reference.backward_memory import bytes_to_differentiate
from convcalc.reference.execution import execute
from convcalc.reference.gradients import run_traced
from convcalc.reference.mass import mass_of
from convcalc.reference.memory import WORKSPACE_BYTES, TooLarge
from convcalc.reference.saliency import Unanswered
from convcalc.reference.scores import NoScore, scores_of
from convcalc.reference.weights import RandomWeights
from convcalc.tensors.engine import Engine

DATA = Path(__file__).parent / "data/gradients"
EXPORTED = sorted(path.name for path in DATA.glob("*.onnx") if not path.name.startswith("softmax"))
MLP = "input: [3, 4, 5]\nlayers:\n  - flatten\n  - linear: 7\n"
CONV = "input: [1, 5, 5]\nlayers:\n  - conv: {out_channels: 2, kernel_size: 3}\n"


def network_of(text: str) -> Network:
    return loads(Source("net.yaml", text))


def image_for(network: Network, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(network.inputs[0].shape).astype(np.float32)


def scored(network: Network, image: Any, layer: str, weights: RandomWeights) -> Any:
    """What leaves a layer, in float64, without any tape."""

    class Double:
        """The same numbers as they are drawn for float32, as finer ones."""

        def of(self, index: int, inputs: Any) -> Any:
            singles = [array.astype(np.float32) for array in inputs]
            return {name: array.astype(np.float64) for name, array in weights.of(index, singles).items()}

        def done(self, index: int) -> None: ...

    steps = execute(network, {network.inputs[0].name: image[None].astype(np.float64)}, Double(), Engine())
    output: Any = next(step.output for step in steps if network.nodes[step.place].name == layer)
    return output[0]


@pytest.mark.parametrize("file", EXPORTED)
def test_maps_are_those_of_pytorch(file: str) -> None:
    """The derivative is PyTorch's of the same weights in float64, within a thousandth of what the issue asks."""
    figures = np.load(DATA / f"{file.split('.')[0]}.npz")
    taken, *position = map(int, figures["asked"])
    result = convcalc.saliency(
        convcalc.load(str(DATA / file)),
        figures["input"][0],
        class_index=taken,
        position=position or None,
        channels="each",
    )
    expected = figures["input_gradient64"][0]
    assert_allclose(result.map, expected, rtol=0, atol=1e-6 * np.abs(expected).max())
    assert_allclose(result.score, figures["score64"], rtol=1e-5)
    amounts = np.abs(expected)
    for channels, joined in {"max": amounts.max(0), "mean": amounts.mean(0)}.items():
        settings: Any = {"class_index": taken, "position": position or None, "channels": channels}
        again = convcalc.saliency(result.network, figures["input"][0], **settings)
        assert_allclose(again.map, joined, rtol=0, atol=1e-6 * joined.max())


@pytest.mark.parametrize("file", ["softmax.onnx", "softmax.dynamo.onnx"])
def test_a_score_is_that_before_softmax(file: str) -> None:
    """The derivative of the probability that PyTorch has follows from those of all scores by the chain rule."""
    network, figures = convcalc.load(str(DATA / file)), np.load(DATA / "softmax.npz")
    results = [convcalc.saliency(network, figures["input"][0], class_index=k, channels="each") for k in range(10)]
    scores = np.array([result.score for result in results], np.float64)
    shares = np.exp(scores) / np.exp(scores).sum()
    taken = int(figures["asked"][0])
    maps = np.stack([result.map for result in results]).astype(np.float64)
    if abs(float(figures["score64"]) - shares[taken]) < 1e-6:  # the figures are of the probability
        expected = shares[taken] * (maps[taken] - np.tensordot(shares, maps, 1))
    else:
        expected = maps[taken]
        assert_allclose(scores[taken], figures["score64"], rtol=1e-5)
    assert_allclose(expected, figures["input_gradient64"][0], rtol=0, atol=1e-6 * np.abs(expected).max())
    assert results[0].squashing == ("softmax1",)
    assert results[0].top[0].probability == pytest.approx(shares.max(), rel=1e-5)
    assert_allclose(figures["output64"][0], shares, rtol=1e-5)


def test_the_map_of_a_linear_network_is_its_weight() -> None:
    network = network_of(MLP)
    weights = RandomWeights(network, 3, keep=True)
    image = image_for(network)
    weight = weights.of(2, [image.reshape(1, -1)])["weight"]
    for taken in range(7):
        result = convcalc.saliency(network, image, class_index=taken, weights=weights, channels="each")
        assert_array_equal(result.map, weight[taken].reshape(3, 4, 5))
        assert result.weights == "weights that were handed over"


def test_the_map_of_a_convolution_is_its_kernel_where_it_was() -> None:
    network = network_of(CONV)
    weights = RandomWeights(network, 0, keep=True)
    image = image_for(network)
    kernel = weights.of(1, [image[None]])["weight"]
    for y, x in ((0, 0), (1, 2), (2, 1)):
        result = convcalc.saliency(network, image, class_index=1, position=(y, x), weights=weights, channels="each")
        expected = np.zeros((1, 5, 5), np.float32)
        expected[0, y : y + 3, x : x + 3] = kernel[1, 0]
        assert_array_equal(result.map, expected)
        assert result.position == (y, x)


@pytest.mark.parametrize("layout", ["chw", "hwc"])
def test_channels_are_joined_over_the_axis_that_they_are_on(layout: Any) -> None:
    shape = "[3, 4, 5]" if layout == "chw" else "[4, 5, 3]"
    network = network_of(MLP.replace("[3, 4, 5]", shape))
    weights, image = RandomWeights(network, 3, keep=True), image_for(network)
    derivative = weights.of(2, [image.reshape(1, -1)])["weight"][4].reshape(image.shape)
    for channels, expected in (
        ("max", np.abs(derivative).max(0 if layout == "chw" else -1)),
        ("mean", np.abs(derivative).mean(0 if layout == "chw" else -1)),
        ("each", derivative if layout == "chw" else derivative.transpose(2, 0, 1)),
    ):
        settings: dict[str, Any] = {"channels": channels, "layout": layout}
        result = convcalc.saliency(network, image, class_index=4, weights=weights, **settings)
        assert_allclose(result.map, expected, rtol=1e-6)
        assert result.map.dtype == np.float32


@pytest.mark.parametrize("layer", ["fc", "layer2.0.add"])
def test_a_step_along_the_map_changes_the_score_by_what_the_map_says(layer: str) -> None:
    """A deep network, by finite differences in float64: along the map, and along a direction that is drawn."""
    network = convcalc.load("zoo:resnet18", inputs={"input": (3, 32, 32)})
    position = (1, 2) if layer != "fc" else None
    image = image_for(network)
    weights = RandomWeights(network, 1, keep=True)
    settings: dict[str, Any] = {"weights": weights, "channels": "each", "layer": layer, "position": position}
    settings["class_index"] = 5
    result = convcalc.saliency(network, image, **settings)
    place = (5, *(position or ()))
    for direction in (result.map, image_for(network, 8)):
        step = 1e-6 * direction.astype(np.float64) / np.linalg.norm(direction)
        image64 = image.astype(np.float64)
        up, down = (scored(network, image64 + sign * step, layer, weights)[place] for sign in (1, -1))
        slope = float((result.map * step).sum())
        assert abs(up - down - 2 * slope) <= 1e-3 * 2 * np.linalg.norm(result.map) * np.linalg.norm(step)


def test_smooth_is_the_mean_over_copies() -> None:
    """Of a linear network it is the weight whatever the noise; of another the mean of maps at the copies."""
    network = network_of(MLP)
    weights, image = RandomWeights(network, 3, keep=True), image_for(network)
    settings: dict[str, Any] = {"class_index": 2, "channels": "each"}
    plain = convcalc.saliency(network, image, weights=weights, **settings)
    smooth = convcalc.saliency(network, image, weights=weights, smooth=11, **settings)
    assert_allclose(smooth.map, plain.map, rtol=1e-6)
    assert (smooth.smooth, smooth.score) == (11, plain.score)
    bent = network_of("input: [2, 3, 3]\nlayers:\n  - pow: {exponent: 3}\n  - flatten\n  - linear: 2\n")
    image = image_for(bent)
    weights = RandomWeights(bent, 1, keep=True)
    weight = weights.of(3, [image.reshape(1, -1)])["weight"][0].reshape(image.shape)
    result = convcalc.saliency(bent, image, weights=weights, class_index=0, smooth=4000, noise=0.4, channels="each")
    deviation = 0.4 * np.ptp(image)
    expected = 3 * weight * (image**2 + deviation**2)  # the mean of (x + noise)^2 is x^2 plus the noise's variance
    assert_allclose(result.map, expected, atol=0.15 * np.abs(expected).max())
    assert np.abs(result.map - 3 * weight * image**2).max() > 0.3 * np.abs(expected).max()


@pytest.mark.parametrize("file", [file for file in EXPORTED if "dynamo" not in file])
def test_which_copies_are_run_together_changes_nothing(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network, figures = convcalc.load(str(DATA / file)), np.load(DATA / f"{file.split('.')[0]}.npz")
    image, asked = figures["input"][0], list(map(int, figures["asked"]))
    settings: dict[str, Any] = {"class_index": asked[0], "position": asked[1:] or None, "smooth": 7}
    together = convcalc.saliency(network, image, **settings)
    monkeypatch.setattr("convcalc.reference.saliency.MOST_AT_ONCE", 1)
    single = convcalc.saliency(network, image, **settings)
    assert_allclose(together.map, single.map, rtol=1e-4, atol=1e-5 * single.map.max())
    other = convcalc.saliency(network, image, **{**settings, "smooth": 2})
    assert not np.allclose(other.map, single.map, rtol=0.01)


def test_without_a_class_the_highest_is_taken() -> None:
    network, figures = convcalc.load(str(DATA / "plain.onnx")), np.load(DATA / "plain.npz")
    result = convcalc.saliency(network, figures["input"][0])
    order = np.argsort(-figures["runtime"][0])
    assert result.class_index == order[0]
    assert result.is_highest
    assert [entry.index for entry in result.top] == order[:5].tolist()
    assert_allclose([entry.score for entry in result.top], figures["runtime"][0][order[:5]], rtol=1e-5)


ENDS = {
    "softmax": ("  - softmax\n", "head", ("softmax1",)),
    "log_softmax": ("  - log_softmax\n", "head", ("log_softmax1",)),
    "sigmoid": ("  - sigmoid\n", "head", ("sigmoid1",)),
    "dropout behind": ("  - softmax\n  - dropout: 0.5\n", "head", ("softmax1", "dropout1")),
    "another shape": ("  - softmax\n  - reshape: [4, 1, 1]\n", "head", ("softmax1", "reshape1")),
    "one on another": ("  - sigmoid\n  - softmax\n", "sigmoid1", ("softmax1",)),
    "relu": ("  - relu\n", "relu1", ()),
    "a view alone": ("  - reshape: [4, 1, 1]\n", "reshape1", ()),
}


@pytest.mark.parametrize("end", ENDS)
def test_what_makes_probabilities_is_left_out(end: str) -> None:
    text, layer, squashing = ENDS[end]
    network = network_of(f"input: [3, 4, 4]\nlayers:\n  - flatten\n  - linear: {{name: head, out_features: 4}}\n{text}")
    result = convcalc.saliency(network, image_for(network), seed=0, class_index=3)
    assert (result.layer, result.squashing) == (layer, squashing)
    settings: dict[str, Any] = {"seed": 0, "class_index": 3, "layer": layer if layer != "sigmoid1" else None}
    head = convcalc.saliency(network, image_for(network), **settings)
    if squashing:
        assert_array_equal(result.map, head.map)
        if "dropout" not in end:
            last = network.nodes[network.outputs[0]].name
            output = scored(network, image_for(network), last, RandomWeights(network, 0, keep=True)).reshape(-1)
            share = np.exp(output) if end == "log_softmax" else output
            for entry in result.top:
                assert entry.probability == pytest.approx(share[entry.index], rel=1e-5)
    else:
        assert result.top[0].probability is None


def test_classes_are_on_the_axis_of_the_softmax() -> None:
    network = network_of(
        "input: [3, 4, 6]\nlayers:\n  - conv: {out_channels: 5, kernel_size: 1}\n  - softmax: {axis: 2}\n"
    )
    scores = scores_of(network)
    assert (scores.axis, scores.classes, scores.positions) == (2, 6, (5, 4))
    result = convcalc.saliency(network, image_for(network), seed=0, class_index=5, position=(2, 3))
    assert np.flatnonzero(result.map.reshape(-1)).tolist() == [3 * 6 + 5]


AXES = {
    "the only one with a size": ("  - flatten\n  - linear: {out_features: 5}\n  - reshape: [1, 1, 5]\n", 2),
    "a layer on tokens": ("  - reshape: [3, 24]\n  - linear: {out_features: 5}\n", 1),
    "and an activation": ("  - reshape: [3, 24]\n  - linear: {out_features: 5}\n  - relu\n  - dropout\n", 1),
    "and a sigmoid": ("  - reshape: [3, 24]\n  - linear: {out_features: 5}\n  - sigmoid\n", 1),
    "a convolution": ("  - conv: {out_channels: 5, kernel_size: 1}\n  - relu\n", 0),
}


@pytest.mark.parametrize("name", AXES)
def test_without_a_softmax_classes_are_where_a_layer_makes_them(name: str) -> None:
    end, axis = AXES[name]
    scores = scores_of(network_of(f"input: [3, 4, 6]\nlayers:\n{end}"))
    assert (scores.axis, scores.classes) == (axis, 5)


TWO = """
inputs: {image: [3, 4, 4], depth: [1, 4, 4]}
layers:
  - concat: {from: [image, depth]}
  - conv: {name: both, out_channels: 2, kernel_size: 3}
  - conv: {name: other, from: depth, out_channels: 2, kernel_size: 1}
outputs: [both, other]
"""
MISTAKES: dict[str, tuple[str, dict[str, Any], type[Exception], str]] = {
    "class too high": (MLP, {"class_index": 7}, NoScore, "--class: expected a number from 0 to 6, .* has 7 .* found 7"),
    "class below 0": (MLP, {"class_index": -1}, NoScore, "--class: expected a number from 0 to 6.* found -1"),
    "a map": (CONV, {"class_index": 0}, NoScore, "`conv1` is a map of scores, 2x3x3: expected --position Y,X.*1,1"),
    "outside": (CONV, {"position": (0, 3)}, NoScore, "--position: expected numbers from 0 to 2 there, found 3"),
    "too many": (CONV, {"position": (0, 1, 1)}, NoScore, "--position: expected 2 numbers below 3, 3, found 0,1,1"),
    "no map": (MLP, {"position": (0, 0)}, NoScore, "--position: expected none, as it is no map, found 0,0"),
    "no layer": (MLP, {"layer": "linaer1"}, NoScore, "--layer: there is no output or layer `linaer1`.*linear1"),
    "outputs": (TWO, {"input_name": "image"}, NoScore, "--layer NAME, as there are 2 outputs: both, other"),
    "inputs": (TWO, {"layer": "both"}, Unanswered, r"--input-name NAME.*image \(3x4x4\), depth \(1x4x4\)"),
    "no input": (TWO, {"input_name": "imag"}, Unanswered, "no input `imag`.*image"),
    "apart": (TWO, {"input_name": "image", "layer": "other"}, Unanswered, "`other` does not depend on input `image`"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_said_with_what_to_do(name: str) -> None:
    text, settings, error, expected = MISTAKES[name]
    network = network_of(text)
    with pytest.raises(error, match=expected):
        convcalc.saliency(network, image_for(network), seed=0, **settings)


def test_images_that_do_not_fit_are_refused() -> None:
    network = network_of(MLP)
    with pytest.raises(Unanswered, match="expected the shape of input `input`, 3x4x5, found 4x5x3"):
        convcalc.saliency(network, np.zeros((4, 5, 3)), seed=0)
    with pytest.raises(Unanswered, match="finite"):
        convcalc.saliency(network, np.full((3, 4, 5), np.nan), seed=0)
    with pytest.raises(convcalc.SpecError, match="no weights of its own"):
        convcalc.saliency(network, np.zeros((3, 4, 5)))


def test_other_inputs_are_zero_and_said_to_be() -> None:
    network = network_of(TWO)
    settings: dict[str, Any] = {"seed": 0, "input_name": "image", "layer": "both", "position": (0, 0)}
    result = convcalc.saliency(network, image_for(network), class_index=0, **settings)
    assert result.notes == ("0 everywhere in depth",)
    assert (result.map[:3, :3] > 0).all()
    assert not result.map[3].any()


def test_a_score_that_no_pixel_changes() -> None:
    network = network_of("input: [1, 3, 3]\nlayers:\n  - hard_tanh: {min_val: 5, max_val: 6}\n  - flatten\n")
    result = convcalc.saliency(network, image_for(network), seed=0, class_index=0)
    assert result.mass is None
    assert result.notes == ("the score does not change with any pixel: every derivative is 0",)


def test_layers_of_which_nothing_is_known_are_named() -> None:
    network = network_of("input: [3, 4, 4]\nlayers:\n  - opaque: {name: odd, output_shape: [3, 4, 4]}\n  - relu\n")
    with pytest.raises(Unanswered, match="odd"):
        convcalc.saliency(network, image_for(network), seed=0, class_index=0, position=(0, 0))


def test_a_layer_that_cannot_be_differentiated_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of(MLP + "  - relu: {name: odd}\n  - linear: 2\n")
    kind: Any = type(next(node.config for node in network.layers if node.name == "odd"))
    monkeypatch.setattr(kind, "reference", staticmethod(lambda engine, fields, weights, x: np.sort(x)))
    with pytest.raises(Unanswered, match=r"layer `odd` \(relu\) cannot be differentiated: .*sort"):
        convcalc.saliency(network, image_for(network), seed=0, class_index=0)


def test_a_slope_that_is_infinite_is_an_error() -> None:
    network = network_of("input: [1, 2, 2]\nlayers:\n  - elementwise: sqrt\n  - flatten\n")
    with pytest.raises(Unanswered, match="a function has no slope where it is"):
        convcalc.saliency(network, np.zeros((1, 2, 2)), seed=0, class_index=0)


def test_overflow_is_an_error() -> None:
    network = network_of(
        "input: [1, 2, 2]\nlayers:\n  - elementwise: exp\n  - elementwise: exp\n  - elementwise: exp\n  - flatten\n"
    )
    with pytest.raises(Unanswered, match="score of class 0 is inf"):
        convcalc.saliency(network, np.full((1, 2, 2), 9), seed=0, class_index=0)


@pytest.mark.parametrize("net", ["zoo:resnet18", "zoo:squeezenet1_1", "zoo:mobilenet_v2", "zoo:densenet121"])
def test_memory_is_what_tapes_keep_and_no_less(net: str) -> None:
    """All arrays that are alive when the way back begins are within the estimate, and at least half of it."""
    network = convcalc.load(net, inputs={"input": (3, 64, 64)})
    weights, engine = RandomWeights(network, 0, keep=True), Engine()
    tensors, alive = {0: image_for(network)[None]}, {}
    for index, node in enumerate(network.layers, 1):
        entering = [tensors[source] for source in node.inputs]
        arrays = weights.of(index, entering)
        run = run_traced(engine, node.config, arrays, entering, Wanted((True,) * len(entering), False))
        tensors[index] = run.output
        for array in (*run.kept, *arrays.values()):
            holder = array
            while holder.base is not None and isinstance(holder.base, np.ndarray):
                holder = holder.base
            alive[id(holder)] = holder
    held = sum(array.nbytes for array in alive.values())
    needed = bytes_to_differentiate(network, network.outputs[0]) - WORKSPACE_BYTES
    assert held <= needed <= 2 * held


def test_too_large_is_said_before_anything_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    network = convcalc.load("zoo:vgg16")
    monkeypatch.setattr("convcalc.reference.saliency.gradients", None)
    with pytest.raises(TooLarge) as error:
        convcalc.saliency(network, image_for(network), seed=0, most_bytes=10**9 // 2)
    assert error.value.needed > 4 * 138_357_544


def brute(amounts: Any) -> int:
    """The fewest pixels of any rectangle with half of the sum."""
    height, width = amounts.shape
    return min(
        (bottom - top) * (right - left)
        for top in range(height)
        for bottom in range(top + 1, height + 1)
        for left in range(width)
        for right in range(left + 1, width + 1)
        if amounts[top:bottom, left:right].sum() >= amounts.sum() / 2
    )


@given(st.lists(st.lists(st.integers(0, 9), min_size=5, max_size=5), min_size=1, max_size=6))
def test_half_of_the_mass_is_in_as_few_pixels_as_may_be(rows: list[list[int]]) -> None:
    amounts = np.array(rows, np.float32)
    mass = mass_of(amounts)
    if not amounts.any():
        assert mass is None
        return
    assert mass is not None
    top, bottom, left, right = (mass.rows[0], mass.rows[1] + 1, mass.columns[0], mass.columns[1] + 1)
    assert amounts[top:bottom, left:right].sum() >= amounts.sum() / 2
    assert (bottom - top) * (right - left) == brute(amounts) == round(mass.area * amounts.size)
    falling = sorted(amounts.reshape(-1).tolist(), reverse=True)
    assert sum(falling[: mass.pixels]) >= amounts.sum() / 2 > sum(falling[: mass.pixels - 1])


def test_a_large_map_is_searched_in_steps() -> None:
    amounts = np.zeros((300, 200), np.float32)
    amounts[100:140, 50:60] = 1
    mass = mass_of(amounts)
    assert mass is not None
    assert (mass.pixels, mass.step) == (200, 5)
    assert 100 <= mass.rows[0] <= mass.rows[1] <= 139
    assert mass.columns[0] in (50, 55)


def test_a_record_says_what_it_is() -> None:
    network = convcalc.load(str(DATA / "plain.onnx"))
    result = convcalc.saliency(network, image_for(network), class_index=2)
    assert re.fullmatch(r"<Saliency plain: class 2, score \S+, map 16x16 \(max\)>", repr(result))
    document = result.to_dict()
    assert (document["class"], document["map"]["shape"]) == (2, [16, 16])
    assert document["map"]["sum"] == pytest.approx(float(result.map.sum()), rel=1e-6)
    frame = result.to_dataframe()
    assert list(frame.columns) == ["model", "spec", "class", "score", "probability"]
    assert frame["class"].tolist() == [entry.index for entry in result.top]
    assert frame["score"].tolist() == [entry.score for entry in result.top]
    html = result._repr_html_()
    assert html.count("<tr>") == 6
    assert 'src="data:image/png;base64,' in html
