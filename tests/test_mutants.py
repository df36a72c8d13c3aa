"""Damaged specs: whatever is in the text, a network comes out or everything that is wrong with it, and soon.

With CONVCALC_FUZZ the attacks go up to the real limit on steps. What is damaged at random is for tests/fuzz.
"""

from __future__ import annotations

import io
import os
import random
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from fuzz.checks import bounded, check_diagnostic
from fuzz.mutations import TEXTS
from work import counted

from convcalc import Network, SpecError, analyze, steps
from convcalc.language import Source, loads
from convcalc.opening import load

FULL = "CONVCALC_FUZZ" in os.environ
MOST_STEPS = steps.MOST_STEPS if FULL else steps.MOST_STEPS // 10
"""Steps at which attacks are refused; what takes more than linear work shows below the real limit too."""
MOST_CALLS = 20_000_000 if FULL else 8_000_000
"""Calls of functions that any text may take. At the real limit branches within repeats take 14.7 million, else 100,000
empty branches 5.9 million."""


def outcome(text: str, path: str = "mutant.yaml", read: Callable[[], Network] | None = None) -> Network | SpecError:
    """The network or the error; both analysed and checked."""
    result: Network | SpecError
    with warnings.catch_warnings(), bounded():
        warnings.simplefilter("error")
        try:
            result = loads(Source(path, text)) if read is None else read()
        except SpecError as error:
            result = error
        network = result.network if isinstance(result, SpecError) else result
        if network is not None:
            report = analyze(network)
            assert report.totals.macs == sum(row.macs for row in report.layers)
    if isinstance(result, SpecError):
        assert result.diagnostics
        lines = io.StringIO(text, newline=None).read().split("\n")  # \n, \r\n and \r end a line
        for problem in result.diagnostics:
            check_diagnostic(problem, path, lines)
    return result


def test_what_is_damaged_is_sound() -> None:
    for text in TEXTS:
        assert isinstance(outcome(text), Network), text


CONV = "conv: {out_channels: 1, kernel_size: 1}"


def spec(*lines: str, size: str = "[1, 1]", head: str = "") -> str:
    return f"{head}input: {size}\nlayers:\n" + "".join(f"  - {line}\n" for line in lines)


def laughs(merge: bool) -> str:
    """Nine anchors, each ten times the one before."""
    lines = ["a0: &a0 {x: 1}" if merge else "a0: &a0 [x, x]"]
    for level in range(1, 10):
        ten = ", ".join([f"*a{level - 1}"] * 10)
        inner = f"{{<<: [{ten}], k{level}: [{ten}]}}" if merge else f"[{ten}]"
        lines.append(f"a{level}: &a{level} {inner}")
    return "\n".join(lines) + "\n"


DOUBLING = "\n".join(
    f"  b{level}: {{layers: [b{level + 1}, b{level + 1}]}}" if level < 40 else f"  b{level}: {{layers: [relu]}}"
    for level in range(41)
)
EMPTY = "blocks:\n  nothing: {layers: []}\n  inner: {layers: [{relu: {repeat: 1000}}]}\n"
EMPTY += "  outer: {layers: [{inner: {repeat: 1000}}]}\n"
BIG = 2**31 - 1
NESTED = "variables:\n" + "".join(
    f"  {name}0: 1\n" + "".join(f"  {name}{n}: '[{name}{n - 1}, {name}{n - 1}]'\n" for n in range(1, 41))
    for name in "ab"
)
PRIMES = (1009, 1013, 1019, 1021, 1031, 1033, 1039, 1049)
MANY_RATES = [f"upsample: {{name: u{prime}, from: input, size: {prime}}}\n  - upsample: {{name: v{prime}, size: 2003}}"
              for prime in PRIMES]  # fmt: skip
ATTACKS = {
    "aliases": laughs(merge=False),
    "aliases as layers": laughs(merge=False) + "input: [1, 1]\nlayers: *a9\n",
    "merge keys": laughs(merge=True),
    "merge keys as fields": laughs(merge=True) + "input: [1, 1]\nlayers:\n  - conv: *a9\n",
    "an alias within itself": "a: &a [*a]\n",
    "a merge of itself": "a: &a {<<: *a}\n",
    "brackets": "[" * 30_000,
    "closed brackets": "a: " + "[" * 30_000 + "]" * 30_000,
    "braces": "{a: " * 30_000,
    "block sequences": "- " * 30_000,
    "block mappings": "\n".join(" " * depth + "a:" for depth in range(2000)),
    "30,000 block mappings": "".join("? " for _ in range(30_000)),
    "layers in brackets": spec(CONV) + "  - " + "[" * 30_000,
    "repeat": spec(f"{CONV[:-1]}, repeat: 1000000000}}"),
    "repeat of the largest": spec(f"relu: {{repeat: {10**39}}}"),
    "repeat of nothing": spec("nothing: {repeat: 1000000000}", head=EMPTY),
    "repeat of what is left out": spec("relu: {repeat: 1000000000, when: false}"),
    "repeats within repeats": spec("outer: {repeat: 1000}", head=EMPTY),
    "branches within repeats": spec("add: {repeat: 9999, branches: [[{add: {repeat: 9999, branches: [[], []]}}], []]}"),
    "empty branches": spec(f"add: {{branches: [{', '.join(['[]'] * 100_000)}]}}"),
    "doubling blocks": spec("b0", head=f"blocks:\n{DOUBLING}\n"),
    "blocks in a circle": spec("a", head="blocks:\n  a: {layers: [b]}\n  b: {layers: [a]}\n"),
    "powers": spec("conv: {out_channels: 9**9**9, kernel_size: 1}"),
    "many powers": spec("conv: {out_channels: '((9**99)**99)**99', kernel_size: 1}"),
    "a long list": spec("conv: {out_channels: len([1]*10**9), kernel_size: 1}"),
    "lists of lists": spec("conv: {out_channels: '" + "[" * 90 + "1" + "]*9999" * 90 + "', kernel_size: 1}"),
    "lists in variables": spec(CONV, head="variables:\n  a: '[1] * 9999'\n" + "".join(
        f"  {chr(98 + n)}: '[{chr(97 + n)}, {chr(97 + n)}] * 4999'\n" for n in range(20))),
    "a comparison of lists": spec("relu: {when: a40 == b40}", head=NESTED),
    "text times number": spec("conv: {out_channels: \"'a' * 10**9\", kernel_size: 1}"),
    "brackets in an expression": spec(f"conv: {{out_channels: '{'(' * 1000}1{')' * 1000}', kernel_size: 1}}"),
    "signs in an expression": spec(f"conv: {{out_channels: '{'-' * 990}1', kernel_size: 1}}"),
    "sums in an expression": spec(f"conv: {{out_channels: '{'1+' * 480}1', kernel_size: 1}}"),
    "nots in an expression": spec(f"relu: {{when: '{'not ' * 240}true'}}"),
    "ifs in an expression": spec(f"conv: {{out_channels: '{'1 if true else ' * 60}1', kernel_size: 1}}"),
    "brackets that fit": spec(f"conv: {{out_channels: '{'(' * 190}1{')' * 190}', kernel_size: 1}}"),
    "functions of functions": spec(f"conv: {{out_channels: '{'abs(' * 190}1{')' * 190}', kernel_size: 1}}"),
    "a megabyte of expression": spec(f"conv: {{out_channels: '{'1+' * 500_000}1', kernel_size: 1}}"),
    "a number of a million digits": spec(f"conv: {{out_channels: {'9' * 1_000_000}, kernel_size: 1}}"),
    "a number of 1,000 digits": spec(f"conv: {{out_channels: '{'9' * 990}', kernel_size: 1}}"),
    "an exponent": spec("conv: {out_channels: 1e99999999, kernel_size: 1}"),
    "an exponent in an expression": spec("conv: {out_channels: 1e9999 + 1, kernel_size: 1}"),
    "a long exponent": spec(f"conv: {{out_channels: 1e{'9' * 5000}, kernel_size: 1}}"),
    "a name of a megabyte": spec(f"{'relu' * 250_000}"),
    "a field of a megabyte": spec(f"conv: {{{'a' * 1_000_000}: 1}}"),
    "many unknown kinds": spec(*["rellu: {}"] * 3000),
    "many unknown fields": spec("conv: {" + ", ".join(f"kernal_size{n}: 1" for n in range(3000)) + "}"),
    "many equal names": spec(*["relu: {name: a}"] * 20_000),
    "a NUL": "\x00",
    "NULs": "input: [1\x00, 1]\n" * 50,
    "control characters": "".join(map(chr, range(32))),
    "nothing": "",
    "blanks": " \n\t\n",
    "a comment": "# nothing\n",
    "a scalar": "42\n",
    "a text": "convcalc\n",
    "null": "~\n",
    "a list": "- 1\n- 2\n",
    "two documents": spec(CONV) + "---\n" + spec(CONV),
    "a directive": "%YAML 1.1\n---\n" + spec(CONV),
    "an unknown tag": "!!python/object/apply:os.system ['true']\n",
    "a byte order mark": "\ufeff" + spec(CONV),
    "carriage returns": spec(CONV, "rellu").replace("\n", "\r\n"),
    "carriage returns alone": spec(CONV, "rellu").replace("\n", "\r"),
    "line separators": spec(CONV, "rellu").replace("\n", "\u2028"),
    "a stride, again and again": spec(f"conv: {{out_channels: 1, kernel_size: 1, stride: {BIG}, repeat: 10000}}"),
    "a padding, again and again": spec(f"max_pool: {{kernel_size: {BIG}, padding: {BIG // 2}, repeat: 1000}}"),
    "upsampling, again and again": spec("upsample: {scale_factor: 1000, repeat: 100}"),
    "upsampling to odd sizes": spec(*(f"upsample: {{size: {size}}}" for size in (251, 257, 263, 65537, 65539, BIG))),
    "upsampling that meets": spec("upsample: {name: a, size: 65521}", "upsample: {from: input, size: 65521}",
                                  "add: {from: [a, upsample1]}", size="[1, 7]"),
    "paths of many rates": spec(*MANY_RATES, f"add: {{from: [{', '.join(f'v{prime}' for prime in PRIMES)}]}}",
                                size="[1, 997]"),
    "a transposed convolution, large": spec(f"conv_transpose: {{out_channels: 1, kernel_size: {BIG}, stride: {BIG}}}"),
    "a transposed kernel": spec(f"conv_transpose: {{out_channels: 1, kernel_size: {BIG}}}", "relu"),
    "a transposed stride": spec(f"conv_transpose: {{out_channels: 1, kernel_size: 1, stride: {BIG}}}", size="[1, 2]"),
    "transposed, again and again": spec("conv_transpose: {out_channels: 1, kernel_size: 3, stride: 2, repeat: 40}"),
    "a kernel behind an upsampling": spec("upsample: {scale_factor: 2}",
                                          f"conv: {{out_channels: 1, kernel_size: {BIG}, padding: {BIG}}}"),
    "a window behind an upsampling": spec("conv_transpose: {out_channels: 1, kernel_size: 3, stride: 2}",
                                          f"max_pool: {{kernel_size: {BIG}, stride: 1, padding: {BIG // 2}}}"),
    "groups": spec(f"conv: {{out_channels: {BIG}, kernel_size: 1, groups: {BIG}}}", size=f"[{BIG}, 1]"),
    "groups that do not divide": spec(f"conv: {{out_channels: {BIG}, kernel_size: 1, groups: {BIG - 1}}}",
                                      size=f"[{BIG}, 1]"),
    "a kernel of many axes": spec(f"conv: {{out_channels: 1, kernel_size: {[1] * 100_000}}}"),
    "an input of many axes": spec("conv: {out_channels: 1, kernel_size: 3, padding: 1}", "relu", "flatten",
                                  size=str([1] * 3000)),
    "many axes, all at once": spec("upsample: {scale_factor: 2}", size=str([1] * 3000)),
    "taps on many axes": spec(f"conv: {{out_channels: taps({BIG}), kernel_size: 1}}", size=str([1] * 3000)),
    "interpolation on many axes": spec("upsample: {size: 1, mode: linear}", size=str([1] * 3000)),
    "shuffling many axes": spec("pixel_shuffle: 2147483647", "pixel_unshuffle: 2147483647", size=str([4] * 3000)),
    "deforming many axes": spec("deform_conv_v2: {out_channels: 1, kernel_size: 3, padding: 1}", size=str([1] * 300)),
    "a reshape to many axes": spec(f"reshape: {[1] * 100_000}"),
    "sections": spec(f"split: {{sections: {BIG}, part: 0}}", size=f"[{BIG}, 1]"),
    "huge inputs": spec(CONV, size=f"[{BIG}, {BIG}, {BIG}]"),
    "a mean over a huge axis": spec("global_avg_pool", size=f"[1, {BIG}]"),
    "a mean over windows": spec("conv: {out_channels: 1, kernel_size: 3, padding: 1}", "global_avg_pool",
                                size=f"[1, {BIG}]"),
    "a mean over every second position": spec("conv: {out_channels: 1, kernel_size: 1, stride: 2}", "global_avg_pool",
                                              size=f"[1, {BIG}]"),
    "a mean over a transposed convolution": spec("conv_transpose: {out_channels: 1, kernel_size: 3, stride: 2}",
                                                 "global_avg_pool", size=f"[1, {BIG // 4}]"),
    "a mean over padding that reflects": spec("pad: {padding: 1, mode: reflect}", "global_avg_pool",
                                              size=f"[1, {BIG // 4}]"),
    "a mean over tensors end to end": spec("concat: {axis: 1, branches: [[], [crop: {cropping: 1}]]}",
                                           "global_avg_pool", size=f"[1, {BIG // 4}]"),
    "a layer that grows": spec("concat: {branches: [[], []], repeat: 100}"),
    "a linear layer that grows": spec(f"linear: {{out_features: {BIG}, repeat: 1000}}"),
    "surrogates by escape": 'name: "\\ud800"\n' + spec(CONV),
}  # fmt: skip


TOO_MUCH = ["aliases as layers", "merge keys", "repeat", "repeat of nothing", "repeats within repeats", "brackets"]
TOO_MUCH += ["repeat of what is left out", "doubling blocks", "upsampling, again and again"]


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks(name: str) -> None:
    with counted() as work, steps.run(MOST_STEPS):
        result = outcome(ATTACKS[name])
    assert work.calls < MOST_CALLS
    if name in TOO_MUCH:
        codes = {problem.code for problem in result.diagnostics} if isinstance(result, SpecError) else set()
        assert "CC008" in codes  # and no more of it: a network of so many layers is long when written out


JUNK = {
    "random bytes": random.Random(0).randbytes(100_000),
    "NUL bytes": bytes(1000),
    "UTF-16": spec(CONV).encode("utf-16"),
    "UTF-32": spec(CONV).encode("utf-32"),
    "Latin-1": "name: é\n".encode("latin-1"),
    "a cut character": "name: é".encode()[:-1],
    "nothing": b"",
    "an ELF header": b"\x7fELF\x02\x01\x01" + bytes(64),
    "a ZIP file": b"PK\x03\x04" + random.Random(1).randbytes(200),
    "ONNX": b"\x08\x0a\x12\x07pytorch" + bytes(range(256)),
}


def from_file(path: Path) -> SpecError:
    """The error of a file that is no spec."""
    text = path.read_bytes()[:20_000_000].decode("utf-8", "replace") if path.is_file() else ""
    network = outcome(text, str(path), lambda: load(str(path)))
    assert isinstance(network, SpecError)
    return network


@pytest.mark.parametrize("name", JUNK)
def test_junk_in_a_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / "junk.yaml"
    path.write_bytes(JUNK[name])
    assert from_file(path)


def test_a_file_of_100_megabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    assert [diagnostic.code for diagnostic in from_file(path).diagnostics] == ["CC008"]


def test_what_is_no_file(tmp_path: Path) -> None:
    for name in (".", "missing.yaml", "x" * 5000, "a\x00b"):
        with pytest.raises(SpecError) as error:
            load(str(tmp_path / name))
        (problem,) = error.value.diagnostics
        assert (problem.line, problem.code) == (0, "CC001")
