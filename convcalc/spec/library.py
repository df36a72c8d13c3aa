"""Where kinds and blocks are found by name: kinds in `convcalc.layers`, blocks in the folder `convcalc/blocks`.

A shipped block is a file in the spec language: ``about``, ``parameters``, ``layers``. It can do nothing that a
user's own block cannot.
"""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

from convcalc import layers
from convcalc.spec.elsewhere import field_advice
from convcalc.spec.expressions import is_name
from convcalc.spec.forms import under_own_names
from convcalc.spec.source import Source
from convcalc.spec.template import COMMON, IN_LAYER, Block, Compiler, Scope
from convcalc.spec.tree import Mapping, Node, Scalar, described, parse
from convcalc.spec.values import Value

LONGEST_NAME = 100
"""Characters of a block's name; file systems have limits of their own."""

FIELDS = ("about", "parameters", "layers")

FOLDER = Path(__file__).parent.parent / "blocks"


def block_names() -> list[str]:
    """Every shipped block, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def names() -> list[str]:
    """Every kind and every shipped block."""
    return [*layers.names(), *block_names()]


@cache
def block_source(name: str) -> Source | None:
    """The text of a shipped block, None if there is none of that name."""
    path = FOLDER / f"{name}.yaml"
    if not name.isidentifier() or len(name) > LONGEST_NAME or not path.is_file():
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
    parsed = parse(source)
    problems = list(parsed.problems)
    compiler = Compiler(source, layers.load, block, names)
    found = Block(name, source)
    if parsed.root is not None:
        define(found, parsed.root, compiler, [])
        fill(found, parsed.root, compiler)
    problems += compiler.problems
    if problems:
        raise AssertionError([(p.line, p.message) for p in problems])
    return found


def define(block_: Block, node: Node, compiler: Compiler, variables: list[str]) -> None:
    """Fill in a block from its definition: `about`, `parameters` (with defaults, or ``required``), `layers`."""
    if not isinstance(node, Mapping):
        message = f"block {block_.name}: expected a mapping with `layers`, found {described(node)}"
        compiler.problem("CC011", node, message, f"{block_.name}: {{layers: [...]}}")
        return
    block_.variables = frozenset(variables)
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
    parameters = node.find("parameters")
    if parameters is not None:
        _parameters(block_, parameters, compiler)
    if node.find("layers") is None:
        compiler.problem("CC012", node, f"block {block_.name} needs `layers`")


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
        default: Value | None = None
        if not (isinstance(value, Scalar) and value.value == "required"):
            default, names_used = compiler.uses_of(partial(compiler.value, value, known, None, name))
            block_.uses(names_used)
        block_.parameters[name], block_.keys[name] = default, key
        known.add(name)


def fill(block_: Block, node: Node, compiler: Compiler) -> None:
    """Read a block's layers, once all blocks and their parameters are known."""
    body = under_own_names(node, FIELDS).find("layers") if isinstance(node, Mapping) else None
    if body is not None:
        scope = Scope([*block_.variables, *block_.parameters])
        block_.layers, names_used = compiler.uses_of(partial(compiler.sequence, body, scope))
        block_.uses(names_used)
