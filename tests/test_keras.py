"""Keras models: files of both versions with figures of the programs that wrote them, generated layers, bad input.

`generated.json.gz` holds models of one to twenty layers that tf_keras 2.21 and Keras 3.15 built, each with what they
counted as learned and the shapes that they gave: every `output_padding`, recurrent layers, attention, functions.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import re
import zipfile
from collections import defaultdict
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import pytest
from conftest import MANY

from convcalc import SpecError, analyze, load, steps
from convcalc.imports import ReadOptions, read_bytes, read_file, reader_of
from convcalc.imports.errors import CannotImport
from convcalc.imports.record import Imported

DATA = Path(__file__).parent / "data" / "formats" / "keras"
WITNESSES: dict[str, Any] = json.loads((DATA / "witnesses.json").read_text())

UNSAID = ("convlstm", "local", "op unknown", "op lambda", "op einsum")
"""Generated models with a layer that no kind says."""


def contents(name: str) -> bytes:
    data = (DATA / name).read_bytes()
    return gzip.decompress(data) if name.endswith(".gz") else data


@cache
def generated() -> list[tuple[str, dict[str, Any], int, int, list[list[int | None]]]]:
    return [tuple(case) for case in json.loads(contents("generated.json.gz"))]


def imported(model: Any, **options: Any) -> Imported:
    data = model if isinstance(model, bytes) else json.dumps(model).encode()
    return read_bytes(data, "model", "", ReadOptions(**options))


class Counted:
    """What the layers of a record cost, by the file's layer: learned numbers, those that are kept, and MACs."""

    def __init__(self, record: Imported) -> None:
        shapes = dict(record.inputs)
        self.rows: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        for layer in record.layers:
            entering = [shapes[name] for name in layer.inputs]
            shapes[layer.name] = layer.shape
            if layer.kind == "opaque":
                continue
            config, row = layer.config(entering), self.rows[layer.operators[-1]]
            of_config = layer.kind == "parameter" and not layer.fields.get("learned", True)
            if layer.share is None and not of_config:
                row[0] += sum(map(prod, config.weights(*entering).values()))
                row[1] += sum(map(prod, config.buffers(*entering).values()))
            row[2] += config.macs(*entering)
        self.outputs = [shapes[name] for name in record.outputs]

    @property
    def params(self) -> int:
        return sum(params for params, _, _ in self.rows.values())


def sequential(*layers: tuple[str, dict[str, Any]], shape: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    """A Sequential as Keras 2 writes it."""
    written: list[dict[str, Any]] = [
        {"class_name": name, "config": {"name": f"layer{number}", **config}}
        for number, (name, config) in enumerate(layers)
    ]
    if shape is not None:
        written[0]["config"]["batch_input_shape"] = [None, *shape]
    config = {"name": "net", "layers": written, **more}
    return {"class_name": "Sequential", "config": config, "keras_version": "2.4.0", "backend": "tensorflow"}


# ---- files with figures of the programs that wrote them --------------------------------------------------------------


@pytest.mark.parametrize("name", WITNESSES)
def test_files_count_as_keras_counts_them(name: str) -> None:
    """In all and layer by layer; a row of a norm has its statistics as well."""
    witness, record = WITNESSES[name], imported(contents(name))
    counted = Counted(record)
    assert not record.missing
    assert not record.warnings
    assert [prod(shape) for shape in counted.outputs] == [prod(shape) for shape in witness["outputs"]]
    assert counted.params == witness["params"]
    assert sum(row[1] for row in counted.rows.values()) == witness["buffers"]
    assert sum(row[2] for row in counted.rows.values()) == witness["macs"]
    assert {title: [a + b, macs] for title, (a, b, macs) in counted.rows.items() if a or b or macs} == {
        title: [params, macs] for title, params, macs in witness["rows"]
    }


def test_files_are_analysed_where_they_lie() -> None:
    network = load(DATA / "k3_MobileNet.keras")
    totals = analyze(network).totals
    assert (totals.params, totals.macs) == (4_231_976, 568_740_352)
    assert [node.shape for node in network.inputs] == [(3, 224, 224)]


@pytest.mark.parametrize("number", range(6))
def test_generated_layers_have_the_shapes_and_parameters_of_keras(number: int) -> None:
    for name, config, params, _, outputs in generated()[number::6]:
        if name.startswith(UNSAID):
            continue
        record = imported(config)
        counted = Counted(record)
        assert not record.missing, name
        assert not record.warnings, name
        assert counted.params == params, name
        sizes = sorted(prod(shape) for shape in counted.outputs)
        known = [[size for size in shape[1:] if size] for shape in outputs]
        assert "einsum" in name or sizes == sorted(map(prod, known)), name


def test_what_no_kind_says_is_opaque_and_named() -> None:
    missing = {name: imported(config).missing for name, config, *_ in generated() if name.startswith(UNSAID)}
    assert "1 ConvLSTM2D (a convolution in the steps of a recurrent layer)" in missing["convlstm (Keras 2)"]
    assert "1 tf.linalg.band_part" in missing["op unknown (Keras 2)"]
    assert "1 Lambda" in missing["op lambda (Keras 3)"]
    config = next(config for name, config, *_ in generated() if name == "op lambda (Keras 3)")
    with pytest.raises(CannotImport, match="1 operator that no layer kind expresses: Lambda at lambda"):
        imported(config, strict=True)


# ---- what a config may say -------------------------------------------------------------------------------------------


def test_a_transposed_convolution_with_padding_to_add_of_null_is_not_one_of_0() -> None:
    for added, size in ((None, 10), (0, 9), (1, 10)):
        fields = {"filters": 2, "kernel_size": [3, 3], "strides": [2, 2], "padding": "same", "output_padding": added}
        record = imported(sequential(("Conv2DTranspose", fields), shape=[5, 5, 3]))
        assert record.layers[0].shape == (2, size, size)


LEARNED: list[tuple[str, dict[str, Any], dict[str, Any], int]] = [
    ("BatchNormalization", {}, {}, 4),
    ("BatchNormalization", {"scale": False}, {"affine": "shift"}, 2),
    ("BatchNormalization", {"center": False}, {"affine": "scale"}, 2),
    ("BatchNormalization", {"center": False, "scale": False}, {"affine": False}, 0),
    ("GroupNormalization", {"groups": 1, "scale": False}, {"affine": "shift"}, 2),
    ("LayerNormalization", {"scale": False}, {"elementwise_affine": "shift"}, 2),
    ("LayerNormalization", {"center": False}, {"bias": False}, 2),
    ("LayerNormalization", {"axis": [2, 3], "scale": False}, {"elementwise_affine": "shift"}, 10),
]


@pytest.mark.parametrize(("kind", "config", "fields", "params"), LEARNED)
def test_a_norm_learns_what_it_says(kind: str, config: dict[str, Any], fields: dict[str, Any], params: int) -> None:
    record = imported(sequential((kind, {"axis": [3], **config}), shape=[4, 5, 2]))
    (layer,) = record.layers
    learned = {"affine", "bias", "elementwise_affine"}
    assert {name: value for name, value in layer.fields.items() if name in learned} == fields
    assert Counted(record).params == params
    kept = f"is {params + 4}: {params} parameters, 4 statistics"
    assert any(kept in note for note in record.notes) == (kind == "BatchNormalization")


def test_layouts_are_folded_away() -> None:
    """No axis is turned where only maps are worked on, with channels first as with channels last."""
    conv = {"filters": 4, "kernel_size": [3, 3]}
    specs = []
    for order, shape in (("channels_last", [9, 8, 3]), ("channels_first", [3, 9, 8])):
        layers: list[tuple[str, dict[str, Any]]] = [
            ("Conv2D", {**conv, "data_format": order}),
            ("MaxPooling2D", {"data_format": order}),
            ("Flatten", {}),
            ("Dense", {"units": 5}),
        ]
        record = imported(sequential(*layers, shape=shape))
        specs.append([(layer.kind, layer.fields, layer.shape) for layer in record.layers])
    assert specs[0] == specs[1]
    assert [kind for kind, _, _ in specs[0]] == ["conv", "max_pool", "flatten", "linear"]


def test_older_files() -> None:
    """Keras 1 had other names, and Sequential was a list."""
    layers = [
        {"class_name": "Convolution2D", "config": {
            "name": "c", "nb_filter": 8, "nb_row": 3, "nb_col": 5, "border_mode": "same", "subsample": [2, 1],
            "dim_ordering": "th", "bias": True, "activation": "relu", "batch_input_shape": [None, 3, 32, 32]}},
        {"class_name": "MaxPooling2D", "config": {
            "name": "p", "pool_size": [2, 2], "strides": [2, 2], "border_mode": "valid", "dim_ordering": "th"}},
        {"class_name": "Dropout", "config": {"name": "d", "p": 0.25}},
        {"class_name": "Flatten", "config": {"name": "f"}},
        {"class_name": "Dense", "config": {"name": "o", "output_dim": 10, "activation": "softmax"}},
    ]  # fmt: skip
    record = imported({"class_name": "Sequential", "config": layers, "keras_version": "1.2.2"})
    counted = Counted(record)
    assert counted.rows["c"] == [8 * 3 * 15 + 8, 0, 8 * 3 * 15 * 16 * 32]
    assert counted.params == 368 + 8 * 8 * 16 * 10 + 10
    assert record.producer == "Keras 1.2.2"


def test_other_containers_hold_the_same_model() -> None:
    config = json.loads(contents("k2_siamese.to_json.json"))
    plain = imported(config)
    for other in (
        json.dumps(json.dumps(config)).encode(),  # text within text, as people write it by mistake
        b"\xef\xbb\xbf\n" + json.dumps(config, indent=2).encode(),
        {"modelTopology": config, "weightsManifest": []},
        {"format": "layers-model", "modelTopology": {"keras_version": "2.7.0", "model_config": config}},
    ):
        assert imported(other).layers == plain.layers


def test_a_list_of_weights_that_is_another_is_warned_of() -> None:
    model = json.loads(contents("tfjs_nsfwjs_mobilenet_v2_model.json.gz"))
    model["weightsManifest"][0]["weights"].pop()
    (warning,) = imported(model).warnings
    assert warning.startswith("the file's list of weights has 2,6")


def test_open_sizes_are_asked_for() -> None:
    model = sequential(("Conv2D", {"filters": 2, "kernel_size": 3}), shape=[None, None, 3])
    with pytest.raises(CannotImport, match=r"\[3, \?, \?\]: give its sizes, .* --input layer0_input=3x224x224"):
        imported(model)
    assert imported(model, sizes={"": (3, 32, 32)}).layers[0].shape == (2, 30, 30)
    with pytest.raises(CannotImport, match="channels come first here, --input 3x32x32"):
        imported(model, sizes={"": (32, 32, 3)})
    with pytest.raises(CannotImport, match="--input names other"):
        imported(model, sizes={"other": (3, 32, 32)})


def test_a_class_of_another_package_is_not_taken_for_one_of_keras() -> None:
    model = sequential(("Dense", {"units": 4}), shape=[3])
    model["config"]["layers"][0] |= {"module": "my_package.layers", "registered_name": "my_package>Dense"}
    assert "my_package.layers>Dense" in imported(model).missing


# ---- what is refused -------------------------------------------------------------------------------------------------

BROKEN = [
    (b'{"class_name": "Sequential", "config": {"name', "the config is not whole"),
    (b'{"class_name": "Dense", "config": {"units": 3}}', "a Dense, which is neither a Functional nor a Sequential"),
    (b'{"class_name": "Sequential"}', "holds no config of a model"),
    (b'{"class_name": "Sequential", "config": ' + b"[" * 100_000, "nested too deep"),
    (b'{"format": "graph-model", "modelTopology": {"node": []}}', "TensorFlow GraphDef"),
    (b'[{"weights": [{"name": "conv/filters", "shape": [3]}], "paths": ["x"]}]', "has a modelTopology"),
    (b"PK\x03\x04" + bytes(26) + b"config.json", "not a whole archive: the list of its files"),
    (sequential(("Conv2D", {"kernel_size": 3}), shape=[9, 9, 3]), "layer layer0: filters is missing"),
    (sequential(("Conv2D", {"filters": 2.5, "kernel_size": 3}), shape=[9, 9, 3]), "filters is 2.5; expected a whole"),
    (sequential(("Reshape", {"target_shape": [5, 5]}), shape=[9]), "9 elements, .* enter a reshape"),
    (sequential(("Dense", {"units": 3})), "axes of no fixed size"),
    ({"class_name": "Sequential", "config": {"layers": []}}, "has no layers"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "message"), BROKEN, ids=range(len(BROKEN)))
def test_broken_files_are_named(model: Any, message: str) -> None:
    with pytest.raises(CannotImport, match=message):
        imported(model)


def test_calls_that_do_not_go_together_are_named() -> None:
    config = json.loads(contents("k2_siamese.to_json.json"))
    layers = config["config"]["layers"]
    first = next(layer for layer in layers if layer["class_name"] == "Subtract")
    kept = first["inbound_nodes"]
    first["inbound_nodes"] = [[["dense", 0, 0, {}], ["dense", 0, 0, {}]]]
    with pytest.raises(CannotImport, match="needs what it makes itself"):
        imported(config)
    first["inbound_nodes"] = [[["nowhere", 0, 0, {}], *kept[0][1:]]]
    with pytest.raises(CannotImport, match="has no layer nowhere"):
        imported(config)


def test_models_within_models_end() -> None:
    """Each calls the next one twice: 2^30 calls."""
    inner = sequential(("Dense", {"units": 4}), shape=[4])
    for _ in range(30):
        entry = {
            "class_name": "InputLayer",
            "name": "x",
            "config": {"batch_input_shape": [None, 4]},
            "inbound_nodes": [],
        }
        calls = [[["x", 0, 0, {}]], [["m", 1, 0, {}]]]
        layers = [entry, {**inner, "name": "m", "inbound_nodes": calls}]
        config = {"name": "net", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["m", 2, 0]]}
        inner = {"class_name": "Functional", "config": config}
    with steps.run(), pytest.raises(CannotImport, match="more work than"):
        imported(inner)


def test_an_archive_is_unpacked_within_bounds() -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * (40 * 2**20))
    with pytest.raises(CannotImport, match="41,943,040 bytes, where at most 16,777,216 are read"):
        imported(bomb.getvalue())


def test_other_files_are_not_claimed() -> None:
    for data in (b'{"name": "x", "layers": []}', b"PK\x03\x04" + bytes(99), b"input: [3, 8, 8]\n", b"\x08\x07", b"[]"):
        assert reader_of(data, "") is None or data[:1] == b"\x08"
    assert reader_of(b"", "model.keras") is not None


def test_mutants_are_refused_in_words() -> None:
    """Files with values changed, left out and exchanged: no other error, and bounded work."""
    draw = random.Random(MANY)
    models = [case[1] for case in generated() if not case[0].startswith("ct ")]
    values: list[Any] = [
        None,
        0,
        -1,
        1,
        2**40,
        1.5,
        "",
        "same",
        [],
        {},
        [[1]],
        True,
        [None, 3],
        "channels_first",
        "x" * 300,
    ]
    for _ in range(max(2000, 20 * MANY)):
        text = json.dumps(draw.choice(models))
        data = text.encode()
        if draw.random() < 0.2:
            at = draw.randrange(len(data))
            data = data[:at] + bytes([draw.randrange(256)]) * draw.randrange(3) + data[at + draw.randrange(4) :]
        else:
            model = json.loads(text)
            for _ in range(draw.randint(1, 3)):
                _mutate(draw, model, values)
            data = json.dumps(model).encode()
        try:
            with steps.run():
                imported(data)
        except CannotImport:
            continue


def _mutate(draw: random.Random, model: Any, values: list[Any]) -> None:
    """Change one entry, however deep within."""
    place = model
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = draw.choice(keys)
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or draw.random() < 0.1:
            break
        place = inner
    if draw.random() < 0.2:
        del place[key]
    else:
        place[key] = json.loads(json.dumps(draw.choice(values)))


# ---- the programs themselves, where they are installed ---------------------------------------------------------------


@pytest.mark.skipif(MANY < 100, reason="builds networks in TensorFlow, which takes minutes")
@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_the_networks_of_keras_itself(package: str, tmp_path: Path) -> None:
    """Applications that no file here holds: what is learned and what leaves, as the program counts them."""
    keras = pytest.importorskip(package)
    for name in ("DenseNet121", "InceptionResNetV2", "Xception", "EfficientNetV2B0", "VGG16", "MobileNetV3Large"):
        model = getattr(keras.applications, name)(weights=None, input_shape=(224, 224, 3))
        (tmp_path / "model.json").write_text(model.to_json())
        record = read_file(str(tmp_path / "model.json"))
        counted = Counted(record)
        assert not record.missing
        assert counted.params == sum(prod(weight.shape) for weight in model.trainable_weights), name
        assert counted.outputs == [(1000,)]


@pytest.mark.parametrize(
    ("class_name", "entries", "message"),
    [
        ("Cropping2D", {"cropping": [[5, 5], [0, 0]]}, "layer a: crop: 5 + 5 leave nothing of an axis of 8"),
        ("Conv2D", {"filters": 4, "kernel_size": [30, 30]}, "layer a: conv: kernel_size 30 does not fit"),
        ("Conv2D", {"filters": 4, "kernel_size": [3, 3], "groups": 2}, "layer a: conv: groups 2 does not divide both"),
        ("Conv2D", {"filters": 4, "kernel_size": "3"}, "layer a: kernel_size is '3'; expected 2 whole numbers from 1"),
        ("Dense", {"units": 10**12}, "layer a: units is 1000000000000; expected a whole number from 1 to 2,147"),
    ],
)
def test_what_no_keras_could_run_is_refused_and_not_an_unknown_layer(
    class_name: str, entries: dict[str, Any], message: str, tmp_path: Path
) -> None:
    layers = [
        {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [None, 8, 8, 3]}},
        {"class_name": class_name, "config": {"name": "a", **entries}},
    ]
    (tmp_path / "model.json").write_text(json.dumps({"class_name": "Sequential", "config": {"layers": layers}}))
    with pytest.raises(SpecError, match=re.escape(message)):
        load(tmp_path / "model.json")


def test_commands_say_where_it_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text('{"class_name": "Sequential", "config": {"layers": 3}}')
    with pytest.raises(SpecError, match="has no layers"):
        load(tmp_path / "model.json")
