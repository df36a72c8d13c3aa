"""A spec with its standard convolutions replaced, as text: comments and layout of what stays are kept.

A convolution that is written in a block is replaced there, once for all calls of the block. Where only some of the
calls are to have it replaced, these call a copy of the block; a shipped block is copied into the spec. Names stay as
they are, so that references hold: a layer that would be called otherwise gets its name written.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from convcalc import layers, steps
from convcalc.fields import shown
from convcalc.language import tree
from convcalc.language.added import added_blocks
from convcalc.language.edits import LayerChange, Layout, applied
from convcalc.language.outline import Definition, Outline, Path, Placed, Scope
from convcalc.language.padding import NoPadding, size_keeping
from convcalc.language.parsing import parse
from convcalc.language.source import Edit, Source
from convcalc.language.suggestions import did_you_mean
from convcalc.language.variants import NOT_INSIDE, Variant, exists, parameters, required
from convcalc.language.writing import quoted
from convcalc.language.written import COMMON, numbered
from convcalc.layers import Kind
from convcalc.network import Network, Node

_Suffixes = frozenset[Path]
"""Ways from within a block to the convolutions that are to be replaced there."""

_REWRITING_STEPS = 5
"""Steps that a written layer takes in a rewriting, changed or not."""
_DEFAULTS = {"stride": "1", "padding": "0", "dilation": "1", "groups": "1", "bias": "true", "padding_mode": "zeros"}
"""What a convolution has where it is not written, as a spec says it."""


class CannotApply(Exception):
    """A variant that cannot stand where it should; the message says which layer breaks and why."""


class UnknownLayer(ValueError):
    """A name or a glob that no layer has; `name` is what was asked for."""

    def __init__(self, name: str, advice: str) -> None:
        super().__init__(f"no layer is called `{name}`; {advice}")
        self.name = name


def _is_standard(node: Node) -> bool:
    """A convolution of all channels with all, with a kernel larger than 1."""
    config = node.config
    return (
        node.kind == "conv"
        and getattr(config, "groups", 0) == 1
        and any(size > 1 for size in getattr(config, "kernel_size", ()))
    )


class Rewriter:
    """Rewrites one spec, which has no mistakes; `more` are blocks from elsewhere that variants may be."""

    def __init__(self, source: Source, network: Network, more: Mapping[str, Definition]) -> None:
        self.source = source
        self.network = network
        self.more = more
        self.outline = Outline(source)
        self.ways: dict[Path, list[Node]] = {}
        self.plain: dict[str, str] = {}
        for node in network.layers:
            way = self.outline.path(node.name, network.computed)
            self.plain[node.name] = ".".join(layer.name for layer in way)
            calls = [layer for layer in way[:-1] if self.outline.block(layer.kind) is not None]
            self.ways.setdefault((*calls, way[-1]), []).append(node)
        self.reached = {layer for way in self.ways for layer in way}

    def chosen(
        self, variant: Variant, patterns: Sequence[str], excluded: Sequence[str] = ()
    ) -> tuple[dict[Path, list[Node]], tuple[str, ...]]:
        """The ways to the layers that a variant replaces, and notes on those that it does not or that come along.

        Raises:
            UnknownLayer: no layer has a name that is asked for.
        """
        closed = {*NOT_INSIDE, *self.closure(variant.target)}
        chosen, notes = {}, []
        named = set().union(*map(self._matching, patterns))
        kept = set().union(*map(self._matching, excluded))
        lenders = {self.network.nodes[owner].name for owner, _ in self.network.lent}
        for way, nodes in self.ways.items():
            wanted = [node for node in nodes if not patterns or node.name in named]
            standard = [node for node in nodes if _is_standard(node)]
            if not wanted or not standard or any(layer.kind in closed for layer in way[:-1]):
                continue
            if any(node.borrowed or node.name in lenders for node in nodes):
                notes.append(f"{standard[0].name} stays: it has an array in common with another layer")
                continue
            staying = [node for node in nodes if node.name in kept]
            if staying:
                if len(staying) < len(nodes):
                    notes.append(f"{staying[0].name} is written once for {len(nodes)} repetitions, all of which stay")
                continue
            if len(standard) < len(nodes):
                notes.append(f"{standard[0].name} stays: it is standard in some of its repetitions alone")
                continue
            if len(wanted) < len(nodes):
                once = f"{wanted[0].name} is written once for {len(nodes)} repetitions"
                notes.append(f"{once}, all of which are replaced")
            chosen[way] = nodes
        return chosen, tuple(notes)

    def _matching(self, pattern: str) -> set[str]:
        """The full names of all layers that a name or a glob stands for."""
        matching = set()
        known: set[str] = set()
        for way, nodes in self.ways.items():
            for node in nodes:
                names = {*_names(node.name, way), *_enclosing(self.plain[node.name])}
                known |= names
                if pattern in names or any(fnmatch.fnmatchcase(name, pattern) for name in names):
                    matching.add(node.name)
        if not matching:
            advice = did_you_mean(pattern, sorted(known)) or "`convcalc analyze --expand` prints the names there are"
            raise UnknownLayer(pattern, advice)
        return matching

    def closure(self, target: str) -> set[str]:
        """A block and those it is made of."""
        blocks: set[str] = set()
        waiting = [target]
        while waiting:
            name = waiting.pop()
            block = self.more.get(name) or self.outline.block(name)
            if name not in blocks and block is not None:
                blocks.add(name)
                waiting += [layer.kind for layer in block.scope.everything()]
        return blocks

    def rewritten(self, variant: Variant, chosen: Mapping[Path, list[Node]]) -> Source:
        """The spec with the chosen layers replaced; whether it makes a network is another matter.

        Raises:
            CannotApply: the variant does not have what a layer says.
        """
        steps.spend(_REWRITING_STEPS * len(self.reached))
        return self.source.with_text(_Version(self, variant, chosen).text())


def _names(name: str, way: Path) -> set[str]:
    """What a layer may be called by: its full name, what is around it, the block it is written in, its name there."""
    written = {way[-2].kind, f"{way[-2].kind}.{way[-1].name}"} if len(way) > 1 else set()
    return {*_enclosing(name), *written}


def _enclosing(name: str) -> set[str]:
    parts = name.split(".")
    return {".".join(parts[:length]) for length in range(1, len(parts) + 1)}


class _Version:
    """One rewriting: which versions of which blocks are needed, what each is called, and the text."""

    def __init__(self, rewriter: Rewriter, variant: Variant, chosen: Mapping[Path, list[Node]]) -> None:
        self.rewriter = rewriter
        self.outline = rewriter.outline
        self.variant = variant
        self.nodes: dict[Placed, list[Node]] = {}
        for way, nodes in chosen.items():
            self.nodes.setdefault(way[-1], []).extend(nodes)
        self.parameters = parameters(variant.target, self.outline, rewriter.more)
        self.replaced: _Suffixes = frozenset(way for way in chosen if self._replacement(way[-1]) != LayerChange())
        self.versions: dict[str, dict[_Suffixes, str]] = {}
        self._need(self.outline.scope, self.replaced)
        for name, versions in self.versions.items():
            self._call(name, versions)

    def _need(self, scope: Scope, suffixes: _Suffixes) -> None:
        """Note the versions of blocks that these layers call."""
        for layer in scope.everything():
            block = self.outline.block(layer.kind)
            if block is None or layer not in self.rewriter.reached:
                continue
            inside = _behind(layer, suffixes)
            versions = self.versions.setdefault(block.name, {})
            if inside not in versions:
                versions[inside] = ""
                self._need(block.scope, inside)

    def _call(self, name: str, versions: dict[_Suffixes, str]) -> None:
        """Name the versions of a block: the unchanged one, or else the first, keeps the block's own name."""
        kept = frozenset() if frozenset() in versions else next(iter(versions))
        number = 1
        for suffixes in versions:
            versions[suffixes] = name
            while suffixes != kept and (versions[suffixes] == name or self._is_taken(versions[suffixes])):
                versions[suffixes] = f"{name}_{self.variant.name}{f'_{number}' if number > 1 else ''}"
                number += 1

    def _is_taken(self, name: str) -> bool:
        called = [other for versions in self.versions.values() for other in versions.values()]
        return exists(name, self.outline, self.rewriter.more) or called.count(name) > 1

    def text(self) -> str:
        """The text of the spec with all changes."""
        changes = self._changes(self.outline.scope, self.replaced)
        added: dict[str, list[str]] = {}
        for name, versions in self.versions.items():
            block = self.outline.block(name)
            assert block is not None  # noqa: S101  # for the type checker: only blocks have versions
            for suffixes, called in versions.items():
                inside = self._changes(block.scope, suffixes)
                if called == name and name in self.outline.own:
                    changes |= inside
                elif called != name or suffixes:
                    added[called] = self._copied(block, inside)
        for name in sorted(self.rewriter.closure(self.variant.target) & set(self.rewriter.more)):
            block = self.rewriter.more[name]
            added[name] = Layout(block.source.text).entries(block.node)
        scopes = self.outline.scopes
        edits = self._edits(self.rewriter.source, scopes, changes)
        return applied(self.rewriter.source.text, [*edits, *added_blocks(self.outline, added)])

    def _copied(self, block: Definition, changes: dict[Placed, LayerChange]) -> list[str]:
        """The lines of a block's definition with changes."""
        text = applied(block.source.text, self._edits(block.source, [block.scope], changes))
        root = parse(Source(block.source.path, text)).root
        own = root.find("blocks") if isinstance(root, tree.Mapping) and not block.source.shipped else None
        node = own.find(block.name) if isinstance(own, tree.Mapping) else root
        assert isinstance(node, tree.Mapping)  # noqa: S101  # for the type checker: it was one before
        entries = [entry for entry in node.entries if entry[0].value != "about"]
        about = f"about: {quoted(f'{block.name}, {self.variant.name} where it was a standard convolution')}"
        return [about, *Layout(text).entries(tree.Mapping(entries, node.start, node.end))]

    def _edits(self, source: Source, scopes: Iterable[Scope], changes: dict[Placed, LayerChange]) -> list[Edit]:
        """The edits that make changes; what stands behind an anchor and is used twice must change alike."""
        layout = Layout(source.text)
        every = [layer for scope in scopes for layer in scope.everything()]
        known: dict[int, LayerChange] = {}
        for layer in every:
            change = changes.get(layer, LayerChange())
            if known.setdefault(layer.key.start, change) != change:
                raise _anchored(source, layer)
        for layer in every:
            if layer in changes and layer.has_own_body:
                self._refuse_shared_body(source, layer, every, changes)
        edits = [edit for layer in every if layer in changes for edit in layout.edits(layer, changes[layer])]
        return list(dict.fromkeys(edits))

    def _refuse_shared_body(
        self, source: Source, layer: Placed, every: list[Placed], changes: dict[Placed, LayerChange]
    ) -> None:
        """What is written into a body must not reach others by an alias that are not to have it."""
        change, body = changes[layer], layer.body
        touches = change.fields or change.dropped or change.name is not None
        if not touches or not isinstance(body, tree.Mapping) or "&" not in source.text[layer.key.end : body.end]:
            return
        for other in every:
            if other.key.start == layer.key.start or not any(
                body.start <= key.start < body.end for key, _ in other.fields
            ):
                continue
            its = changes.get(other, LayerChange())
            unnamed = change.name is not None and its.name is None
            if unnamed or (its.fields, its.dropped) != (change.fields, change.dropped):
                raise _anchored(source, layer)

    def _changes(self, scope: Scope, suffixes: _Suffixes) -> dict[Placed, LayerChange]:
        """What becomes of the layers of a scope, and of those within."""
        changes = {}
        for inner in scope.scopes():
            for layer in inner.layers:
                if (layer,) in suffixes:
                    changes[layer] = self._replacement(layer)
                elif layer.kind in self.versions and layer in self.rewriter.reached:
                    called = self.versions[layer.kind][_behind(layer, suffixes)]
                    if called != layer.kind:
                        changes[layer] = LayerChange(kind=called)
            self._keep_names(inner, changes)
        return changes

    def _keep_names(self, scope: Scope, changes: dict[Placed, LayerChange]) -> None:
        """Write the names of layers whose number among those of their kind is no longer what it was."""
        counts: dict[str, int] = {}
        for layer in scope.layers:
            change = changes.get(layer, LayerChange())
            kind = change.kind or layer.kind
            counts[kind] = counts.get(kind, 0) + 1
            if not layer.has_name and numbered(kind, counts[kind]) != layer.name:
                bare = self._bare(layer)
                changes[layer] = msgspec.structs.replace(change, name=layer.name, bare=bare)

    def _bare(self, layer: Placed) -> str:
        """The field whose value stands for the whole layer."""
        needed = required(layer.kind, self.outline, self.rewriter.more)
        fields = needed if len(needed) == 1 else parameters(layer.kind, self.outline, self.rewriter.more)
        return next(iter(fields), "")

    def _replacement(self, layer: Placed) -> LayerChange:
        """The variant in place of one convolution.

        Raises:
            CannotApply: the convolution says something that the variant has no field for.
        """
        variant = self.variant
        written = {str(key.value): value for key, value in layer.fields if key.value not in COMMON}
        shares = any(key.value == "share" for key, _ in layer.fields)
        fields = {}
        for name, text in variant.fields.items():
            if name in written or not shares:
                fields[name] = quoted(text.replace("{out_channels}", _expression(written.get("out_channels"))))
        fields |= self._padding(layer, written, fields)
        dropped = {name for name in written if name not in self.parameters or name in variant.dropped}
        for name in dropped - set(variant.dropped):
            self._may_drop(layer, name)
        if not shares:
            fields |= self._defaults({*written, *fields, *variant.dropped})
            self._complete(layer, {*written, *fields})
        kind = None if variant.target == layer.kind else variant.target
        return LayerChange(kind=kind, fields=fields, dropped=frozenset(dropped))

    def _padding(self, layer: Placed, written: Mapping[str, tree.Node], fields: Mapping[str, str]) -> dict[str, str]:
        """The padding that keeps the size where the variant does and the layer does not share that of another."""
        if not self.variant.keeps_size or "dilation" not in fields:
            return {}
        nodes = self.nodes[layer]
        try:
            padding = size_keeping(self.variant.fields["dilation"], written, [node.config for node in nodes])
        except NoPadding as problem:
            raise CannotApply(f"{nodes[0].name}: {problem}") from None
        return {} if padding is None else {"padding": quoted(padding)}

    def _may_drop(self, layer: Placed, field: str) -> None:
        for node in self.nodes[layer]:
            kind: type[Kind] = type(node.config)
            if field not in layers.defaults(kind):
                raise CannotApply(f"{node.name}: {self.variant.target} has no `{field}`")
            standard = layers.field_types(kind)[field].expand(layers.defaults(kind)[field], len(node.shape) - 1)
            value = getattr(node.config, field)
            if value != standard:
                problem = f"{self.variant.target} has no `{field}`, and {field} is {shown(value)} here"
                raise CannotApply(f"{node.name}: {problem}")

    def _defaults(self, known: set[str]) -> dict[str, str]:
        """Fields to write because the variant has them otherwise where nothing is written."""
        if layers.load(self.variant.target) is not None:
            return {}  # the kinds that have a convolution's fields have its defaults
        own = {name: self.parameters.get(name, text) for name, text in _DEFAULTS.items() if name not in known}
        return {name: _DEFAULTS[name] for name, text in own.items() if text != _DEFAULTS[name]}

    def _complete(self, layer: Placed, known: set[str]) -> None:
        needed = required(self.variant.target, self.outline, self.rewriter.more)
        missing = [name for name in needed if name not in known]
        if missing:
            needs = ", ".join(f"`{name}`" for name in missing)
            example = f"{self.variant.name}:{missing[0]}=VALUE"
            raise CannotApply(f"{self.nodes[layer][0].name}: {self.variant.target} needs {needs}; write {example}")


def _anchored(source: Source, layer: Placed) -> CannotApply:
    line = source.line(layer.key.start)
    used = f"the {layer.kind} in line {line} stands behind an anchor and is used several times"
    return CannotApply(f"{used}, which would have to differ; write it out where it is used")


def _behind(layer: Placed, suffixes: _Suffixes) -> _Suffixes:
    return frozenset(way[1:] for way in suffixes if way[0] is layer and len(way) > 1)


def _expression(node: tree.Node | None) -> str:
    """A value as a part of an expression."""
    text = str(node.value) if isinstance(node, tree.Scalar) else ""
    return text if re.fullmatch(r"\w*", text) else f"({text})"


def unpublished(source: Source) -> Source:
    """The spec without what a paper prints of its network, where it has become another."""
    root = parse(source).root
    if not isinstance(root, tree.Mapping):
        return source
    return source.with_text(applied(source.text, Layout(source.text).without(root, "published")))


def with_figures(source: Source, figures: Mapping[str, str | None]) -> Source:
    """The spec with what it expects brought up to date; figures that are None are expected no more."""
    fields = ((key, value) for key, value in tree.entries_of(parse(source).root) if key.value == "expect")
    key, expect = next(fields, (None, None))
    if key is None or not isinstance(expect, tree.Mapping):
        return source
    names = [str(name.value) for name, _ in expect.entries if str(name.value) in figures]
    texts = {name: text for name in names if (text := figures[name]) is not None}
    change = LayerChange(fields=texts, dropped=frozenset(name for name in names if figures[name] is None))
    return source.with_text(applied(source.text, Layout(source.text).fields(key, expect, change)))
