"""What the code of a program calls for its layers, as the `code` of a spec: by kind, pattern of names, or name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from convcalc import steps
from convcalc.counters.calls import usual_call
from convcalc.imports.record import Imported
from convcalc.language.writing import name_text
from convcalc.readable.layout import mapping

_MOST_NAMES = 2_000
"""Layers among whose names patterns are looked for."""


class NamedCall(msgspec.Struct, frozen=True):
    """A layer as a text has it: its name and kind, how it is called, and how it would be where nothing says so."""

    name: str
    kind: str
    call: str
    usual: str


def named_calls(imported: Imported, names: Sequence[str]) -> list[NamedCall]:
    """How each layer is called, by the name that it has in a text."""
    shapes = {**imported.inputs, **{layer.name: layer.shape for layer in imported.layers}}
    named = []
    for layer, name in zip(imported.layers, names, strict=True):
        usual = usual_call(layer.kind, [shapes[source] for source in layer.inputs])
        named.append(NamedCall(name, layer.kind, layer.call or usual, usual))
    return named


def code_of(layers: Sequence[NamedCall], *, patterns: bool = False) -> dict[str, str]:
    """The entries of `code`, of which the last that fits a layer holds; empty where every layer is called as usual.

    Of each kind the call of most of its layers stands first. What differs follows by name, or with `patterns` by those
    patterns of names which say it shorter.
    """
    by_kind: dict[str, list[NamedCall]] = {}
    for layer in layers:
        by_kind.setdefault(layer.kind, []).append(layer)
    code: dict[str, str] = {}
    apart: dict[str, list[NamedCall]] = {}
    for kind, alike in by_kind.items():
        if all(layer.call == layer.usual for layer in alike):
            continue
        most = _most(kind, alike)
        if any(layer.usual != most for layer in alike):
            code[kind] = most
        for layer in alike:
            if layer.call != (most if kind in code else layer.usual):
                apart.setdefault(layer.call, []).append(layer)
    searched = layers if patterns and len(layers) <= _MOST_NAMES else ()
    for call, some in apart.items():
        code |= dict.fromkeys(_keys(call, some, searched, by_kind), call)
    return code


def _most(kind: str, alike: Sequence[NamedCall]) -> str:
    """The call of most layers of a kind; where a layer is named as the kind is, its own, as both are one key."""
    namesake = next((layer.call for layer in alike if layer.name == kind), None)
    return namesake or Counter(layer.call for layer in alike).most_common(1)[0][0]


def _keys(
    call: str, some: Sequence[NamedCall], layers: Sequence[NamedCall], kinds: Mapping[str, object]
) -> Iterator[str]:
    """Names and patterns that fit these layers, and none that is called otherwise."""
    left = {layer.name: None for layer in some}
    other = "\n".join(layer.name for layer in layers if layer.call != call)
    own = "\n".join(left)
    candidates = {pattern for name in left for pattern in _patterns(name)} if layers else set()
    fitting: dict[str, set[str]] = {}
    for pattern in sorted(candidates, key=lambda pattern: (pattern.count("*"), -len(pattern), pattern)):
        steps.spend(2 + len(layers) // 8)
        compiled = re.compile(f"^{'.*'.join(map(re.escape, pattern.split('*')))}$", re.MULTILINE)
        names = set(compiled.findall(own))
        if len(names) > 1 and not compiled.search(other):
            fitting[pattern] = names
    while left:
        pattern = max(fitting, key=lambda pattern: len(fitting[pattern] & left.keys()), default="")
        covered = fitting.get(pattern, set()) & left.keys()
        if len(covered) > 1:
            yield pattern
        else:
            covered = {next(iter(left))}
            yield from (name if name not in kinds else f"*{name}" for name in covered)
        left = {name: None for name in left if name not in covered}


def _patterns(name: str) -> Iterator[str]:
    """Patterns that fit a name: its beginning, its end, both, or all but its numbers."""
    for sign in re.finditer(r"[._]", name):
        yield f"*{name[sign.start() :]}"
        yield f"{name[: sign.end()]}*"
    for digits in re.finditer(r"\d+", name):
        yield f"{name[: digits.start()]}*{name[digits.end() :]}"
    yield re.sub(r"\d+", "*", name)
    first, _, last = name.partition(".")
    yield f"{first}.*.{last.rpartition('.')[2]}"


def code_lines(code: Mapping[str, str]) -> list[str]:
    """The lines of a spec that say it."""
    texts = {_key_text(key): call if call[0].isalpha() else f'"{call}"' for key, call in code.items()}
    return mapping(0, "code", texts) if code else []


def _key_text(key: str) -> str:
    return name_text(key) if "*" not in key else f'"{key}"'


def is_said(imported: Imported) -> bool:
    """Whether the file says of any layer that it is called otherwise than as usual."""
    return any(layer.call for layer in imported.layers)
