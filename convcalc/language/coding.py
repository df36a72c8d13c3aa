"""How PyTorch code calls what a layer does, which decides what most tools count of it.

A spec says it in `code`, by kind, or by a layer's name or a pattern of names; of entries that fit the last holds:

    code: {relu: F.relu, global_avg_pool: x.mean, "stage1.*.norm": LayerNorm2d(nn.LayerNorm), "gate.*": nn.Linear}

A call is ``nn.NAME``, a module of exactly that class; ``F.NAME`` or ``torch.NAME``, a function; ``x.NAME``, a method of
a tensor; one of the operators ``+ - * / @ **``; or ``NAME(nn.NAME)``, a subclass of a module. What is not said there is
taken as a module of the kind's own class, or as what a person would write where PyTorch has no module.
"""

from __future__ import annotations

import re

from convcalc.language.tree import Mapping, Node, Scalar, described
from convcalc.language.values import ValueReader

SPACES = ("nn", "F", "torch", "x", "operator", "subclass")
"""How code calls what a layer does: as a module, a function, a tensor's method, an operator, or a module's subclass."""

_FORM = re.compile(
    r"(?P<space>nn|F|torch|x)\.[A-Za-z_][A-Za-z0-9_.]*|(?P<operator>\+|-|\*\*|\*|/|@)|[A-Za-z_]\w*\(nn\.\w+\)"
)


def is_call(text: str) -> bool:
    """Whether a text names what code calls."""
    return _FORM.fullmatch(text) is not None


def space_of(call: str) -> str:
    """The space of a call, one of `SPACES`; that of a module where it is none."""
    form = _FORM.fullmatch(call)
    if form is None:
        return "nn"
    return form["space"] or ("operator" if form["operator"] else "subclass")


def code(reader: ValueReader, node: Node) -> dict[str, str]:
    """What is written; what cannot be read is reported and left out."""
    if not isinstance(node, Mapping):
        message = f"code: expected a mapping from kinds or layers to calls, found {described(node)}"
        reader.problem("CC011", node, message, "code: {relu: F.relu}")
        return {}
    calls = {}
    for key, value in node.entries:
        if isinstance(value, Scalar) and isinstance(value.value, str):
            calls[str(key.value)] = value.value
        else:
            reader.problem("CC011", value, f"code: expected what is called, such as F.relu, found {described(value)}")
    return calls
