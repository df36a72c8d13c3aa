"""Where kinds and blocks are found by name: kinds in `convcalc.layers`, blocks in the folder `convcalc/blocks`.

A shipped block is a file in the spec language: ``about``, ``parameters``, ``layers``. It can do nothing that a
user's own block cannot.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Sequence_
from functools import cache, partial
from pathlib import Path

from convcalc import layers, steps
from convcalc.language.build import DEEPEST_BLOCKS
from convcalc.language.elsewhere import field_advice
from convcalc.language.expressions import is_name
from convcalc.language.forms import under_own_names
from convcalc.language.labels import is_computed
from convcalc.language.parsing import parse
from convcalc.language.source import Source
from convcalc.language.template import (
    IN_LAYER,
    LEGAL_NAME,
    NAMES_IN_STEP,
    Block,
    CompiledLayer,
    Compiler,
    InReach,
    is_legal_name,
)
from convcalc.language.tree import Mapping, Node, Scalar, Sequence, described
from convcalc.language.values import CompiledValue
from convcalc.language.written import COMMON

_LONGEST_NAME = 100
"""Characters of a block's name; file systems have limits of their own."""

FIELDS = ("about", "inputs", "parameters", "layers")

FOLDER = Path(__file__).parent.parent / "blocks"


@cache
def block_names() -> tuple[str, ...]:
    """The names of the blocks that ship with convcalc, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def names() -> list[str]:
    """Every kind and every shipped block."""
    return [*layers.names(), *block_names()]


@cache
def block_source(name: str) -> Source | None:
    """The text of a shipped block, None if there is none of that name."""
    path = FOLDER / f"{name}.yaml"
    if not name.isidentifier() or len(name) > _LONGEST_NAME or not path.is_file():
        return None
    return Source(f"{name} (shipped block)", path.read_text("utf-8"), shipped=True)


@cache
def block(name: str) -> Block | None:
    """A shipped block, read when it is first used; None if there is none of that name.

    Raises:
        AssertionError: a file in the folder is not a block; a test reads them all.
    """
    source = block_source(name)
    if source is None:
        return None
    shipped = Block(name, source)
    with steps.run():  # whoever comes first does not pay for it
        parsed = parse(source)
        problems = list(parsed.problems)
        compiler = Compiler(source, block, names)
        if parsed.root is not None:
            _define(shipped, parsed.root, compiler)
            fill(shipped, parsed.root, compiler)
    problems += compiler.problems
    if problems:
        raise AssertionError([(p.line, p.message) for p in problems])
    return shipped


def read_blocks(
    entries: Sequence_[tuple[Scalar, Node]],
    blocks: dict[str, Block],
    compiler: Compiler,
    variables: frozenset[str] = frozenset(),
) -> dict[str, Scalar]:
    """Read definitions of blocks into `blocks`, where `compiler` looks them up; returns their keys by name."""
    keys: dict[str, Scalar] = {}
    for key, definition in entries:
        name = str(key.value)
        if layers.load(name) is not None:
            compiler.problem("CC011", key, f"blocks: `{name}` is the name of a layer kind")
            continue
        compiler.place = key.start
        if not name.isprintable():
            compiler.problem("CC011", key, f"blocks: expected a name without control characters, found {name!r}")
        blocks[name], keys[name] = Block(name, compiler.source), key
        _define(blocks[name], definition, compiler, variables)
    for key, definition in entries:
        if str(key.value) in keys:
            compiler.place = key.start
            fill(blocks[str(key.value)], definition, compiler)
    _refuse_cycles(blocks, keys, compiler)
    return keys


def _refuse_cycles(blocks: dict[str, Block], keys: dict[str, Scalar], compiler: Compiler) -> None:
    """A block that contains itself, however far down, is emptied, so that building it ends."""
    done: set[str] = set()

    def visit(block: Block, path: tuple[str, ...]) -> None:
        if block.name in path:
            chain = " -> ".join([*path[path.index(block.name) :], block.name])
            compiler.problem("CC013", keys[block.name], f"block {block.name} contains itself: {chain}")
            block.layers = []
        elif len(path) > DEEPEST_BLOCKS:
            limit = f"block {block.name} stands in blocks more than {DEEPEST_BLOCKS} deep"
            compiler.problem("CC008", keys[block.name], limit)
            block.layers = []
        elif block.name not in done and block.name in keys:
            for inner in _blocks_in(block.layers):
                visit(inner, (*path, block.name))
            done.add(block.name)

    for block in list(blocks.values()):
        visit(block, ())


def _blocks_in(layers_: list[CompiledLayer]) -> list[Block]:
    blocks = [layer.block for layer in layers_ if layer.block is not None]
    for layer in layers_:
        for branch in layer.branches or []:
            blocks += _blocks_in(branch)
    return blocks


def _define(block_: Block, node: Node, compiler: Compiler, variables: frozenset[str] = frozenset()) -> None:
    """Fill in a block from its definition: `about`, `inputs`, `parameters` (defaults, or ``required``), `layers`."""
    if not isinstance(node, Mapping):
        message = f"block {block_.name}: expected a mapping with `layers`, found {described(node)}"
        compiler.problem("CC011", node, message, f"{block_.name}: {{layers: [...]}}")
        return
    steps.spend(len(variables) // NAMES_IN_STEP)
    block_.variables = variables
    for key, value in node.entries:
        if key.value == "about":
            if isinstance(value, Scalar):
                block_.about = str(value.value)
            else:
                compiler.problem("CC011", value, f"about: expected a text, found {described(value)}")
        elif key.value not in FIELDS:
            advice = field_advice("block", str(key.value), "", FIELDS, ()) or f"it has {', '.join(FIELDS)}"
            compiler.problem("CC010", key, f"block {block_.name} has no field `{key.value}`", advice)
    node = under_own_names(node, FIELDS)
    inputs, parameters = node.find("inputs"), node.find("parameters")
    if inputs is not None:
        _inputs(block_, inputs, compiler)
    if parameters is not None:
        _parameters(block_, parameters, compiler)
    if node.find("layers") is None:
        compiler.problem("CC012", node, f"block {block_.name} needs `layers`")


def is_input_name(name: str) -> bool:
    """Whether a tensor that enters a network or a block may be called so."""
    return name == "input" or (is_legal_name(name) and not is_computed(name))


def _inputs(block_: Block, node: Node, compiler: Compiler) -> None:
    items = node.items if isinstance(node, Sequence) else []
    names: set[str] = set()
    if not items:
        message = f"inputs: expected the names of what enters, as [x, skip], found {described(node)}"
        compiler.problem("CC011", node, message)
    for item in items:
        name = item.value if isinstance(item, Scalar) else None
        if not isinstance(name, str) or not is_input_name(name):
            compiler.problem("CC011", item, f"inputs: expected {LEGAL_NAME}, found {described(item)}")
        elif name in names:
            compiler.problem("CC002", item, f"inputs: the name `{name}` is given twice")
        else:
            names.add(name)
            block_.inputs.append(name)


def _parameters(block_: Block, node: Node, compiler: Compiler) -> None:
    if not isinstance(node, Mapping):
        message = f"parameters: expected a mapping from names to defaults, or to `required`, found {described(node)}"
        compiler.problem("CC011", node, message, "parameters: {channels: required, stride: 1}")
        return
    known = {*block_.variables, *IN_LAYER}
    for key, value in node.entries:
        name = str(key.value)
        if not is_name(name) or name in {*IN_LAYER, *COMMON, "index"}:
            compiler.problem("CC011", key, f"parameters: `{name}` cannot be the name of a parameter")
            continue
        default: CompiledValue | None = None
        if not (isinstance(value, Scalar) and value.value == "required"):
            default, names_used = compiler.uses_of(partial(compiler.value, value, known, None, name))
            block_.uses(names_used)
        block_.parameters[name], block_.types[name], block_.keys[name] = default, None, key
        known.add(name)


def fill(block_: Block, node: Node, compiler: Compiler) -> None:
    """Read a block's layers, once all blocks and their parameters are known."""
    body = under_own_names(node, FIELDS).find("layers") if isinstance(node, Mapping) else None
    if body is not None:
        steps.spend((len(block_.variables) + len(block_.parameters)) // NAMES_IN_STEP)
        scope = InReach([*block_.variables, *block_.parameters], block_.inputs)
        block_.layers, names_used = compiler.uses_of(partial(compiler.sequence, body, scope))
        block_.uses(names_used)
        _refuse_unused(block_, node, compiler)


def _refuse_unused(block_: Block, node: Node, compiler: Compiler) -> None:
    """An input that no layer of the block starts from or names: the block would be called with one too many."""
    written = node.find("inputs") if isinstance(node, Mapping) else None
    if not block_.inputs or not isinstance(written, Sequence):
        return
    named = set(_named_tensors(block_.layers))
    if any(map(is_computed, named)):
        return  # it may be any
    first = block_.layers[0] if block_.layers else None
    if first is None or first.broken or first.sources is None or "previous" in named:
        named.add(block_.inputs[0])
    unused = set(block_.inputs) - named
    for item in written.items:
        if isinstance(item, Scalar) and item.value in unused:
            advice = "name it in `from`, or leave it out here and at the calls"
            message = f"block {block_.name}: no layer uses its input `{item.value}`"
            compiler.problem("CC013", item, message, advice)


def _named_tensors(layers: list[CompiledLayer]) -> Iterator[str]:
    """What the layers of a block refer to by name, as it is written."""
    for layer in layers:
        yield from (reference.name for reference in layer.sources or [])
        for value in [*layer.fields.values(), layer.repeat, layer.when]:
            yield from value.layers() if value is not None else ()
        for branch in layer.branches or []:
            yield from _named_tensors(branch)
