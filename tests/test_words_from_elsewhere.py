"""What is written from memory of other frameworks is answered by what to write here."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from convcalc import layers
from convcalc.language import Diagnostic, SpecError, elsewhere, library
from convcalc.language.document import FIELDS, loads
from convcalc.language.quantities import AMOUNTS
from convcalc.language.source import Source
from convcalc.language.written import COMMON


def problems(text: str, **given: Any) -> list[Diagnostic]:
    try:
        loads(Source("net.yaml", text), **given)
    except SpecError as error:
        return error.diagnostics
    return []


ONE_LAYER = "input: [4, 8, 8]\nvariables: {width: 4}\nlayers:\n  - relu: {name: a}\n  - relu: {name: b}\n  - "

MENDED = """
conv: {in_channels: 3, ...} | conv: {...} | channels are inferred
conv: {filters: 8, kernel_size: 3} | conv: {...} | `out_channels: 8`
conv: {out_channels: 8, kernel: 3} | conv: {...} | `kernel_size: 3`
conv: {out_channels: 8, size: 3} | conv: {...} | `kernel_size: 3`
conv: {..., strides: 2} | conv: {..., stride: 2} | `stride: 2`
conv: {..., pad: 1} | conv: {..., padding: 1} | `padding: 1`
conv: {..., use_bias: false} | conv: {..., bias: false} | `bias: false`
conv: {..., dilation_rate: 2} | conv: {..., dilation: 2} | `dilation: 2`
conv: {..., padding: SAME} | conv: {..., padding: same} | `same`
conv: {...x3} | conv: {out_channels: 8, kernel_size: [3, 3]} | write [3, 3]
conv: {out_channels: $width, kernel_size: 3} | conv: {out_channels: width, kernel_size: 3} | write width
conv: {out_channels: '{{ width }}', kernel_size: 3} | conv: {out_channels: width, kernel_size: 3} | write width
conv: {out_channels: width^2, kernel_size: 3} | conv: {out_channels: width**2, kernel_size: 3} | write width**2
conv: {..., data_format: channels_last} | conv: {...} | leave it out
conv: {..., activation: none} | conv: {...} | leave it out
conv: {..., depthwise: true} | conv: {..., groups: in_channels} | `groups: in_channels`
linear: {units: 10} | linear: {out_features: 10} | `out_features: 10`
linear: {in_features: 4, out_features: 10} | linear: {out_features: 10} | inferred: leave it out
batch_norm: {num_features: 4} | batch_norm | inferred: leave it out
batch_norm: 4 | batch_norm | `- batch_norm`
batch_norm: {epsilon: 0.001} | batch_norm: {eps: 0.001} | `eps: 0.001`
relu: {inplace: true} | relu | leave it out
relu: true | relu | `- relu`
relu: {inputs: a} | relu: {from: a} | `from: a`
relu: {repeats: 3} | relu: {repeat: 3} | `repeat: 3`
relu: {id: c} | relu: {name: c} | `name: c`
dropout: {rate: 0.5} | dropout: {p: 0.5} | `p: 0.5`
dropout: 50% | dropout: 0.5 | write 0.5
upsample: 2 | upsample: {scale_factor: 2} | `- upsample: {scale_factor: 2}`
upsample: {factor: 2} | upsample: {scale_factor: 2} | `scale_factor: 2`
max_pool: {pool_size: 2} | max_pool: {kernel_size: 2} | `kernel_size: 2`
softmax: {dim: 1} | softmax: {axis: 0} | `axis: 0`: there is no batch axis
reduce: {dim: [1, 2]} | reduce: {axes: [0, 1]} | `axes: [0, 1]`: there is no batch axis
reduce: {dims: [-2, -1]} | reduce: {axes: [-2, -1]} | `axes: [-2, -1]`
permute: {dims: [0, 2, 3, 1]} | permute: {axes: [1, 2, 0]} | `axes: [1, 2, 0]`
chunk: {sections: 2, part: 0} | split: {sections: 2, part: 0} | `split`
split: {chunks: 2, part: 0} | split: {sections: 2, part: 0} | `sections: 2`
unsqueeze: [1, 4, 8, 8] | reshape: [1, 4, 8, 8] | `reshape`
tanh: a | tanh: {from: a} | `- tanh: {from: a}`
flatten: {start_dim: 1} | flatten: {start_axis: 0} | `start_axis: 0`
concat: {from: [a, b], dim: -1} | concat: {from: [a, b], axis: -1} | `axis: -1`
add: [a, b] | add: {from: [a, b]} | `- add: {from: [a, b]}`
concat: [a, b] | concat: {from: [a, b]} | `- concat: {from: [a, b]}`
mul: {inputs: [a, b]} | mul: {from: [a, b]} | `from: [a, b]`
add: {branches: [relu, []]} | add: {branches: [[relu], []]} | [relu]
reshape: {shape: [-1]} | reshape: {sizes: [-1]} | `sizes: [-1]`
leaky_relu: {alpha: 0.1} | leaky_relu: {negative_slope: 0.1} | `negative_slope: 0.1`
group_norm: {groups: 2} | group_norm: {num_groups: 2} | `num_groups: 2`
separable_conv: {filters: 8, kernel_size: 3} | separable_conv: {...} | `out_channels: 8`
squeeze_excite: {ratio: 2} | squeeze_excite: {reduction: 2} | `reduction: 2`
squeeze_excite: 2 | squeeze_excite: {reduction: 2} | `- squeeze_excite: {reduction: 2}`
depthwise_conv: {out_channels: 4, kernel_size: 3} | depthwise_conv: {kernel_size: 3} | leave it out
Conv2d: {...} | conv: {...} | `conv`
nn.Conv2d: {...} | conv: {...} | `conv`
Conv2DTranspose: {...} | conv_transpose: {...} | `conv_transpose`
ReLU | relu | `relu`
F.relu | relu | `relu`
BatchNorm2d | batch_norm | `batch_norm`
BatchNormalization | batch_norm | `batch_norm`
MaxPool2D: 2 | max_pool: 2 | `max_pool`
MaxPooling2D: 2 | max_pool: 2 | `max_pool`
AveragePooling2D: 2 | avg_pool: 2 | `avg_pool`
ZeroPadding2D: 1 | pad: 1 | `pad`
tf.keras.layers.Dense: 10 | linear: 10 | `linear`
Linear: 10 | linear: 10 | `linear`
GlobalAveragePooling2D | global_avg_pool | `global_avg_pool`
Multiply: {from: [a, b]} | mul: {from: [a, b]} | `mul`
relu() | relu | `- relu`
"""
"""A layer that is refused, what to write, and the words that say so; ... are the fields that a conv must have."""


@pytest.mark.parametrize("row", MENDED.strip().split("\n"))
def test_one_message_says_what_to_write_and_what_it_says_loads(row: str) -> None:
    written, mended, words = row.replace("...", "out_channels: 8, kernel_size: 3").split(" | ")
    result = problems(ONE_LAYER + written + "\n")
    assert len(result) == 1, result
    (problem,) = result
    assert words in problem.help, problem
    assert problem.line == 6, problem
    assert problem.text[problem.column - 1 : problem.end_column - 1] in written
    assert not problems(ONE_LAYER + mended + "\n")


ANSWERED = {
    "conv: {out_channels: 8, kernel_size: 3, «activation»: relu}": "that is a layer of its own: write `- relu` behind",
    "conv: {out_channels: 8, kernel_size: 3, «norm»: bn}": "write `- batch_norm` behind",
    "conv: {out_channels: 8, kernel_size: 3, «batch_norm»: true}": "write `- batch_norm` before or behind",
    "conv: {out_channels: 8, kernel_size: 3, «dropout»: 0.5}": "write `- dropout: 0.5`",
    "conv: {out_channels: 8, kernel_size: 3, «skip»: a}": "`- add: {from: [previous, NAME]}` behind it",
    "conv: «64»": "fields have names: write `- conv: {out_channels: 64, kernel_size: ...}`",
    "conv: «[»64, 3, 1]": "fields have names: write `- conv: {out_channels: ..., kernel_size: ...}`",
    "«conv 3x3 64»": "write `- conv: {out_channels: ..., kernel_size: ...}`",
    "«[»conv, 64, 3]": "fields have names: write `- conv: {out_channels: ..., kernel_size: ...}`",
    "linear: «[»512, 10]": "fields have names: write `- linear: {out_features: ...}`",
    "«{»type: conv, filters: 8, kernel: 3}": "the kind is the key: `- conv: {filters: 8, kernel: 3}`",
    "«{»name: c, relu: }": "indent the fields below the kind: `- relu: {name: c}`",
    "«activation»: relu": "write the activation itself: `- relu`",
    "mul: «0.5»": "write `- mul: {from: [..., ...]}`",
    "add: «[»a, 1]": "write `- add: {from: [a, ...]}`",
    "max: {from: [a, b], «dim»: 1}": "`- reduce: {axes: 0, operation: max}`",
    "«residual»: [relu]": "write `- add: {branches: [[], [...]]}`: [] is the identity",
    "«route»: {layers: -4}": "write `- concat: {from: [a, b]}`",
    "«neg»": "write `- affine: {factor: -1}`",
    "«square»": "write `- pow: 2`",
    "«clamp»: {min: 0, max: 6}": "write `- hard_tanh: {min_val: 0, max_val: 6}`",
    "«argmax»: {axis: 0}": "write `- reduce: {axes: 0, operation: argmax}`",
    "«Sequential»: [relu]": "layers run in the order of the list",
    "«Lambda»: 64": "opaque",
    "relu: {from: «-1»}": "`previous` is the layer before",
    "add: {branches: [[relu], «input»]}": "the identity is []",
    "conv: {out_channels: 8, kernel_size: «(3», 3)}": "a list is written in brackets: [3, ...]",
}


@pytest.mark.parametrize("marked", ANSWERED)
def test_what_has_no_other_spelling_is_answered_by_what_to_do(marked: str) -> None:
    result = problems(ONE_LAYER + marked.replace("«", "").replace("»", "") + "\n")
    assert len(result) == 1, result
    assert ANSWERED[marked] in result[0].help, result
    assert result[0].column == marked.index("«") + 5


SPECS = {
    "input_shape: [3, 8, 8]\nlayers: [relu]\n": "1:1 write `input: [3, 8, 8]`",
    "input: 3x8x8\nlayers: [relu]\n": "1:8 write [3, 8, 8]",
    "input: [null, 3, 8, 8]\nlayers: [relu]\n": "1:9 there is no batch axis: [3, 8, 8]",
    "input: [N, 3, 8, 8]\nlayers: [relu]\n": "1:9 there is no batch axis: [3, 8, 8]",
    "inputs: [3, 8, 8]\nlayers: [relu]\n": "1:9 `input: [...]` is of one, `inputs: {image: [...]}` of more",
    "input: [3]\nmodel: [relu]\n": "2:1 write `layers: [relu]`",
    "input: [3]\nvars: {w: 3}\nlayers: [linear: w]\n": "2:1 write `variables: {w: 3}`",
    "input: [3]\nnum_classes: 8\nlayers: [relu]\n": "2:1 a value of your own stands under `variables`",
    "input: [3]\nbatch_size: 8\nlayers: [relu]\n": "2:1 write it under `deploy`: `deploy: {batch: 8}`",
    "input: [3]\nlayers: [linear: classes]\n": "2:18 a value of your own stands under `variables`",
    "input: [3, 8, 8]\nlayers:\n  conv: {out_channels: 3, kernel_size: 1}\n": (
        "3:3 each layer begins with a dash: `- conv: {out_channels: 3, kernel_size: 1}`"
    ),
    "input: [3]\nlayers:\n  a: {type: relu}\n": "3:3 each layer begins with a dash and its kind: `- conv: {name: a",
    "input: [3]\nblocks: {b: {args: {w: 1}, layers: [linear: w]}}\nlayers: [b]\n": "2:14 write `parameters: ...`",
    "input: [3]\nblocks: {b: {body: [relu]}}\nlayers: [b]\n": "2:14 write `layers: ...`",
    "input: [3]\nlayers:\n  - relu: {from: a}\n  - tanh: {name: a}\n": "3:18 it is defined below, in line 4",
}


@pytest.mark.parametrize("text", SPECS)
def test_a_spec_in_the_form_of_another_tool_is_one_message(text: str) -> None:
    result = problems(text)
    assert len(result) == 1, result
    assert f"{result[0].line}:{result[0].column} {result[0].help}".startswith(SPECS[text]), result


def test_fields_are_read_under_a_kind_that_another_framework_names() -> None:
    result = problems("input: [3, 8, 8]\nlayers: [Conv2d: {filters: 8, kernel: 3}, relu: {from: conv1}]\n")
    assert [problem.code for problem in result] == ["CC013", "CC010", "CC010"]


def test_sizes_without_a_name_are_answered_by_the_names_that_there_are() -> None:
    text = "inputs: {image: [3, 8, 8], depth: [1, 8, 8]}\nlayers: [concat: {from: [image, depth]}]\n"
    (problem,) = problems(text, inputs={"input": (3, 9, 9)})
    assert problem.help == "its inputs have names: --input image=3x9x9, --input depth=3x9x9"


def test_sizes_among_the_variables_are_answered_by_their_option() -> None:
    (problem,) = problems("input: [3, 8, 8]\nlayers: [relu]\n", variables={"input": "3x9x9"})
    assert problem.help == "sizes of an input are given by --input 3x9x9"


# ---- the tables ------------------------------------------------------------------------------------------------------


def own_fields() -> set[str]:
    kinds = [kind for name in layers.names() if (kind := layers.load(name))]
    blocks = [block for name in library.block_names() if (block := library.block(name))]
    fields = {field for kind in kinds for field in layers.field_types(kind)}
    fields |= {parameter for block in blocks for parameter in block.parameters}
    return fields | {*COMMON, *FIELDS, *AMOUNTS, "branches", "parameters"}


def test_the_tables_name_kinds_and_fields_that_there_are() -> None:
    assert set(elsewhere.KINDS.values()) <= set(library.names())
    fields = own_fields()
    assert {field for names in elsewhere.FIELDS.values() for field in names.split()} <= fields
    assert {field for names in elsewhere.BATCHED.values() for field in names.split()} <= fields
    assert set(elsewhere.BARE.values()) <= fields
    owners = {word.partition(".")[0] for word in elsewhere.NO_FIELDS if "." in word}
    assert owners <= {*library.names(), "spec"}


def test_no_word_is_answered_twice_or_is_a_kind_of_ours() -> None:
    """Of what is called otherwise elsewhere; `modules.txt` has PyTorch's own names alone."""
    tables = sorted((Path(elsewhere.__file__).parent.parent / "words").glob("*.txt"))
    tables = [table for table in tables if table.stem != "modules"]
    for table in tables:
        lines = table.read_text("utf-8").splitlines()
        words = [word for line in lines if line.startswith(" ") for word in line.split()]
        assert words
        assert not [word for word, count in Counter(words).items() if count > 1]
    assert [table.stem for table in tables] == ["fields", "kinds", "no_fields", "no_kinds"]
    assert not {elsewhere.squashed(name) for name in library.names()} & {*elsewhere.KINDS, *elsewhere.NO_KINDS}
