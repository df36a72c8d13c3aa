"""How PyTorch code calls what a layer does, which decides what most tools count of it.

A spec says it in `code`, by kind, or by a layer's name or a pattern of names; of entries that fit the last holds:

    code: {relu: F.relu, global_avg_pool: x.mean, "stage1.*.norm": LayerNorm2d(nn.LayerNorm), "gate.*": nn.Linear}

A call is ``nn.NAME``, a module of exactly that class, or ``nn``, of the kind's own; ``F.NAME`` or ``torch.NAME``, a
function; ``x.NAME``, a method of a tensor; one of the operators ``+ - * / @ **``; or ``NAME(nn.NAME)``, a subclass of a
module. What is not said there is taken as a module of the kind's own class, or as what a person would write where
PyTorch has no module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from convcalc import steps
from convcalc.language.source import Diagnostic, Source
from convcalc.language.suggestions import did_you_mean
from convcalc.language.tree import Mapping as MappingNode
from convcalc.language.tree import Node, Scalar, described
from convcalc.language.values import ValueReader
from convcalc.layers import names as kind_names
from convcalc.network import Network

SPACES = ("nn", "F", "torch", "x", "operator", "subclass")
"""How code calls what a layer does: as a module, a function, a tensor's method, an operator, or a module's subclass."""

CALL = r"nn|(nn|F|torch|x)\.[A-Za-z_][A-Za-z0-9_.]*|\+|-|\*\*|\*|/|@|[A-Za-z_][A-Za-z0-9_]*\(nn\.[A-Za-z0-9_]+\)"
"""The form of a call, as a regular expression."""
EXPECTED = "expected what is called, as nn.ReLU, F.relu, x.mean, '+' or LayerNorm2d(nn.LayerNorm)"
_PATTERN_SIGNS = frozenset("*?[")
_MATCHES_IN_STEP = 2
_LONGEST = 200
"""Characters of a call."""


def is_call(text: str) -> bool:
    """Whether a text has the form of what code calls."""
    return len(text) <= _LONGEST and re.fullmatch(CALL, text) is not None


def space_of(call: str) -> str:
    """The space of a call, one of `SPACES`; that of a module where it is none."""
    if call.endswith(")"):
        return "subclass"
    space = call.partition(".")[0]
    return space if space in SPACES else "operator" if is_call(call) else "nn"


# ---- as it is written --------------------------------------------------------------------------------------------


def code(reader: ValueReader, node: Node) -> dict[str, tuple[Scalar, str]]:
    """What is written, each with its key; what cannot be read is reported and left out."""
    if not isinstance(node, MappingNode):
        message = f"code: expected a mapping from kinds or layers to calls, found {described(node)}"
        reader.problem("CC011", node, message, "code: {relu: F.relu}")
        return {}
    calls = {}
    for key, value in node.entries:
        written = _call(reader, str(key.value), value)
        if written is not None:
            calls[str(key.value)] = key, written
    return calls


def _call(reader: ValueReader, key: str, node: Node) -> str | None:
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        reader.problem("CC011", node, f"code: {key}: {EXPECTED}; found {described(node)}")
        return None
    from convcalc.language.misspelt_calls import advice

    meant = advice(node.value)
    if meant and is_call(node.value):
        reader.problem("CC011", node, f"code: {key}: there is no call `{node.value}`", meant)
        return None
    if not is_call(node.value):
        reader.problem("CC011", node, f"code: {key}: {EXPECTED}; found {described(node)}", meant)
        return None
    return node.value


# ---- of a network ------------------------------------------------------------------------------------------------


def entries_of(network: Network) -> list[str | None]:
    """For each layer the key of the entry of `code` that holds for it, None where none does."""
    return [max(fitting, default=(0, None))[1] for fitting in _fitting(network)]


def calls_said(network: Network) -> list[str | None]:
    """For each layer what `code` says that is called, None where it says nothing."""
    return [None if key is None else network.code[key] for key in entries_of(network)]


def _fitting(network: Network) -> Iterator[list[tuple[int, str]]]:
    """For each layer the entries that fit it, each with its place.

    A key is a kind, a name, or a pattern as everywhere: ``*`` for any characters, dots among them, ``?`` for one,
    ``[ab]`` for one of some. What is repeated has the name with the number of the repetition, and the one without it.
    """
    places = {key: place for place, key in enumerate(network.code, 1)}
    if not places:
        yield from ([] for _ in network.layers)
        return
    patterns = [(place, key) for key, place in places.items() if _PATTERN_SIGNS.intersection(key)]
    repeated = {group.name for group in network.groups if group.times is not None}
    for node in network.layers:
        steps.spend(1 + len(patterns) // _MATCHES_IN_STEP)
        around, _, _ = node.name.rpartition(".")
        names = [node.name, around] if around in repeated else [node.name]
        fitting = [(places[name], name) for name in (node.kind, *names) if name in places]
        fitting += [entry for entry in patterns if any(fnmatchcase(name, entry[1]) for name in names)]
        yield fitting


def without_layers(network: Network) -> dict[str, str]:
    """The keys of `code` that hold for no layer, each with that of the entries behind it that hold instead, or ""."""
    fitting = list(_fitting(network))
    holding = {max(entries)[1] for entries in fitting if entries}
    instead = {key: max(entries)[1] for entries in fitting for _, key in entries}
    return {key: instead.get(key, "") for key in network.code if key not in holding}


def unused_entries(source: Source, network: Network, keys: Mapping[str, Scalar]) -> Iterator[Diagnostic]:
    """CC119: entries of `code` that change nothing."""
    for name, later in without_layers(network).items():
        message, advice = _nothing(network, name, later)
        key = keys[name]
        yield source.diagnostic("CC119", key.start, key.end, f"code: {message}", advice, "warning")


def _nothing(network: Network, name: str, later: str) -> tuple[str, str]:
    """Why an entry changes nothing, and what to do."""
    if later:
        return (
            f"what `{name}` says is never so: entries below it, such as `{later}`, hold for all these layers",
            "of entries that fit, the last holds: write the general ones first",
        )
    if name in kind_names():
        return f"no layer is of the kind {name}", "remove the entry"
    group = next((group for group in network.groups if name in (group.name, group.kind)), None)
    if group is not None:
        first = next((node.name for node in network.nodes[group.first : group.last]), f"{group.name}.*")
        return f"`{name}` is a block, and no layer", f"name the layers in it, as {first}, or all of a form: *.conv1"
    layers = {node.name for node in network.layers}
    advice = did_you_mean(name, [*{node.kind for node in network.layers}, *layers])
    what = "no name fits" if _PATTERN_SIGNS.intersection(name) else "no kind or layer is named"
    return f"{what} `{name}`", advice or "`convcalc analyze --expand` prints the names of layers; * stands for any"
