"""The JSON Schema against the specs there are, and against what the spec language itself takes and refuses."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it comes without
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from convcalc import layers
from convcalc.language import Source, SpecError, library
from convcalc.language.document import FIELDS, loads
from convcalc.language.schema import schema
from convcalc.language.tree import resolve

SPECS = sorted((Path(__file__).parent.parent / "specs").rglob("*.yaml"))


class _Yaml12(yaml.SafeLoader):
    """PyYAML's tree with plain scalars in the sense of YAML 1.2, as an editor reads them."""


def _plain(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Any:
    value = resolve(node.value) if node.style is None else node.value
    return float(value) if not isinstance(value, int | str | None) else value


_Yaml12.yaml_implicit_resolvers = {}
_Yaml12.add_constructor("tag:yaml.org,2002:str", _plain)


def tree(text: str) -> Any:
    return yaml.load(text, Loader=_Yaml12)  # noqa: S506  # a safe loader


@cache
def validator() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(schema())


def is_valid(text: str) -> bool:
    return bool(validator().is_valid(tree(text)))


def layer(written: str) -> str:
    return f"{{input: [4, 8, 8], layers: [{written}]}}"


def test_the_schema_is_a_schema_of_draft_7() -> None:
    result = schema()
    assert result["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema.Draft7Validator.check_schema(result)


def test_the_command_prints_it() -> None:
    result = subprocess.run([sys.executable, "-m", "convcalc", "schema"], capture_output=True, text=True, check=True)
    assert json.loads(result.stdout) == json.loads(json.dumps(schema()))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_specs_are_valid(path: Path) -> None:
    assert [error.message for error in validator().iter_errors(tree(path.read_text("utf-8")))] == []


def examples(name: str) -> str:
    kind = layers.load(name)
    assert kind is not None
    texts = (inspect.getdoc(kind), inspect.getdoc(inspect.getmodule(kind)))
    text = next(text for text in texts if text and "Example:" in text)
    lines = text.split("Example:\n")[1].splitlines()
    end = next((place for place, line in enumerate(lines) if line and not line.startswith("    ")), len(lines))
    return dedent("\n".join(lines[:end]))


@pytest.mark.parametrize("name", layers.names())
def test_the_examples_of_the_manual_are_valid_and_can_be_read(name: str) -> None:
    text = examples(name)
    assert name in text or ".families." in layers.kind_of(name).__module__
    loads(Source("<example>", text))
    assert is_valid(text)


@pytest.mark.parametrize("name", library.block_names())
def test_shipped_blocks_are_valid_as_blocks_of_a_spec(name: str) -> None:
    source = library.block_source(name)
    assert source is not None
    spec = {"input": [4], "blocks": {"mine": tree(source.text)}, "layers": []}
    assert [error.message for error in validator().iter_errors(spec)] == []


def test_every_kind_block_and_field_is_there_and_described() -> None:
    result = schema()
    assert set(result["properties"]) == set(FIELDS)
    assert all(field["description"] for field in result["properties"].values())
    written = result["definitions"]["layer"]["anyOf"]
    named = next(form for form in written if form["type"] == "object")["properties"]
    assert set(named) == {*layers.names(), *library.block_names()}
    for name in layers.names():
        kind = layers.load(name)
        assert kind is not None
        fields = named[name]["anyOf"][0]["properties"]
        for field in layers.field_types(kind):
            assert fields[field]["description"]
            assert ("default" in fields[field]) is (field in layers.defaults(kind))
        assert {"name", "from", "repeat", "when", "share", "bits", "budget", "lint"} <= set(fields)
        assert ("branches" in fields) is (name in {"add", "mul", "max", "min", "concat"})


ACCEPTED = [  # all of which the spec language reads
    *("relu", "{relu: }", "{relu: {}}", "{relu: {name: a}}", "{linear: 3}", "{linear: in_channels}", "{dropout: 0.5}"),
    *("{linear: {out_features: 3, repeat: 2, when: true}}", "{linear: {out_features: 2 * in_channels, bias: 3 > 2}}"),
    *("{max_pool: 2}", "{max_pool: [2, 1]}", "{max_pool: {kernel_size: 2, stride: null}}"),
    *("{conv: {out_channels: 3, kernel_size: [1, 3], padding: [0, 1]}}", "{flatten: {start_axis: -2}}"),
    *(f"{{conv: {{out_channels: 3, kernel_size: 3, padding: {padding}}}}}" for padding in ("same", "1 + 1", "valid")),
    *("{conv: {out_channels: 3, kernel_size: 3, padding: [[0, 1], [in_channels, 2]]}}", "{upsample: {size: [9, 9]}}"),
    *("{upsample: {scale_factor: 1.5}}", "{upsample: {scale_factor: [2, 0.5]}}", "{upsample: {scale_factor: 3 / 2}}"),
    *("{add: {from: [input, input]}}", "{add: {branches: [[], [relu, {tanh: {}}]]}}", "{relu: {from: input}}"),
    *("{adaptive_avg_pool: [null, 1]}", "{adaptive_avg_pool: {output_size: [null, 2]}}"),
    *(
        "{separable_conv: {out_channels: 3, kernel_size: 3, padding: same}}",
        "{pointwise_conv: 8}",
        "{squeeze_excite: {reduction: 2}}",
    ),
    *("{relu: {budget: {macs: 1M, min_receptive_field: 3}}}", "{relu: {budget: {}, lint: {}}}"),
    *("{relu: {lint: {ignore: CC206}}}", "{bottleneck: {channels: 4, lint: {ignore: [CC2, dead-taps]}, budget: {}}}"),
    *(
        "{relu: {bits: 8}}",
        "{relu: {bits: float16}}",
        "{relu: {bits: {weights: 4, activations: in_channels, bias: int32}}}",
    ),
    *("{bottleneck: {channels: 4, bits: {weights: int3}}}", "{relu: {budget: {bound_ms: 0.5, sram: 1 KiB, flash: 3}}}"),
    *("{conv: {out_channels: 3, kernel_size: 1e0}}", "{conv: {out_channels: 3.0, kernel_size: 0x1}}", "{dropout: 1}"),
]


@pytest.mark.parametrize("written", ACCEPTED)
def test_what_the_language_takes_is_valid(written: str) -> None:
    loads(Source("<test>", layer(written)))
    assert is_valid(layer(written))


TOPS = [
    "{input: 4, layers: []}",
    "{input: [c, 8], variables: {c: 3}, layers: []}",
    "{input: c, variables: {c: [3, 4]}, layers: []}",
    "{inputs: {a: [4], b: [4]}, layers: [{add: {from: [a, b]}}], outputs: add1}",
    "{name: 3, source: 1e3, input: [4], layers: []}",
    "{name: no, input: [4], layers: []}",
    "{input: [4], layers: [], expect: {params: 0, macs: 1.5M, output: [4], receptive_field: 1}}",
    "{input: [4], layers: [], budget: {params: 30M, peak_activation_bytes: 3 KiB, min_receptive_field: 3}}",
    "{input: [4], blocks: {b: {about: x, parameters: {a: required, c: [1, 2], d: same}, layers: []}}, layers: []}",
    "{input: [4], blocks: {b: {parameters: {c: 3}, layers: []}}, layers: [b, {b: {c: 4}}, {b: 4}]}",
    "{input: [4], variables: {a: 1, b: true, c: null, d: [1, [2]], e: a + 1, f: word}, layers: []}",
    "{input: [4], layers: [relu], outputs: [relu1]}",
    "{input: [4], layers: [], deploy: {fused: true, dtype: int8, batch: 4, device: cortex-m7}}",
    "{input: [4], layers: [], deploy: {dtype: {weights: int4, activations: float16}}, budget: {bound_ms: 2}}",
    "{input: [4], layers: [], deploy: {}}",
    "{input: [4], layers: [relu: {budget: {macs: 1, as: thop}}], budget: {params: 3M, as: 'fvcore:mode=train'}}",
    "{input: [4], layers: [relu], code: {relu: F.relu, '*': nn.ReLU, a.0: LayerNorm2d(nn.LayerNorm), b: '**'}}",
    "{input: [4], layers: [], code: {}}",
]


@pytest.mark.parametrize("text", TOPS)
def test_whole_specs_that_the_language_takes_are_valid(text: str) -> None:
    loads(Source("<test>", text))
    assert is_valid(text)


REFUSED = [  # of which the spec language reads none either
    *("{conv: {out_channels: 3, kernal_size: 3}}", "{conv: {out_channels: 3}}", "conv: ", "{conv: 3}", "{conv: {}}"),
    *("{relu: {nmae: a}}", "{relu: {branches: [[]]}}", "{relu: {from: []}}", "{relu: {from: 3}}", "{relu: {name: 3}}"),
    *(
        "{relu: {name: a.b}}",
        "{relu: {repeat: -1}}",
        "{relu: {repeat: 1.5}}",
        "{relu: {when: 3}}",
        "{relu: {share: 3}}",
    ),
    *("{linear: -1}", "{linear: 2.5}", "{linear: true}", "{linear: [3]}", "{linear: {out_features: null}}"),
    *("{linear: 2147483648}", "{linear: {out_features: 3, bias: 1}}", "{dropout: 1.5}", "{dropout: -0.5}"),
    *("{max_pool: 0}", "{max_pool: {kernel_size: [2, 0]}}", "{max_pool: {kernel_size: {}}}", "{max_pool: [[2, 2], 2]}"),
    *("{conv: {out_channels: 3, kernel_size: 3, padding: -1}}", "{upsample: {scale_factor: 0}}"),
    "{roi_align: {output_size: 7, spatial_scale: 0}}",
    *("{conv: {out_channels: 3, kernel_size: 3, padding: [[1, 2, 3], 1]}}", "{conv: {out_channels: 3, bias: []}}"),
    *(
        "{conv: {out_channels: 3, kernel_size: 3, padding_mode: 1}}",
        "{add: {branches: []}}",
        "{add: {branches: [relu]}}",
    ),
    *("{relu: {}, tanh: {}}", "{}", "3", "[relu]", "null", "{separable_conv: {out_channels: 3, kernal: 3}}"),
    *("{separable_conv: {kernel_size: 3}}", "separable_conv", "{add: {branches: [[{linear: {out_feature: 3}}]]}}"),
    *("{relu: {budget: 3}}", "{relu: {budget: {mac: 3}}}", "{relu: {budget: {macs: -1}}}", "{relu: {lint: [CC206]}}"),
    *("{relu: {lint: {ignore: 3}}}", "{relu: {lint: {select: CC2}}}", "{relu: {lint: {ignore: [[CC206]]}}}"),
    *(
        "{relu: {bits: 0}}",
        "{relu: {bits: 33}}",
        "{relu: {bits: [8]}}",
        "{relu: {bits: {}}}",
        "{relu: {bits: {macs: 8}}}",
    ),
    *("{relu: {budget: {bound_ms: 1 KiB}}}", "{relu: {budget: {bound_ms: 0}}}", "{relu: {bits: {weights: 1.5}}}"),
    *("conv", "linear", "{flatten: {start_axis: null}}", "{flatten: {start_axis: [1]}}"),
]


@pytest.mark.parametrize("written", REFUSED)
def test_what_is_wrong_with_the_form_is_not_valid(written: str) -> None:
    with pytest.raises(SpecError):
        loads(Source("<test>", layer(written)))
    assert not is_valid(layer(written))


REFUSED_TOPS = [
    "[]",
    "relu",
    "{layers: []}",
    "{input: [4]}",
    "{input: [4], inputs: {a: [4]}, layers: []}",
    "{input: [0], layers: []}",
    "{input: [], layers: []}",
    "{input: null, layers: []}",
    "{inputs: {}, layers: []}",
    "{inputs: [4], layers: []}",
    "{input: [4], layers: {}}",
    "{input: [4], layers: null}",
    "{input: [4], layer: [], layers: []}",
    "{input: [4], layers: [], variables: [1]}",
    "{input: [4], layers: [], variables: {a: {b: 1}}}",
    "{input: [4], layers: [], blocks: {b: {}}}",
    "{input: [4], layers: [], blocks: {b: {layers: [], extra: 1}}}",
    "{input: [4], layers: [], blocks: {b: {layers: [{conv: {kernal: 1}}]}}}",
    "{input: [4], layers: [], blocks: {b: {layers: [], parameters: [1]}}}",
    "{input: [4], layers: [], expect: {mac: 1}}",
    "{input: [4], layers: [], expect: {macs: -1}}",
    "{input: [4], layers: [], expect: [1]}",
    "{input: [4], layers: [], budget: {output: 1}}",
    "{input: [4], layers: [], outputs: {a: 1}}",
    "{input: [4], layers: [], deploy: 3}",
    "{input: [4], layers: [], deploy: {fused: 1}}",
    "{input: [4], layers: [], deploy: {dtype: int33}}",
    "{input: [4], layers: [], deploy: {dtype: {}}}",
    "{input: [4], layers: [], deploy: {dtype: {weight: int8}}}",
    "{input: [4], layers: [], deploy: {batch: 0}}",
    "{input: [4], layers: [], deploy: {device: 3}}",
    "{input: [4], layers: [], deploy: {target: a100}}",
    "{input: [4], layers: [], budget: {macs: 3, as: 4}}",
    "{input: [4], layers: [], budget: {macs: 3, as: [thop]}}",
    "{input: [4], layers: [], budget: {macs: 3, as: ''}}",
    "{input: [4], layers: [], code: [F.relu]}",
    "{input: [4], layers: [], code: {relu: relu}}",
    "{input: [4], layers: [], code: {relu: 3}}",
    "{input: [4], layers: [], code: {relu: {F: relu}}}",
    "{input: [4], layers: [], name: [a]}",
]


@pytest.mark.parametrize("text", REFUSED_TOPS)
def test_whole_specs_of_the_wrong_form_are_not_valid(text: str) -> None:
    with pytest.raises(SpecError):
        loads(Source("<test>", text))
    assert not is_valid(text)


VALUES = st.recursive(
    st.one_of(st.integers(-2, 4), st.sampled_from([0.5, True, False, None, "same", "1 + 1", "zeros", "nearest"])),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@given(st.sampled_from(layers.names()), st.data())
def test_no_value_that_the_language_takes_is_marked_in_an_editor(name: str, data: st.DataObject) -> None:
    """Of any kind with any values in its fields: what can be read is valid."""
    kind = layers.load(name)
    assert kind is not None
    fields = {field: data.draw(VALUES, field) for field in layers.field_types(kind) if data.draw(st.booleans(), field)}
    spec = {"input": [4, 8, 8], "layers": [{name: fields}]}
    try:
        loads(Source("<test>", json.dumps(spec)))
    except SpecError:
        return
    assert [error.message for error in validator().iter_errors(spec)] == []
