"""What other frameworks call things, and what to write here: tables, and how they are looked up.

The words are those of PyTorch, Keras, TensorFlow, ONNX, Caffe and Darknet; the longer tables are in `convcalc/words`.
None of them is a way to write anything: they are for messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path


def _table(name: str) -> dict[str, str]:
    """Answers by word: in the file an answer has a line of its own, and its words are indented below it."""
    answers: dict[str, str] = {}
    answer = ""
    for line in (Path(__file__).parent.parent / "words" / f"{name}.txt").read_text("utf-8").splitlines():
        if line.startswith(" "):
            answers |= dict.fromkeys(line.split(), answer)
        else:
            answer = line
    return answers


KINDS = _table("kinds")
"""Kinds and blocks by what they are called elsewhere, squashed."""

NO_KINDS = _table("no_kinds")
"""What to write for words that are no kind and none of ours by another name."""

FIELDS = _table("fields")
"""Fields of ours, the likeliest first, by what they are called elsewhere."""

BATCHED = {"dim": "axis axes", "dims": "axes", "perm": "axes", "start_dim": "start_axis", "end_dim": "end_axis"}
"""Fields that count axes, by what they are called where the batch is axis 0."""

NO_FIELDS = _table("no_fields")
"""What to write for words that are no field and none of ours by another name; `kind.word` for those of one kind."""

_BEHIND = ("activation", "act", "act_layer", "nonlinearity", "norm", "norm_layer", "normalization")
"""Fields by which others hang the layer that comes next, which their value names."""
NOTHING = ("none", "null", "linear", "identity", "false")

BARE = {"crop": "size", "squeeze_excite": "reduction", "upsample": "scale_factor"}
"""The field that a bare value is most likely meant for, where a kind has several and needs none."""
NORMS = ("batch_norm", "instance_norm", "layer_norm")
"""Kinds that take the number of channels elsewhere."""


BATCHES = (None, -1, "N", "B", "batch", "batch_size", "None", "?")
"""First sizes of a shape that begins with the batch."""
OPERATORS = {"^": "**", "&&": "and", "||": "or", "!": "not ", "int(": "floor("}
"""Operators of expressions, by what they are called elsewhere."""


def value_advice(text: str, *, takes_list: bool) -> str:
    """What to write for a text that is no value; nothing where it is like nothing of another tool."""
    if takes_list and re.fullmatch(r"\s*\d+(\s*[xX]\s*\d+)+\s*", text):
        numbers = re.findall(r"\d+", text)
        return f"write [{', '.join(numbers)}]"
    percent = re.fullmatch(r"(\d+)%", text)
    if percent:
        return f"write {int(percent[1]) / 100:g}"
    bare = re.sub(r"\$?\{+\s*(\w+)\s*\}+|\$(\w+)", lambda match: match[1] or match[2], text)
    if bare != text:
        return f"names of values stand bare: write {bare}"
    for sign, own in OPERATORS.items():
        text = text.replace(sign, own) if sign != "!" else re.sub(r"!(?!=)\s*", own, text)
    return f"write {text}" if text != bare else ""


@lru_cache(maxsize=4096)
def squashed(word: str) -> str:
    """A class name as tables have it: nn.Conv2d and Conv2D are conv, Conv2DTranspose is convtranspose."""
    bare = re.sub(r"[_\s-]", "", word[:100].rpartition(".")[2]).lower()
    return re.sub(r"(?<=[a-z])[123]d(?=$|transpose)", "", bare)


def kind_named(word: str, known: Iterable[str]) -> str:
    """The kind or block that a word of another framework names, or ours in other letters; nothing if there is none."""
    squashed_names = {squashed(name): name for name in known}
    meant = squashed(word)
    name = squashed_names.get(meant) or KINDS.get(meant, "")
    return name if name in squashed_names.values() else ""


def field_named(word: str, known: Iterable[str]) -> str:
    """The field that a word of another framework names; nothing if there is none."""
    names = [name for name in (BATCHED.get(word) or FIELDS.get(word.lower(), "")).split() if name in set(known)]
    return next((name for name in names if name != word), "")


def field_advice(owner: str, word: str, value: str, known: Iterable[str], kinds: Sequence[str]) -> str:
    """What to write for a field that `owner` does not have; nothing where no table knows it.

    `value` is what is written behind it, empty where that is long; `kinds` are all there are, none where the owner is
    no layer.
    """
    of_owner, field = NO_FIELDS.get(f"{owner}.{word}"), field_named(word, known)
    if of_owner:
        return of_owner
    if word in BATCHED and field:
        return f"write `{field}: {_without_batch(value)}`: there is no batch axis, and channels are axis 0"
    if field:
        return f"write `{field}: {value or '...'}`"
    if not kinds:
        return ""
    if word in _BEHIND:
        return _behind(value, kinds) if value else ""
    if word in NO_FIELDS:
        return NO_FIELDS[word]
    layer = kind_named(word, kinds)
    if layer:
        argument = "" if value.lower() in {"", "true", "1"} else f": {value}"
        return f"that is a layer of its own: write `- {layer}{argument}` before or behind this one"
    return ""


def _behind(value: str, kinds: Iterable[str]) -> str:
    if value.lower() in NOTHING:
        return "there is none unless it is written: leave it out"
    return f"that is a layer of its own: write `- {kind_named(value, kinds) or value}` behind this one"


def _without_batch(value: str) -> str:
    """One axis, or a list of them, counted without the batch: [0, 2, 3, 1] is [1, 2, 0]."""
    if value.isdecimal():
        return str(max(int(value) - 1, 0))
    if not re.fullmatch(r"\[-?\d+(, *-?\d+)*\]", value):
        return value or "..."
    axes = [int(axis) for axis in re.findall(r"-?\d+", value)]
    return str([axis - (axis > 0) for axis in axes if axis])
