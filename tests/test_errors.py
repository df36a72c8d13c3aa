"""Every way to be wrong: the place that is marked, the code, and the words that help.

A spec marks with « and » what a message must point at; the marks are taken out before it is read. One line that names
no `layers` is the one layer of a network with input [4, 8, 8].
"""

from __future__ import annotations

import gc
import re
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import convcalc
from convcalc import steps
from convcalc.language import Diagnostic, Source, SpecError
from convcalc.language.document import loads
from convcalc.language.source import read

CODES = re.compile(r"CC(00[1-9]|01[0-3]|10[1-5])")


def written(text: str) -> str:
    return text if "layers" in text or "\n" in text else f"input: [4, 8, 8]\nlayers:\n  - {text}\n"


def unmarked(text: str) -> tuple[str, list[tuple[int, int, int]]]:
    """The text without its marks, and line, column and end column of each."""
    places = []
    lines = dedent(text).split("\n")
    for number, line in enumerate(lines, start=1):
        while "«" in line:
            start = line.index("«") + 1
            line = line.replace("«", "", 1)  # noqa: PLW2901  # the marks go one by one
            end = line.index("»") + 1
            line = line.replace("»", "", 1)  # noqa: PLW2901
            places.append((number, start, end))
        lines[number - 1] = line
    return "\n".join(lines), places


def mistakes(text: str, **given: Any) -> list[Diagnostic]:
    try:
        loads(Source("net.yaml", text), **given)
    except SpecError as error:
        return error.diagnostics
    return []


def brief(problems: list[Diagnostic]) -> list[str]:
    return [f"{d.line}:{d.column}-{d.end_column} {d.code} {d.message} | {d.help}" for d in problems]


WRONG: dict[str, tuple[str, str, str]] = {  # spec, code, words of the message and the help, in order, between ...
    # ---- text and YAML
    "an unclosed bracket": ("input: [4, 8, 8\nlayers«:» [relu]\n", "CC001", "not valid YAML"),
    "a bracket that is never closed": ("input: [4]\nlayers: [relu\n«»", "CC001", "not valid YAML"),
    "a tab for indentation": ("input: [4]\nlayers:\n«\t»- relu\n", "CC001", "not valid YAML ... tab"),
    "an unclosed quote": ("input: [4]\nlayers: ['relu]\n«»", "CC001", "not valid YAML"),
    "two documents": ("input: [4]\nlayers: [relu]\n«---»\ninput: [4]\n", "CC001", "one document, found a second"),
    "a control character": ("input: [4]\nlayers: [re«\x07»lu]\n", "CC001", "not valid YAML"),
    "an alias without an anchor": ("input: «*shape»\nlayers: [relu]\n", "CC013", "*shape has no anchor above"),
    "an alias within itself": ("input: [4]\nlayers: &l [relu, «*l»]\n", "CC013", "*l stands for a collection that"),
    "a list for a key": ("input: [4]\n? «[»a]\n: 1\nlayers: []\n", "CC007", "expected a name as key"),
    "a mapping for a key": ("input: [4]\nvariables: {«{»a: 1}: 2}\nlayers: []\n", "CC007", "expected a name as key"),
    "a tag": ("input: [4]\nlayers: [«!!str relu»]\n", "CC006", "tags are not used here ... remove"),
    "a dangerous tag": (
        "input: [4]\nvariables: {a: «!»!python/object/apply:os.system [ls]}\nlayers: []\n", "CC006", "",
    ),
    "nested too deep": (f"input: [4]\nvariables: {{a: {'[' * 62}«[»1{']' * 63}}}\nlayers: []\n", "CC008", "64 deep"),
    "an empty file": ("«»\n", "CC012", "expected a spec ... `input` and `layers` ... empty"),
    "a file with comments only": ("«»# nothing\n", "CC012", "expected a spec ... `input` and `layers` ... empty"),
    "a list": ("«-» relu\n- relu\n", "CC012", "expected a spec ... a mapping with `input` and `layers` ... a list"),
    "a word": ("«r»elu\n...\n", "CC012", "expected a spec ... a mapping with `input` and `layers`"),
    "a key twice": ("conv: {out_channels: 8, kernel_size: 3, «out_channels»: 9}", "CC002", "out_channels ... line 3"),
    "a top-level key twice": (
        "input: [4]\nlayers: []\n«input»: [5]\n", "CC002", "input ... first in line 1 ... remove",
    ),
    "a merge of no mapping": ("relu: {«<<»: 3}", "CC011", "<< merges a mapping"),
    "a leading zero": ("conv: {out_channels: «010», kernel_size: 3}", "CC003", "010 ... without the leading 0"),
    "yes for a flag": (
        "conv: {out_channels: 1, kernel_size: 3, bias: «yes»}", "CC003", "bias ... 'yes' ... write true",
    ),
    "no for a flag": ("conv: {out_channels: 1, kernel_size: 3, bias: «no»}", "CC003", "bias ... 'no' ... write false"),
    "Off for a flag": ("conv: {out_channels: 1, kernel_size: 3, bias: «Off»}", "CC003", "'Off' ... write false"),
    "no for when": ("relu: {when: «no»}", "CC003", "when ... write false"),
    "no for a flag of a block": (
        "separable_conv: {out_channels: 1, kernel_size: 3, bias: «no»}", "CC011", "bias ... 'no' ... write false",
    ),
    "1:30": ("linear: «1:30»", "CC011", "out_features ... whole number from 1 ... 1:30"),
    "a date": ("linear: «2024-01-01»", "CC011", "out_features ... whole number from 1 ... 2024-01-01"),
    "a date without zeros": ("linear: «2024-10-11»", "CC011", "out_features"),
    "a repeat by a comparison": ("relu: {repeat: «in_channels == 4»}", "CC011", "repeat ... from 0, found true"),
    "a number that is too long": (f"linear: «{'1' * 41}»", "CC011", "40"),
    # ---- names of layers
    "a name twice": ("input: [4]\nlayers:\n- relu: {name: a}\n- tanh: {name: «a»}\n", "CC002", "`a` ... line 3"),
    "a name that a layer gets by itself": (
        "input: [4]\nlayers:\n- relu: {name: relu2}\n- «relu»\n", "CC002", "`relu2` ... line 3 ... needs a name",
    ),
    "the name of an input": ("inputs: {a: [4]}\nlayers: [relu: {name: «a»}]\n", "CC002", "`a` ... input"),
    "a name twice, in a branch": (
        "input: [4]\nlayers: [add: {branches: [[relu: {name: a}], [relu: {name: «a»}]]}]\n", "CC002", "`a` ... twice",
    ),
    "a name with a dot": ("relu: {name: «a.b»}", "CC011", "name ... without dots"),
    "a name that is a number": ("relu: {name: «3»}", "CC011", "name ... text"),
    "a name that is taken": ("relu: {name: «previous»}", "CC011", "name ... other than `input` and `previous`"),
    "a name that is empty": ("relu: {name: «''»}", "CC011", "name"),
    "a name that is a list": ("relu: {name: «[»a]}", "CC011", "name ... text"),
    # ---- unknown fields
    "a field of a spec": ("input: [4]\nlayer«s2»: []\nlayers: []\n".replace("layer«s2»", "«layer»"), "CC010",
                          "a spec has no field `layer` ... did you mean `layers`"),
    "a field of a spec that is like none": ("input: [4]\n«xyzzy»: 1\nlayers: []\n", "CC010", "xyzzy ... it has name"),
    "a field of a kind": (
        "conv: {out_channels: 1, «kernal_size»: 3, kernel_size: 3}", "CC010", "did you mean `kernel_s",
    ),
    "a field of a kind that is like none": ("relu: {«xyzzy»: 3}", "CC010", "relu has no field `xyzzy` ... it has name"),
    "a common field": ("relu: {«nmae»: a}", "CC010", "did you mean `name`"),
    "branches where none can be": ("relu: {«branches»: [[]]}", "CC010", "relu has no field `branches`"),
    "a parameter of a shipped block": (
        "separable_conv: {out_channels: 1, kernel_size: 3, «strid»: 2}", "CC010", "did you mean `stride`",
    ),
    "a parameter of a block": (
        "input: [4]\nblocks: {b: {parameters: {width: 1}, layers: [relu]}}\nlayers: [b: {«widht»: 2}]\n", "CC010",
        "b has no parameter `widht` ... did you mean `width`",
    ),
    "a field of a block's definition": (
        "input: [4]\nblocks: {b: {«params»: {a: 1}, layers: [relu]}}\nlayers: [b]\n", "CC010", "block b ... parameters",
    ),
    "a field of expect": ("input: [4]\nlayers: []\nexpect: {«mac»: 3}\n", "CC010", "did you mean `macs`"),
    "a field of budget": ("input: [4]\nlayers: []\nbudget: {«output»: 3}\n", "CC010", "budget ... it has params"),
    # ---- wrong types, at the top
    "input is a word": ("input: «big»\nlayers: []\n", "CC011", "input ... list of whole numbers from 1"),
    "input is a mapping": ("input: «{»a: [3]}\nlayers: []\n", "CC011", "input ... list ... found a mapping"),
    "input is empty": ("input: «[»]\nlayers: []\n", "CC011", "input ... at least one"),
    "a size of zero": ("input: [4, «0», 8]\nlayers: []\n", "CC011", "input ... from 1 ... found 0"),
    "a size that is negative": ("input: [4, «-8», 8]\nlayers: []\n", "CC011", "input ... from 1 ... found -8"),
    "a size that is not whole": ("input: [4, «8.5», 8]\nlayers: []\n", "CC011", "input ... whole ... found 8.5"),
    "a size that is a text": ("input: [4, '«eight»', 8]\nlayers: []\n", "CC011", "input ... `eight`"),
    "inputs is a list": ("inputs: «[»4, 8]\nlayers: []\n", "CC011", "inputs ... shapes by name ... found a list"),
    "inputs is empty": ("inputs: «{»}\nlayers: []\n", "CC011", "inputs ... shapes by name ... empty"),
    "input and inputs": ("input: [4]\ninputs: «{»a: [4]}\nlayers: []\n", "CC011", "`input` or `inputs`, found both"),
    "an input with a dot": ("inputs: {«a.b»: [4]}\nlayers: []\n", "CC011", "`a.b` cannot be the name of an input"),
    "layers is a mapping": ("input: [4]\nlayers: «{»relu: {}}\n", "CC011", "layers ... list of layers ... a mapping"),
    "layers is nothing": ("input: [4]\nlayers:«»\n", "CC011", "layers ... list of layers"),
    "variables is a list": ("input: [4]\nvariables: «[»1]\nlayers: []\n", "CC011", "variables ... mapping ... a list"),
    "a variable that is a mapping": ("input: [4]\nvariables: {a: «{»b: 1}}\nlayers: []\n", "CC011", "a ... a mapping"),
    "a variable of an odd name": ("input: [4]\nvariables: {«a b»: 1}\nlayers: []\n", "CC011", "`a b` cannot be"),
    "a variable of a taken name": ("input: [4]\nvariables: {«rank»: 1}\nlayers: []\n", "CC011", "`rank` cannot be"),
    "a variable of a taken name that is used": (
        "input: [4]\nvariables: {«lambda»: 3}\nlayers: [linear: lambda]\n", "CC011", "`lambda` cannot be",
    ),
    "a variable of a letter that is two": (
        "input: [4]\nvariables: {«ﬁ»: 3}\nlayers: [linear: ﬁ]\n", "CC011", "`ﬁ` cannot be",
    ),
    "blocks is a list": ("input: [4]\nblocks: «[»1]\nlayers: []\n", "CC011", "blocks ... mapping ... a list"),
    "a block that is a list": ("input: [4]\nblocks: {b: «[»relu]}\nlayers: []\n", "CC011", "block b ... mapping"),
    "a block called as a kind": (
        "input: [4]\nblocks: {«relu»: {layers: []}}\nlayers: []\n", "CC011", "`relu` ... kind",
    ),
    "parameters is a list": (
        "input: [4]\nblocks: {b: {parameters: «[»a], layers: []}}\nlayers: []\n", "CC011", "parameters ... mapping",
    ),
    "a parameter of a taken name": (
        "input: [4]\nblocks: {b: {parameters: {«repeat»: 1}, layers: []}}\nlayers: []\n", "CC011", "`repeat` cannot be",
    ),
    "a block's layers is a word": (
        "input: [4]\nblocks: {b: {layers: «relu»}}\nlayers: []\n", "CC011", "list of layers",
    ),
    "outputs is a number": ("input: [4]\nlayers: [relu]\noutputs: «3»\n", "CC013", "outputs ... 3"),
    "outputs is empty": ("input: [4]\nlayers: [relu]\noutputs: «[»]\n", "CC011", "outputs"),
    "expect is a list": ("input: [4]\nlayers: []\nexpect: «[»1]\n", "CC011", "expect ... mapping"),
    "an expected figure that is no number": (
        "input: [4]\nlayers: []\nexpect: {macs: «many»}\n", "CC011", "macs ... KiB",
    ),
    "a budget of a layer that is none": ("relu: {budget: «3»}", "CC011", "budget: expected a mapping ... 3"),
    "a field of a layer's budget": ("relu: {budget: {«mac»: 3}}", "CC010", "budget has no field `mac` ... `macs`"),
    "a layer's budget that is no number": ("relu: {budget: {macs: «lots»}}", "CC011", "macs ... K, M, G"),
    "a layer's budget that is a list": ("relu: {budget: {macs: «[»1]}}", "CC011", "macs ... K, M, G ... found a list"),
    "what is not linted is a list": ("relu: {lint: «[»CC206]}", "CC011", "lint: expected a mapping, found a list"),
    "a field of lint": ("relu: {lint: {«ingore»: CC206}}", "CC010", "lint has no field ... did you mean `ignore`"),
    "a rule that is a number": ("relu: {lint: {ignore: [CC206, «206»]}}", "CC011", "ignore ... code or name ... 206"),
    "a parameter called as a field of all layers": (
        "input: [4]\nblocks: {b: {parameters: {«lint»: 1}, layers: [relu]}}\nlayers: [b]\n", "CC011",
        "parameters: `lint` cannot be the name",
    ),
    "bits of nothing": ("relu: {bits: «0»}", "CC011", "bits: expected a whole number of bits from 1 to 32 ... found 0"),
    "too many bits": ("relu: {bits: {weights: «33»}}", "CC011", "bits.weights: expected ... from 1 to 32 ... found 33"),
    "bits that are not whole": ("relu: {bits: «4.5»}", "CC011", "bits: expected a whole number of bits ... 4.5"),
    "bits that are true": ("relu: {bits: {activations: «true»}}", "CC011", "bits.activations: expected ... found true"),
    "bits of no role": ("relu: {bits: {«weigths»: 4}}", "CC010", "bits has no field `weigths` ... `weights`"),
    "bits of nothing named": ("relu: {bits: «{»}}", "CC011", "bits: expected a format of weights, activations, bias"),
    "bits in a list": ("relu: {bits: «[»4, 8]}", "CC011", "bits: expected ... list ... {weights: 4, activations: 8}"),
    "bits by a short name": ("relu: {bits: «fp16»}", "CC013", "bits: expected one of ... did you mean float16?"),
    "bits by a name of none": ("relu: {bits: {bias: «int33»}}", "CC013", "bits.bias: expected one of ... found int33"),
    "bits of an unknown variable": ("relu: {bits: {weights: «w»}}", "CC013", "bits.weights ... found w ... variables"),
    "bits of an expression": (
        "conv: {out_channels: 4, kernel_size: 1, bits: {weights: «in_channels * 9»}}",
        "CC011",
        "conv1: bits.weights: expected a whole number of bits from 1 to 32 ... found 36",
    ),
    "bits of an expression in a block": (
        "input: [4, 8, 8]\nblocks: {unit: {parameters: {b: 0}, layers: [{relu: {bits: «b»}}]}}\nlayers: [unit]\n",
        "CC011",
        "unit1.relu1: bits.weights: expected a whole number ... found 0",
    ),
    "bits of weights that are another's": (
        "input: [4]\nlayers:\n  - linear: {name: a, out_features: 4, bits: 4}\n  - linear: {share: a, bits: «8»}\n",
        "CC103",
        "linear2: bits: found int8 for weights, which are those of a: int4 ... say it in a",
    ),
    "a deployment that is none": ("deploy: «3»\ninput: [4]\nlayers: []\n", "CC011", "deploy: expected a mapping"),
    "a field of a deployment": (
        "deploy: {«precision»: int8}\ninput: [4]\nlayers: []\n",
        "CC010",
        "deploy has no field `precision` ... it has fused, dtype, batch, device",
    ),
    "fused in words": ("deploy: {fused: «yes»}\ninput: [4]\nlayers: []\n", "CC011", "fused: expected true or false"),
    "a batch of none": ("deploy: {batch: «0»}\ninput: [4]\nlayers: []\n", "CC011", "batch: expected a whole number"),
    "a batch by a variable": (
        "deploy: {batch: «n»}\nvariables: {n: 2}\ninput: [4]\nlayers: [linear: n]\n",
        "CC011",
        "batch: expected a whole number ... only plain values stand under `deploy`",
    ),
    "a dtype of none": ("deploy: {dtype: «fp16»}\ninput: [4]\nlayers: []\n", "CC011", "dtype: ... mean float16?"),
    "a dtype of no role": (
        "deploy: {dtype: {«weigths»: int8}}\ninput: [4]\nlayers: []\n",
        "CC010",
        "dtype has no field `weigths` ... `weights`",
    ),
    "a dtype of a role": (
        "deploy: {dtype: {bias: «8»}}\ninput: [4]\nlayers: []\n",
        "CC011",
        "dtype.bias: expected a format such as int8, found 8",
    ),
    "a dtype as an option": (
        "deploy: {dtype: «weights=int8»}\ninput: [4]\nlayers: []\n",
        "CC011",
        "dtype: expected a format, or a mapping ... dtype: {weights: int8}",
    ),
    "a dtype of nothing": ("deploy: {dtype: «{»}}\ninput: [4]\nlayers: []\n", "CC011", "dtype: expected formats of"),
    "a device that is a number": ("deploy: {device: «3»}\ninput: [4]\nlayers: []\n", "CC011", "device: ... the name"),
    "a bound of no time": ("budget: {bound_ms: «0»}\ninput: [4]\nlayers: []\n", "CC011", "bound_ms ... seconds"),
    "a bound with a suffix": ("relu: {budget: {bound_ms: «3K»}}", "CC011", "bound_ms: ... a number of milliseconds"),
    "memory that is a decimal": ("relu: {budget: {sram: «0.5»}}", "CC011", "sram: expected a whole number ... KiB"),
    "a budget that is no number": ("input: [4]\nlayers: []\nbudget: {params: «3X»}\n", "CC011", "params ... K, M, G"),
    "a budget that is not whole": ("input: [4]\nlayers: []\nbudget: {params: «1.23K5»}\n", "CC011", "params ... whole"),
    "a name of the net that is a list": ("name: «[»a]\ninput: [4]\nlayers: []\n", "CC011", "name ... text ... a list"),
    # ---- wrong types, in layers
    "a layer that is a number": ("input: [4]\nlayers: [«3»]\n", "CC011", "expected a layer"),
    "a layer that is a list": ("input: [4]\nlayers: [«[»relu]]\n", "CC011", "expected a layer ... a list"),
    "a layer that is null": ("input: [4]\nlayers: [«~»]\n", "CC011", "expected a layer"),
    "a layer of two keys": (
        "input: [4]\nlayers:\n- «c»onv:\n  out_channels: 8\n", "CC011",
        "expected a layer ... 2 keys ... indent the fields",
    ),
    "a layer that is an empty mapping": ("input: [4]\nlayers: [«{»}]\n", "CC011", "expected a layer"),
    "a kind with several fields, bare": ("conv: «3»", "CC011", "conv ... mapping of fields ... `out_channels`"),
    "fields in a list": (
        "linear: «[»{out_features: 3}]", "CC011", "out_features ... whole number from 1, found a list",
    ),
    "a whole number that is negative": ("conv: {out_channels: «-1», kernel_size: 3}", "CC011", "from 1, found -1"),
    "a whole number that is too large": ("linear: «2147483648»", "CC011", "from 1 to 2147483647, found 2147483648"),
    "a whole number that is true": ("linear: «true»", "CC011", "out_features ... whole number from 1, found true"),
    "a whole number that is null": ("linear: {out_features: «null»}", "CC011", "whole number from 1, found null"),
    "a whole number that is a decimal": ("linear: «2.5»", "CC011", "out_features ... whole number from 1, found 2.5"),
    "a whole number that is a list": (
        "conv: {out_channels: «[»1], kernel_size: 3}", "CC011", "whole number ... a list",
    ),
    "a whole number that is a mapping": ("conv: {out_channels: «{»a: 1}, kernel_size: 3}", "CC011", "found a mapping"),
    "a whole number by a wrong expression": ("linear: «in_channels / 3»", "CC011", "whole number from 1, found 1.33"),
    "a real number that is a word": ("leaky_relu: {negative_slope: «steep»}", "CC011", "negative_slope ... number"),
    "a real number out of range": ("dropout: «1.5»", "CC011", "p ... from 0 to 1, found 1.5"),
    "a flag that is a number": (
        "conv: {out_channels: 1, kernel_size: 3, bias: «1»}", "CC011", "true or false, found 1",
    ),
    "a flag that is a list": (
        "max_pool: {kernel_size: 2, ceil_mode: «[»true]}", "CC011", "ceil_mode ... true, false or one of caffe, full",
    ),
    "a choice that is none": (
        "conv: {out_channels: 1, kernel_size: 3, padding_mode: «reflekt»}", "CC013", "padding_mode ... mean `reflect`",
    ),
    "a choice that is a number": (
        "conv: {out_channels: 1, kernel_size: 3, padding_mode: «1»}", "CC011", "zeros, reflect ... found 1",
    ),
    "one an axis: too many": ("conv: {out_channels: 1, kernel_size: «[»3, 3, 3]}", "CC011", "2 spatial axes, found 3"),
    "one an axis: a zero": (
        "conv: {out_channels: 1, kernel_size: [3, «0»]}", "CC011", "kernel_size ... from 1, found 0",
    ),
    "one an axis: a list too deep": (
        "conv: {out_channels: 1, kernel_size: [3, «[»3]]}", "CC011", "kernel_size ... list",
    ),
    "a stride of zero": ("conv: {out_channels: 1, kernel_size: 3, stride: «0»}", "CC011", "stride ... from 1, found 0"),
    "a scale of zero": ("upsample: {scale_factor: «0»}", "CC011", "scale_factor ... above 0, found 0"),
    "a scale of boxes of zero": (
        "inputs: {x: [4, 8, 8], b: [3, 4]}\nlayers: [roi_align: {from: [x, b], output_size: 7, spatial_scale: «0»}]\n",
        "CC011",
        "spatial_scale ... above 0, found 0",
    ),
    "a padding that is no word": (
        "conv: {out_channels: 1, kernel_size: 3, padding: «sane»}", "CC013", "padding ... did you mean `same`",
    ),
    "a padding that is negative": (
        "conv: {out_channels: 1, kernel_size: 3, padding: «-1»}", "CC011", "from 0, found -1",
    ),
    "a padding of three": (
        "conv: {out_channels: 1, kernel_size: 3, padding: «[»[1, 1, 1], 1]}", "CC011",
        "[before, after], found [1, 1, 1]",
    ),
    "before and after without a second pair of brackets": (
        "input: [4, 8]\nlayers: [conv: {out_channels: 1, kernel_size: 3, padding: «[»1, 2]}]\n", "CC011",
        "padding ... found 2 ... [[before, after]]",
    ),
    "causal padding in two dimensions": (
        "conv: {out_channels: 1, kernel_size: 3, padding: «causal»}", "CC011", "causal padding is for 1-D",
    ),
    "a pool with causal padding in two dimensions": (
        "max_pool: {kernel_size: 2, padding: «causal»}", "CC011", "causal padding is for 1-D",
    ),
    "repeat is negative": ("relu: {repeat: «-1»}", "CC011", "repeat ... from 0, found -1"),
    "repeat is not whole": ("relu: {repeat: «in_channels / 3»}", "CC011", "repeat ... whole number from 0 ... 1.33"),
    "repeat is true": ("relu: {repeat: «true»}", "CC011", "repeat ... whole number from 0, found true"),
    "when is a number": ("relu: {when: «in_channels»}", "CC011", "when ... true or false, found 4"),
    "when is one": ("relu: {when: «1»}", "CC011", "when ... true or false, found 1"),
    "from is a number": ("relu: {from: «3»}", "CC011", "from ... name of a layer above"),
    "from is empty": ("relu: {from: «[»]}", "CC011", "from ... a name or a list"),
    "share is a list": ("relu: {share: «[»a]}", "CC011", "share ... name of a layer above ... a list"),
    "branches is a word": ("add: {branches: «relu»}", "CC011", "branches ... list of lists of layers"),
    "a branch is a word": ("add: {branches: [«relu», []]}", "CC011", "branch ... list of layers"),
    "branches is empty": ("add: {branches: «[»]}", "CC011", "branches ... list of lists of layers ... empty"),
    "a block's about is a list": (
        "input: [4]\nblocks: {b: {about: «[»1], layers: []}}\nlayers: []\n", "CC011", "about ... text ... a list",
    ),
    "a mistake behind an anchor is said once": (
        "input: [4, 8, 8]\nlayers: [conv: &c {out_channels: 3, kernel_size: 1, «f»: 2}, conv: *c, conv: *c]\n", "CC010",
        "conv has no field `f`",
    ),
    "a shape behind an anchor is said once": (
        "input: [4, 8, 8]\nlayers: [conv: &c {out_channels: 3, kernel_size: «5»}, conv: *c, conv: *c]\n", "CC101",
        "conv2: kernel_size 5",
    ),
    # ---- missing
    "no input": ("«l»ayers: [relu]\n", "CC012", "needs `input` ... input: [3, 224, 224]"),
    "no layers": ("«i»nput: [4]\n", "CC012", "needs `layers` ... layers:"),
    "a required field": ("«conv»: {out_channels: 3}", "CC012", "conv needs `kernel_size` ... convcalc kinds conv"),
    "several required fields": ("«conv»", "CC012", "conv needs `out_channels`, `kernel_size`"),
    "a required parameter": ("«separable_conv»: {kernel_size: 3}", "CC012", "separable_conv needs `out_channels`"),
    "a block's layers": ("input: [4]\nblocks: {b: «{»about: x}}\nlayers: []\n", "CC012", "block b needs `layers`"),
    "one of two": ("«upsample»: {mode: nearest}", "CC012", "scale_factor ... size ... exactly one"),
    # ---- unknown names
    "a kind": ("«cov»: {out_channels: 3}", "CC013", "no layer kind or block `cov` ... did you mean `conv`"),
    "a kind that is like none": ("«xyzzy»", "CC013", "no layer kind or block `xyzzy` ... convcalc kinds"),
    "a kind in capitals": ("«ReLU»", "CC013", "`ReLU` ... did you mean `relu`"),
    "a kind of PyTorch's": ("«MaxPool2d»: 2", "CC013", "`MaxPool2d` ... did you mean `max_pool`"),
    "a block": (
        "input: [4]\nblocks: {my_unit: {layers: []}}\nlayers: [«my_umit»]\n", "CC013", "did you mean `my_unit`",
    ),
    "a layer above": ("input: [4]\nlayers: [relu: {name: stem}, tanh: {from: «stme»}]\n", "CC013", "mean `stem`"),
    "a layer below": ("input: [4]\nlayers: [relu: {from: «b»}, relu: {name: b}]\n", "CC013", "`b` ... above"),
    "a layer itself": ("relu: {name: b, from: «b»}", "CC013", "`b` ... above"),
    "a layer of another block": (
        "input: [4]\nblocks: {b: {layers: [relu: {from: «a»}]}}\nlayers: [relu: {name: a}, b]\n", "CC013",
        "`a` ... same block",
    ),
    "a layer in a block": (
        "input: [4]\nblocks: {b: {layers: [relu: {name: act}]}}\nlayers: [b: {name: x}, tanh: {from: «x.atc»}]\n",
        "CC013",
        "`x.atc` ... did you mean `x.act`",
    ),
    "an output": ("input: [4]\nlayers: [relu: {name: last}]\noutputs: [«lats»]\n", "CC013", "did you mean `last`"),
    "a layer to share": ("relu: {share: «x»}", "CC013", "share ... `x`"),
    "a layer of another kind to share": (
        "input: [4]\nlayers: [relu: {name: r}, «linear»: {share: r, out_features: 4}]\n", "CC013", "linear ... relu",
    ),
    "a repeated layer to share": (
        "input: [4]\nlayers: [linear: {name: a, repeat: 2, out_features: 4}, «linear»: {share: a}]\n", "CC013",
        "share ... a.0 to a.1",
    ),
    "a variable": (
        "input: [4]\nvariables: {width: 3}\nlayers: [linear: «widht»]\n", "CC013", "`widht` ... did you mean `width`",
    ),
    "a variable within an expression": (
        "input: [4]\nvariables: {width: 3}\nlayers: [linear: 2 * («widht» + 1)]\n", "CC013", "did you mean `width`",
    ),
    "a variable behind wide letters": (
        "input: [4]\nvariables: {宽: 3}\nlayers: [linear: 宽 * «nope»]\n", "CC013", "`nope` has no value here",
    ),
    "a variable in quotes": (
        "input: [4]\nvariables: {width: 3}\nlayers: [linear: '2 * «widht»']\n", "CC013", "did you mean `width`",
    ),
    "a variable that comes later": (
        "input: [4]\nvariables: {a: 2 * «b», b: 3}\nlayers: []\n", "CC013", "`b` has no value here",
    ),
    "index where nothing repeats": ("linear: «index» + 1", "CC013", "`index` ... `repeat`"),
    "index in the repeat itself": ("relu: {repeat: «index» + 1}", "CC013", "`index` ... `repeat`"),
    "a function's name": ("linear: «max»", "CC013", "`max` ... function"),
    "a function that is none": ("linear: «sqrt(4)»", "CC011", "sqrt is not a function ... round_to"),
    "a wrong argument": ("linear: «ceil(1, 2)»", "CC011", "expected ceil(x), found ceil(1, 2)"),
    "a dot in an expression": ("linear: «conv1.out»", "CC011", "a dot"),
    "division by zero": ("linear: «4 // 0»", "CC011", "division by zero"),
    "a block in itself": (
        "input: [4]\nblocks: {«b»: {layers: [b]}}\nlayers: [b]\n", "CC013", "block b contains itself: b -> b",
    ),
    "a block in itself, by way of another": (
        "input: [4]\nblocks: {«a»: {layers: [b]}, b: {layers: [add: {branches: [[], [a]]}]}}\nlayers: [a]\n", "CC013",
        "contains itself: a -> b -> a",
    ),
    "too few inputs": ("«add»: {from: input}", "CC013", "add takes 2 or more inputs, found 1 ... from: [a, b]"),
    "a word for a number of a function": (
        "lstm: {hidden_size: 4, activation: [hard_sigmoid, 0.2, «width_»]}", "CC011", "`width_`, which has no value",
    ),
    "too few numbers of a function": (
        "lstm: {hidden_size: 4, activation: «[»hard_sigmoid, 0.2]}", "CC011", "hard_sigmoid, its alpha and its beta",
    ),
    "numbers of a function that has none": (
        "lstm: {hidden_size: 4, activation: «[»tanh, 0.2]}", "CC011", "expected tanh, found",
    ),
    "too few for the indices": (
        "«scatter»: {from: [input, input]}", "CC013", "takes 3 inputs, found 2; name them (from: [a, b, c])",
    ),
    "a merge of nothing": ("«add»", "CC013", "add takes 2 or more inputs, found 1 ... from: [a, b]"),
    "too many inputs": ("«relu»: {from: [input, input]}", "CC013", "relu takes 1 input, found 2"),
    "a block of two inputs": (
        "separable_conv: {from: [«input», input], out_channels: 1, kernel_size: 1}", "CC013", "takes 1 input, found 2",
    ),
    "branches from two tensors": (
        "«add»: {from: [input, input], branches: [[], []]}", "CC013", "branches start from one tensor",
    ),
    "several inputs, and none is said": (
        "inputs: {a: [4], b: [4]}\nlayers: [«relu»]\n", "CC013", "several inputs ... from",
    ),
    "several inputs, and none is called input": (
        "inputs: {a: [4], b: [4]}\nlayers: [«relu»: {from: input}]\n", "CC013", "several inputs ... a, b",
    ),
    "a pool of channels alone": ("input: [4]\nlayers: [«global_avg_pool»]\n", "CC013", "[4] ... channels alone"),
    # ---- shapes that do not go together
    "a window that does not fit": (
        "conv: {out_channels: 1, kernel_size: «9»}", "CC101", "kernel_size 9 ... 8 ... legal ... up to 8",
    ),
    "a window that does not fit padding": (
        "conv: {out_channels: 1, kernel_size: «[»3, 13], padding: 2}", "CC101", "13 ... 12 = 2 + 8 + 2 ... up to 12",
    ),
    "a dilated window that does not fit": (
        "conv: {out_channels: 1, kernel_size: «3», dilation: 4}", "CC101", "spans 9 positions ... kernel_size up to 2",
    ),
    "a pool that does not fit": ("max_pool: «9»", "CC101", "kernel_size 9 ... up to 8"),
    "groups": (
        "conv: {out_channels: 6, kernel_size: 3, groups: «4»}", "CC102",
        "groups 4 ... in_channels 4 ... 6 ... legal here: 1, 2",
    ),
    "a shuffle's groups": ("channel_shuffle: «3»", "CC102", "3 ... 4 ... legal here: 1, 2, 4"),
    "parts that do not divide": ("split: {sections: «3», part: 0}", "CC102", "3 ... 4 ... legal here: 1, 2, 4"),
    "an addition of unlike shapes": (
        "«add»: {branches: [[], [max_pool: 2]]}", "CC103",
        "input 2 ... [4, 4, 4] ... input 1 ... [4, 8, 8] ... 4 against 8",
    ),
    "a concatenation of unlike shapes": (
        "«concat»: {branches: [[], [max_pool: 2]]}", "CC103", "input 2 ... [4, 4, 4] ... [4, 8, 8] ... legal here: 8",
    ),
    "a concatenation of unlike ranks": (
        "«concat»: {branches: [[], [global_avg_pool]]}", "CC103", "1 axes ... legal here: 3 axes",
    ),
    "shared weights of another shape": (
        "input: [4]\nlayers: [linear: {name: a, out_features: 5}, «linear»: {share: a}]\n", "CC103",
        "share ... a ... 5x4 ... 5x5",
    ),
    "a pool with too much padding": (
        "max_pool: {kernel_size: 3, padding: «3»}", "CC104", "first window ... 3 of padding ... legal here: 0 to 2",
    ),
    "too much output_padding": (
        "conv_transpose: {out_channels: 1, kernel_size: 3, stride: 2, output_padding: «2»}", "CC105",
        "output_padding 2 ... legal here: 0 to 1",
    ),
    # ---- in blocks
    "an argument of a shipped block that does not fit": (
        "separable_conv: {out_channels: 1, kernel_size: «9»}", "CC101", "kernel_size 9 ... up to 8",
    ),
    "an argument of a shipped block that is of the wrong type": (
        "separable_conv: {out_channels: «'many'», kernel_size: 3}", "CC011", "out_channels ... whole number from 1",
    ),
    "a shipped block that cannot be called here": (
        "input: [4]\nlayers: [«squeeze_excite»]\n", "CC013", "squeeze_excite1 ... channels alone",
    ),
    "a shipped block within a block": (
        ("input: [4, 8, 8]\nblocks: {b: {parameters: {k: 9}, layers: [pointwise_conv: {out_channels: 1, groups: «k»}]}}"
         "\nlayers: [b]\n"),
        "CC102", "groups 9",
    ),
    "a mistake within a block of the spec": (
        ("input: [4, 8, 8]\nblocks: {b: {layers: [conv: {out_channels: 1, kernel_size: «9»}]}}\n"
         "layers: [b: {name: x}]\n"),
        "CC101", "x.conv1: kernel_size 9",
    ),
    "a mistake in a repeat is said once": (
        "max_pool: {kernel_size: «2», repeat: 5}", "CC101", "max_pool1.3",  # 8, 4, 2, 1, and then no more
    ),
    "a mistake in a block that is repeated is said once": (
        ("input: [4, 8, 8]\nblocks: {b: {layers: [conv: {out_channels: 1, kernel_size: 1, groups: «3»}]}}\n"
         "layers: [b: {repeat: 9}]\n"),
        "CC102", "b1.0.conv1",
    ),
    "a mistake in a block that is called often is said once": (
        "input: [4, 8, 8]\nblocks: {b: {layers: [conv: {out_channels: 1, kernel_size: «nope»}]}}\nlayers: [b, b, b]\n",
        "CC011", "kernel_size ... `nope`",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_one_mistake(name: str) -> None:
    text, code, words = WRONG[name]
    spec, places = unmarked(written(text))
    problems = mistakes(spec)
    assert len(problems) == 1, brief(problems)
    problem = problems[0]
    assert (problem.code, problem.path, problem.severity) == (code, "net.yaml", "error"), brief(problems)
    line, start, end = places[0]
    assert (problem.line, problem.column) == (line, start), (brief(problems), places)
    assert end == start or problem.end_column == end, (brief(problems), places)
    pattern = ".*?".join(re.escape(part) for part in words.split(" ... "))
    assert re.search(pattern, f"{problem.message} {problem.help}"), brief(problems)
    assert problem.text == spec.split("\n")[line - 1].rstrip("\r")
    assert not re.search(r"Error|Traceback|<class|object at|Fraction|None\b", problem.message), problem.message


def test_every_code_has_a_case() -> None:
    codes = {code for _, code, _ in WRONG.values()}
    assert codes == {f"CC{number:03}" for number in (1, 2, 3, 6, 7, 8, 10, 11, 12, 13, 101, 102, 103, 104, 105)}


EIGHT = """
    nane: eight mistakes
    input: [3, 32, 32]
    variables: {width: 010}
    layers:
      - conv: {out_channels: 64, kernal_size: 3}
      - batch_nrom
      - conv: {out_channels: 64.5, kernel_size: 3, bias: no}
      - relu: {name: r, name: s}
      - conv: {name: c, out_channels: 9, kernel_size: 3, from: r, groups: 2}
      - max_pool: {kernel_size: 2, from: c}
      - add: {from: [r, missing]}
"""


def test_all_mistakes_of_a_file_at_once_in_the_order_of_the_text() -> None:
    problems = mistakes(dedent(EIGHT).lstrip("\n"))
    assert [f"{d.line}:{d.column} {d.code}" for d in problems] == [
        "1:1 CC010",
        "3:20 CC003",
        "5:30 CC010",
        "6:5 CC013",
        "7:26 CC011",
        "7:54 CC003",
        "8:21 CC002",
        "11:21 CC013",
    ]


SHAPES = """
    input: [4, 8, 8]
    layers:
      - conv: {name: a, out_channels: 4, kernel_size: «9»}
      - conv: {name: b, from: input, out_channels: 4, kernel_size: 1, groups: «3»}
      - max_pool: {from: input, kernel_size: 2, padding: «3»}
      - «add»: {from: [input, pooled]}
"""


def test_mistakes_of_shapes_that_do_not_depend_on_each_other_are_all_said() -> None:
    text = SHAPES.replace("  - max_pool", "  - max_pool: {name: pooled, from: input, kernel_size: 2}\n      - max_pool")
    spec, places = unmarked(text)
    problems = mistakes(spec)
    assert [(d.line, d.column) for d in problems] == [(line, start) for line, start, _ in places], brief(problems)
    assert [d.code for d in problems] == ["CC101", "CC102", "CC104", "CC103"]


DEPENDANTS = {
    "layers behind it": "[relu, conv: {out_channels: 3, kernel_size: 3}, linear: in_channels]",
    "a repeat": "[relu: {repeat: 3}, max_pool: {kernel_size: 2, repeat: in_channels}]",
    "a `when`": "[relu: {when: in_channels == 3}, tanh: {when: rank == 2}]",
    "from": "[relu: {from: bad}, add: {from: [bad, input]}, concat: {from: [input, previous]}]",
    "branches": "[add: {branches: [[], [conv: {out_channels: 3, kernel_size: 3}]]}, relu]",
    "share": "[conv: {share: bad, from: input}, relu]",
    "a block": "[b: {name: x}, add: {from: [x, x.inner]}, relu: {from: x.deep.c}]",
    "a repeated block": "[b: {name: x, repeat: 2}, relu: {from: x.0}, relu: {from: x.1.inner}, relu: {from: x}]",
    "a shipped block": "[bottleneck: {name: x, channels: 3, repeat: 2}, squeeze_excite, relu: {from: x.0.conv1}]",
    "a repeated merge": "[add: {name: x, repeat: 2, branches: [[], [relu: {name: r}]]}, relu: {from: x.0.r}]",
    "a merge beside what is right": "[relu: {name: fine, from: input}, add: {from: [fine, bad]}]",
    "outputs": "[b: {name: x}]\noutputs: [x.inner, bad, x]",
    "nothing": "[]",
}


@pytest.mark.parametrize("name", DEPENDANTS)
@pytest.mark.parametrize(
    "bad",
    [
        "conv: {name: bad, out_channels: 3, kernel_size: 9}",  # a shape
        "conv: {name: bad, out_channels: 3, kernel_size: three}",  # a value
        "conv: {name: bad, out_channels: 3}",  # a field that is missing
        "conf: {name: bad, out_channels: 3}",  # a kind
        "conv: {name: bad, out_channels: broken, kernel_size: 1}",  # a variable that cannot be read
        "add: {name: bad, branches: [[conv: {out_channels: 3, kernel_size: 9}], [relu]]}",  # a branch
        "b: {name: bad, from: nowhere}",
    ],
)
def test_one_mistake_and_all_that_depends_on_it_is_one_message(bad: str, name: str) -> None:
    text = f"""
input: [4, 8, 8]
variables: {{broken: {"2 *" if "broken" in bad else 1}}}
blocks:
  d: {{layers: [relu: {{name: c}}]}}
  b: {{layers: [relu: {{name: inner}}, d: {{name: deep}}]}}
layers:
  - {bad}
"""
    layers, _, rest = DEPENDANTS[name].partition("\n")
    for item in _items(layers):
        text += f"  - {item}\n"
    problems = mistakes(text + rest + "\n")
    assert len(problems) == 1, brief(problems)


def _items(text: str) -> list[str]:
    """The items of a list in flow style, each as it is written."""
    items, depth, item = [], 0, ""
    for character in text[1:-1]:
        depth += (character in "[{") - (character in "]}")
        if character == "," and not depth:
            items.append(item.strip())
            item = ""
        else:
            item += character
    return [*items, item.strip()] if item.strip() else items


def test_a_variable_of_the_command_line_that_is_wrong() -> None:
    spec = "input: [4]\nvariables: {w: 3}\nlayers: [linear: w]\n"
    for text, code, column in (
        ("2 *", "CC011", 3),
        ("nope + 1", "CC013", 3),
        ("[1", "CC001", 0),
        ("1 / 0", "CC011", 3),
    ):
        problems = mistakes(spec, variables={"w": text})
        assert [(d.code, d.path) for d in problems] == [(code, "--set")], brief(problems)
        assert problems[0].text == f"w={text}"
        assert not column or problems[0].column == column, brief(problems)


def test_a_variable_of_the_command_line_of_the_wrong_type_is_blamed_where_it_is_used() -> None:
    problems = mistakes("input: [4]\nvariables: {w: 3}\nlayers: [linear: w]\n", variables={"w": "wide"})
    assert [(d.code, d.line, d.column) for d in problems] == [("CC011", 3, 18)]


# ---- files that are no text ----------------------------------------------------------------------------------


def unreadable(path: Path) -> Diagnostic:
    with pytest.raises(SpecError) as caught:
        convcalc.load(str(path))
    (problem,) = caught.value.diagnostics
    return problem


def test_bytes_that_are_not_utf8_are_placed(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_bytes("input: [4]\nname: é".encode() + b"\xff\nlayers: []\n")
    result = unreadable(path)
    assert (result.line, result.column, result.code) == (2, 8, "CC001")
    assert "0xff" in result.message


def test_a_byte_order_mark_moves_no_place(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + "name: é".encode() + b"\xff\n")
    problem = unreadable(path)
    assert problem.message.startswith("byte 0xff is not UTF-8")
    assert (problem.line, problem.column) == (1, 8)


def test_utf16_is_refused_with_words(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("input: [4]\nlayers: []\n", encoding="utf-16")
    assert "UTF-8" in unreadable(path).message


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("input: [4]\nlayers: [relu]\n", encoding="utf-8-sig")
    assert convcalc.load(str(path)).name == "net"


def test_a_file_that_is_not_there_a_directory_and_a_name_with_a_zero(tmp_path: Path) -> None:
    assert "No such file" in unreadable(tmp_path / "nowhere.yaml").message
    assert "directory" in unreadable(tmp_path).message
    assert unreadable(Path("a\0b")).code == "CC001"


def test_paths_of_pathlib(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("input: [4]\nlayers: [relu]\n", encoding="utf-8")
    assert convcalc.load(path).name == "net"  # type: ignore[arg-type, unused-ignore]  # people will
    for bad in (tmp_path, tmp_path / "nowhere.yaml"):
        with pytest.raises(SpecError) as caught:
            convcalc.load(bad)  # type: ignore[arg-type, unused-ignore]
        assert caught.value.diagnostics[0].path == str(bad)


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    with path.open("wb") as file:
        file.truncate(16 * 2**20 + 1)
    result = unreadable(path)
    assert (result.code, result.line) == ("CC008", 0)
    assert "16 MiB" in result.message


# ---- files that mean harm --------------------------------------------------------------------------------------

BOMBS = {
    "brackets": "[" * 100_000,
    "braces": "{a: " * 100_000,
    "aliases": "a0: &a0 [1]\n" + "".join(f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 9)}]\n" for i in range(30)),
    "merge keys": "a0: &a0 {k: 1}\n"
    + "".join(f"a{i + 1}: &a{i + 1} {{<<: [{', '.join([f'*a{i}'] * 9)}]}}\n" for i in range(30)),
    "repeats": "{input: [4], layers: [relu: {repeat: 2000000000}]}",
    "repeats of repeats": "{input: [4], blocks: {a: {layers: [relu: {repeat: 60000}]}}, layers: [a: {repeat: 60000}]}",
    "empty repeats of repeats": (
        "{input: [4], blocks: {a: {layers: [b: {repeat: 60000}]}, b: {layers: []}}, layers: [a: {repeat: 60000}]}"
    ),
    "blocks of blocks": "input: [4]\nblocks:\n  b0: {layers: [relu]}\n"
    + "".join(f"  b{i + 1}: {{layers: [{', '.join([f'b{i}'] * 9)}]}}\n" for i in range(30))
    + "layers: [b30]\n",
    "a tensor beyond all bounds": "{input: [2147483647, 2147483647, 2147483647], layers: [relu]}",
    "a repeat behind a mistake": "{input: [4], layers: [linear: x, relu: {repeat: 2000000000}]}",
}


@pytest.mark.parametrize("name", BOMBS)
def test_no_file_hangs_or_kills(name: str) -> None:
    gc.disable()  # as the command line does
    with steps.run():
        problems = mistakes(BOMBS[name])
    gc.enable()
    assert {d.code for d in problems} <= {"CC008", "CC010", "CC011", "CC012", "CC013"}
    assert name == "a repeat behind a mistake" or "CC008" in {d.code for d in problems}, brief(problems)
    assert all(len(d.text) <= 10_000 for d in problems)


def test_a_block_called_through_many_blocks_is_not_too_deep() -> None:
    blocks = "".join(f"  b{i + 1}: {{layers: [b{i}]}}\n" for i in range(2000))
    problems = mistakes(f"input: [4]\nblocks:\n  b0: {{layers: [relu]}}\n{blocks}layers: [b2000]\n")
    assert [d.code for d in problems] in ([], ["CC008"])


def test_the_message_of_the_exception_names_every_mistake() -> None:
    with pytest.raises(SpecError) as caught:
        loads(Source("net.yaml", "input: [4]\nlayers: [cov, rleu]\n"))
    assert str(caught.value).splitlines() == [
        "net.yaml:2:10: error[CC013]: there is no layer kind or block `cov`",
        "    2 | layers: [cov, rleu]",
        "      |          ^^^ did you mean `conv`?",
        "net.yaml:2:15: error[CC013]: there is no layer kind or block `rleu`",
        "    2 | layers: [cov, rleu]",
        "      |               ^^^^ did you mean `relu`?",
    ]


def test_what_could_be_worked_out_comes_with_the_exception() -> None:
    with pytest.raises(SpecError) as caught:
        loads(Source("net.yaml", "{input: [4], layers: [relu, linear: 0, tanh, sigmoid: {from: relu1}]}"))
    assert caught.value.network is not None
    assert [node.name for node in caught.value.network.layers] == ["relu1", "sigmoid1"]
    with pytest.raises(SpecError) as caught:
        loads(Source("net.yaml", "{input: [0], layers: [relu]}"))
    assert caught.value.network is None


def test_standard_input_is_read_and_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import io
    import sys

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"input: [4]\nlayers: [cov]\n")))
    source = read("-")
    assert (source.path, source.text) == ("<stdin>", "input: [4]\nlayers: [cov]\n")
