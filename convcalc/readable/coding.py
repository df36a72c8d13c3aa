"""What the code of a program calls for its layers, as the `code` of a spec: by kind, pattern of names, or name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import msgspec

from convcalc import steps
from convcalc.counters.calls import usual_call
from convcalc.imports.record import Imported
from convcalc.language.writing import name_text
from convcalc.readable.layout import mapping

_MOST_TEXT, _MOST_SOURCES = 50_000, 40
"""Characters of names among which patterns are looked for, and of how many names these are made."""

_MOST_PATTERNS = 16
"""Of a name."""

_MOST_STARS = 2
"""Of a pattern: what more of them fit takes long to say, and is no easier to read than the names."""


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
            if layer.name not in by_kind and layer.call != (most if kind in code else layer.usual):
                apart.setdefault(layer.call, []).append(layer)
    for layer in layers:
        if layer.name in by_kind and layer.name != layer.kind:  # a name that by itself would mean a kind
            code[f"*{layer.name}"] = layer.call
            for other in layers:
                if other.name.endswith(layer.name) and other.call != layer.call and other.name not in by_kind:
                    alike = apart.setdefault(other.call, [])
                    alike += [other] if other not in alike else []
    searched = layers if patterns and sum(len(layer.name) for layer in layers) <= _MOST_TEXT else ()
    for call, some in apart.items():
        by_pattern = _by_pattern(call, some, searched, 1 + _MOST_SOURCES // len(apart))
        named = {layer.name: None for layer in some if not any(layer.name in names for names in by_pattern.values())}
        code |= dict.fromkeys(by_pattern, call)
        code |= dict.fromkeys(named, call)
    return code


def _most(kind: str, alike: Sequence[NamedCall]) -> str:
    """The call of most layers of a kind; where a layer is named as the kind is, its own, as both are one key."""
    namesake = next((layer.call for layer in alike if layer.name == kind), None)
    return namesake or Counter(layer.call for layer in alike).most_common(1)[0][0]


def _by_pattern(call: str, some: Sequence[NamedCall], layers: Sequence[NamedCall], most: int) -> dict[str, set[str]]:
    """Patterns with the names of these layers that they fit, several each, and of no layer that is called otherwise."""
    left = dict.fromkeys(layer.name for layer in some)
    own, other = "\n".join(left), "\n".join(layer.name for layer in layers if layer.call != call)
    sources = list(left)[:most] if layers else []
    candidates = {pattern for name in sources for pattern in islice(_patterns(name), _MOST_PATTERNS)}
    fitting: dict[str, set[str]] = {}
    for pattern in sorted(candidates, key=lambda pattern: (pattern.count("*"), -len(pattern), pattern)):
        steps.spend(2 + len(layers) // 4)
        compiled = re.compile(f"^{'.*'.join(map(re.escape, pattern.split('*')))}$", re.MULTILINE)
        names = set(compiled.findall(own))
        if len(names) > 1 and not compiled.search(other):
            fitting[pattern] = names
    chosen: dict[str, set[str]] = {}
    while fitting:
        pattern = max(fitting, key=lambda pattern: len(fitting[pattern] & left.keys()))
        covered = fitting.pop(pattern) & left.keys()
        if len(covered) < 2:
            break
        chosen[pattern] = covered
        left = {name: None for name in left if name not in covered}
    return chosen


def _patterns(name: str) -> Iterator[str]:
    """Patterns that fit a name: its beginning, its end, both, or all but its numbers."""
    patterns = [re.sub(r"\d+", "*", name), "{}.*.{}".format(name.partition(".")[0], name.rpartition(".")[2])]
    for sign in re.finditer(r"[._]", name):
        patterns += [f"*{name[sign.start() :]}", f"{name[: sign.end()]}*"]
    for digits in re.finditer(r"\d+", name):
        patterns.append(f"{name[: digits.start()]}*{name[digits.end() :]}")
    for pattern in patterns:
        if 0 < pattern.count("*") <= _MOST_STARS:
            yield pattern


def code_lines(code: Mapping[str, str]) -> list[str]:
    """The lines of a spec that say it."""
    texts = {_key_text(key): call if call[0].isalpha() else f'"{call}"' for key, call in code.items()}
    return mapping(0, "code", texts) if code else []


def _key_text(key: str) -> str:
    return name_text(key) if "*" not in key else f'"{key}"'


def is_said(imported: Imported) -> bool:
    """Whether the file says of any layer that it is called otherwise than as usual."""
    return any(layer.call for layer in imported.layers)
