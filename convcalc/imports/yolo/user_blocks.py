"""Modules that a person defines: blocks of a spec, named as the module is in the file.

The arguments of a row are the parameters of the block, in the order in which these are written. Two parameters are more
than that: `out_channels` is scaled by the width of the model, as output channels of known modules are, and `repeats` is
no argument but the number of the row, which otherwise says how often the block stands in a row.
"""

from __future__ import annotations

from typing import Any

from convcalc.fields import shown
from convcalc.imports.drafts import Draft
from convcalc.imports.errors import CannotImport, plain
from convcalc.imports.yolo.place import At
from convcalc.language import loads
from convcalc.language.parsing import parse
from convcalc.language.source import Source, SpecError
from convcalc.language.source import read as read_text
from convcalc.language.tree import Mapping, Node, Scalar, entries_of
from convcalc.language.writing import value_text
from convcalc.layers import field_types, kind_of
from convcalc.network import Network

REPEATS, SCALED = "repeats", "out_channels"


class UserBlocks:
    """The blocks of a file, by name."""

    def __init__(self, path: str) -> None:
        """Raises CannotImport where the file is none with blocks."""
        self.path = path
        try:
            self.source = read_text(path)
        except SpecError as error:
            raise CannotImport(f"--blocks {plain(path)}: {error.problems[0].message}") from None
        parsed = parse(self.source)
        if parsed.problems:
            problem = parsed.problems[0]
            raise CannotImport(f"--blocks {plain(path)}, line {problem.line}: {problem.message}")
        root = parsed.root if isinstance(parsed.root, Mapping) else None
        self.definitions = {str(key.value): node for key, node in entries_of(root and root.find("blocks"))}
        if root is None or not self.definitions:
            raise CannotImport(f"--blocks {plain(path)}: expected a spec with `blocks`, and found none")
        self.text = "\n".join(self._written(key, node) for key, node in root.entries if key.value in _KEPT)

    def _written(self, key: Scalar, node: Node) -> str:
        """A field of the spec as it stands there, from the beginning of its line."""
        line = self.source.text.rfind("\n", 0, key.start) + 1
        start = key.start if self.source.text[line : key.start].strip() else line
        return self.source.text[start : node.end]

    def parameters(self, name: str) -> list[str]:
        """What a block is told, in order."""
        definition = self.definitions[name]
        stated = definition.find("parameters") if isinstance(definition, Mapping) else None
        return [str(key.value) for key, _ in entries_of(stated)]

    def built(self, at: At, name: str, drafts: list[Draft], arguments: list[Any], repeats: int) -> Draft | list[Draft]:
        """What leaves the block for these tensors and arguments."""
        names = self.parameters(name)
        taken = [parameter for parameter in names if parameter != REPEATS]
        if len(arguments) > len(taken):
            expected = ", ".join(taken) or "none"
            raise CannotImport(f"the block takes {expected}, found {len(arguments)} arguments")
        given = dict(zip(taken, arguments, strict=False))
        if isinstance(given.get(SCALED), int) and not isinstance(given[SCALED], bool):
            given[SCALED] = at.model.scaled(given[SCALED])
        if REPEATS in names:
            return self._copied(at, self._network(name, drafts, {**given, REPEATS: repeats}), drafts)
        for place in range(repeats):
            inner = at / place if repeats > 1 else at
            leaving = self._copied(inner, self._network(name, drafts, given), drafts)
            drafts = leaving if isinstance(leaving, list) else [leaving]
        return leaving

    def _network(self, name: str, drafts: list[Draft], given: dict[str, Any]) -> Network:
        """The block alone as a network."""
        inputs = {f"x{place}": draft.shape for place, draft in enumerate(drafts)}
        fields = {key: _text(value) for key, value in given.items() if value is not None}
        fields["from"] = f"[{', '.join(inputs)}]"
        sizes = ", ".join(f"{key}: {value_text(shape)}" for key, shape in inputs.items())
        body = ", ".join(f"{key}: {value}" for key, value in fields.items())
        text = f"{self.text}\ninputs: {{{sizes}}}\nlayers: [{{{_text(name)}: {{{body}}}}}]\n"
        try:
            return loads(Source(self.path, text))
        except SpecError as error:
            problem = error.problems[0]
            raise CannotImport(f"the block in {plain(self.path)}, line {problem.line}: {problem.message}") from None

    @staticmethod
    def _copied(at: At, network: Network, drafts: list[Draft]) -> Draft | list[Draft]:
        """The layers of the network, with the drafts that enter in place of its inputs."""
        made = list(drafts)
        for node in network.layers:
            owner = network.nodes[node.shared] if node.shared is not None else node
            if node.borrowed:
                raise CannotImport(f"layer {node.name} of the block uses single arrays of another, which is not read")
            fields = {name: getattr(node.config, name) for name in field_types(kind_of(node.kind))}
            inner = at / owner.name.partition(".")[2] if "." in owner.name else at
            made.append(inner.layer(node.kind, fields, *(made[source] for source in node.inputs)))
        leaving = [made[place] for place in network.outputs]
        return leaving if len(leaving) > 1 else leaving[0]


_KEPT = ("variables", "blocks")


def _text(value: Any) -> str:
    """An argument as a spec has it; what is no number, flag or word is refused."""
    if isinstance(value, str):
        if not value.isprintable() or len(value) > 200 or '"' in value or "\\" in value:
            raise CannotImport(f"the argument {shown(value)} is no word that a block takes")
        return f'"{value}"'
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, dict):
        raise CannotImport("an argument that is a mapping is nothing that a block takes")
    return value_text(value)
