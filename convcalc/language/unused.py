"""Names that a spec gives and nothing uses: parameters of blocks, variables, blocks.

A name is used where an expression has it: in a field, `when`, `repeat` or a shape, in a default that is used, or in the
value of a variable that is. A block that nothing calls counts for what it uses all the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from convcalc import steps
from convcalc.language.settings import Settings
from convcalc.language.source import Diagnostic, Source
from convcalc.language.template import Block, CompiledLayer
from convcalc.language.tree import Scalar


def unused_parameters(source: Source, blocks: Mapping[str, Block]) -> Iterator[Diagnostic]:
    """CC113: parameters that no layer and no default of their block has."""
    for block in blocks.values():
        for name, key in block.keys.items():
            if (True, name) not in block.used:
                message = f"block {block.name} does not use its parameter `{name}`: what a call gives changes nothing"
                advice = _where_it_may_belong(block, name) or "write it where it is meant, or remove it"
                yield source.diagnostic("CC113", key.start, key.end, message, advice, "warning")


def _where_it_may_belong(block: Block, name: str) -> str:
    """The first layer with a field of that name that is not written."""
    for layer in _layers_in(block.layers):
        if not steps.afford(1):
            return ""
        if name in layer.types() and name not in layer.fields:
            return f"{layer.kind_name} in line {layer.line} has a field of that name: write `{name}: {name}` there"
    return ""


def _layers_in(layers: list[CompiledLayer]) -> Iterator[CompiledLayer]:
    for layer in layers:
        yield layer
        for branch in layer.branches or []:
            yield from _layers_in(branch)


def unused_variables(
    source: Source, settings: Settings, blocks: Collection[Block], given: Mapping[str, object]
) -> Iterator[Diagnostic]:
    """CC114: variables that change nothing; of one that is given a value from outside, that value is what is marked."""
    waiting = [*settings.compiler.used, *(name for block in blocks for own, name in block.used if not own)]
    used: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in used:
            used.add(name)
            waiting += settings.rests_on.get(name, ())
    for name, key in settings.keys.items():
        if name in used:
            continue
        message = f"no layer, block or shape uses the variable `{name}`: its value changes nothing"
        if name in given:
            place = Source("--set", f"{name}={given[name]}")
            yield place.diagnostic("CC114", 0, len(name), message, "", "warning")
        else:
            advice = "write it in an expression where it is meant, or remove it"
            yield source.diagnostic("CC114", key.start, key.end, message, advice, "warning")


def uncalled_blocks(source: Source, keys: Mapping[str, Scalar], called: Collection[str]) -> Iterator[Diagnostic]:
    """CC115: blocks that neither a layer of the spec nor one of another block is."""
    for name, key in keys.items():
        if name not in called:
            message = f"nothing calls block {name}"
            advice = "write a layer of that name, or remove it; `compare --variant` can put it in place of convolutions"
            yield source.diagnostic("CC115", key.start, key.end, message, advice, "info")
