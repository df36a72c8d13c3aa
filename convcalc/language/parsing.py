"""Strict YAML with positions.

Reads events, never PyYAML's constructed values: those drop duplicate keys, read ``no`` as false and ``010`` as 8,
and a few hundred bytes of merge keys or 30,000 brackets take them down. What is read spends steps, and so does what an
alias expands to, as often as it is named.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

import msgspec
import yaml

from convcalc import steps
from convcalc.language.source import STEPS_OF_DIAGNOSTIC, Diagnostic, Source
from convcalc.language.tree import (
    Mapping,
    Node,
    Scalar,
    Sequence,
    Unreadable,
    Value,
    described,
    items_of,
    resolve,
    scalar,
)

DEEPEST = 64
"""Collections within collections, also where an alias stands for some of them."""
_STEPS_OF_EVENT = 2
_EVENTS_AT_ONCE = 256
"""Their steps are spent together."""
_CHARACTERS_IN_STEP = 100
"""Of a text that is read."""
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where PyYAML has it."""

_DUPLICATE = object()
"""The key of an entry to drop: it was written before."""


class _OpenCollection(msgspec.Struct):
    """A collection that is still open."""

    start: int
    anchor: str | None
    keys: dict[Value, Scalar] | None  # None for a sequence
    entries: list[Any] = []
    key: Scalar | None = None
    merged: list[Mapping] = []
    nodes: int = 1
    depth: int = 1  # collections within it, itself included


class _Anchored(NamedTuple):
    """What an anchor stands for: how many nodes, and how many collections within collections."""

    node: Node
    nodes: int
    depth: int


class _Stop(Exception):
    pass


class Parsed(msgspec.Struct, frozen=True):
    """A document as a tree, None where there is none, and everything that is wrong with it as YAML.

    Reading stops at the first syntax error or limit. Then `complete` is False, and the tree holds the top-level fields
    before it, and the layers before it; `is_over_limit`: it took more steps than a run may take, and there is no tree.
    """

    root: Node | None
    problems: list[Diagnostic]
    complete: bool
    is_over_limit: bool = False


def parse(source: Source) -> Parsed:
    """Read a document."""
    return _Parser(source).parse()


class _Parser:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Diagnostic] = []
        self.anchors: dict[str, _Anchored | None] = {}
        self.values: dict[str, Value] = {}
        self.stack: list[_OpenCollection] = []
        self.root: Node | None = None
        self.documents = 0
        self.place = 0  # where it is

    def parse(self) -> Parsed:
        text = self.source.text
        if not steps.afford(len(text) // _CHARACTERS_IN_STEP + text.count("\n") + text.count("\r")):
            self.problems.append(Diagnostic(self.source.path, 0, 0, 0, "CC008", steps.limit()))
            return Parsed(None, self.problems, complete=False, is_over_limit=True)
        try:
            for number, event in enumerate(self._events()):
                self.place = event.start_mark.index
                if number % _EVENTS_AT_ONCE == 0:
                    steps.spend(_STEPS_OF_EVENT * _EVENTS_AT_ONCE)
                self._take(event)
        except _Stop:
            return Parsed(self._before_the_stop(), self.problems, complete=False)
        except steps.OutOfSteps:
            self.problems.append(self.source.diagnostic("CC008", self.place, self.place + 1, steps.limit()))
            return Parsed(None, self.problems, complete=False, is_over_limit=True)
        return Parsed(self.root, self.problems, complete=True)

    def _events(self) -> Iterator[Any]:
        last_event: Any = None
        try:
            for last_event in yaml.parse(self.source.text, Loader=LOADER):
                yield last_event
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
            index = mark.index if mark else getattr(error, "position", 0)
            if not isinstance(index, int):
                index = 0
            self._stop_where_too_deep(last_event.end_mark.index if last_event else 0, index)
            problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
            context = getattr(error, "context", None)
            text = f"not valid YAML: {problem}{f' ({context})' if context else ''}"
            self._stop("CC001", index, index + 1, text, self._advice(index))

    def _advice(self, index: int) -> str:
        """What to do about the character that a reader of YAML stumbled over."""
        before, character = self.source.text[max(index - 1, 0) : index], self.source.text[index : index + 1]
        if character == "\t":
            return "indent with blanks, not tabs"
        if character == "[" and (before.isalnum() or before in {"_", ")", "]"}):
            return "inside braces an expression with brackets is put in quotes"
        if character == "{":
            return "a name that holds an expression in braces is put in quotes"
        return ""

    def _stop_where_too_deep(self, read_to: int, error_index: int) -> None:
        """Stop at our limit on nesting where it lies between the last event and a syntax error.

        A scanner reads ahead of its events, through a whole line of brackets, and versions of libyaml differ in how
        many they take before they give up. The text before that point has the events that are missing.
        """
        text = self.source.text
        ahead = text.count("[", read_to, error_index) + text.count("{", read_to, error_index)
        if len(self.stack) + ahead <= DEEPEST:
            return
        depth = 0
        with contextlib.suppress(yaml.YAMLError):
            event: Any
            for event in yaml.parse(text[:error_index], Loader=LOADER):
                depth += isinstance(event, yaml.CollectionStartEvent)
                depth -= isinstance(event, yaml.CollectionEndEvent)
                if depth > DEEPEST:
                    self._refuse_depth(event.start_mark.index)

    def _refuse_depth(self, start: int) -> NoReturn:
        self._stop("CC008", start, start + 1, f"nested more than {DEEPEST} deep, the most a spec may be")

    def _stop(self, code: str, start: int, end: int, message: str, advice: str = "") -> NoReturn:
        self.problems.append(self.source.diagnostic(code, start, end, message, advice))
        raise _Stop

    def _problem(self, code: str, start: int, end: int, message: str, advice: str = "") -> None:
        steps.spend(STEPS_OF_DIAGNOSTIC)
        self.problems.append(self.source.diagnostic(code, start, end, message, advice))

    def _take(self, event: Any) -> None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._scalar(event)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            self._open(event, {} if kind is yaml.MappingStartEvent else None)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self._close(event.end_mark.index)
        elif kind is yaml.AliasEvent:
            self._alias(event)
        elif kind is yaml.DocumentStartEvent:
            self.documents += 1
            if self.documents > 1:
                start = event.start_mark.index
                self._stop("CC001", start, start + 3, "a spec is one document, found a second", "remove the ---")

    def _scalar(self, event: Any) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        if event.anchor is not None:  # which the mark includes
            start += 1 + len(event.anchor)
            start += len(self.source.text[start:end]) - len(self.source.text[start:end].lstrip())
        plain = event.implicit[0]
        if event.tag is not None and event.tag != "!":
            self._problem("CC006", start, end, f"tags are not used here, found {event.tag}", "remove the tag")
        value = self._value(event.value, start, end) if plain else event.value
        node = scalar(value, start, end, plain=plain)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(node, 1, 0)
        self._add(node, 1, 0)

    def _value(self, text: str, start: int, end: int) -> Value:
        if text not in self.values:
            try:
                self.values[text] = resolve(text)
            except ValueError as error:
                self._problem("CC003" if re.fullmatch(r"[-+]?0\d+", text) else "CC011", start, end, str(error))
                return Unreadable(text)
        return self.values[text]

    def _open(self, event: Any, keys: dict[Value, Scalar] | None) -> None:
        start = event.start_mark.index
        if event.tag is not None and event.tag != "!":
            self._problem("CC006", start, start + 1, f"tags are not used here, found {event.tag}", "remove the tag")
        if self.stack and self.stack[-1].keys is not None and self.stack[-1].key is None:
            self._stop("CC007", start, start + 1, "expected a name as key, found a collection")
        if len(self.stack) >= DEEPEST:
            self._refuse_depth(start)
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        self.stack.append(_OpenCollection(start, event.anchor, keys))

    def _close(self, end: int) -> None:
        frame = self.stack.pop()
        node: Node
        if frame.keys is None:
            node = Sequence(frame.entries, frame.start, end)
        else:
            for mapping in frame.merged:  # what is written here wins, then the first that was merged
                for key, value in mapping.entries:
                    if frame.keys.setdefault(key.value, key) is key:
                        frame.entries.append((key, value))
            node = Mapping(frame.entries, frame.start, end)
        if frame.anchor is not None:
            self.anchors[frame.anchor] = _Anchored(node, frame.nodes, frame.depth)
        self._add(node, frame.nodes, frame.depth)

    def _before_the_stop(self) -> Node | None:
        """The top-level fields that were complete, and the complete items of the list of layers."""
        if not self.stack or self.stack[0].keys is None:
            return self.root
        top, end = self.stack[0], len(self.source.text)
        if len(self.stack) > 1 and top.key is not None and top.key.value == "layers" and self.stack[1].keys is None:
            top.entries.append((top.key, Sequence(self.stack[1].entries, self.stack[1].start, end)))
        return Mapping(top.entries, top.start, end)

    def _alias(self, event: Any) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        anchored = self.anchors.get(event.anchor)
        if anchored is None:
            inside = event.anchor in self.anchors
            reason = "stands for a collection that contains it" if inside else "has no anchor above it"
            self._stop("CC013", start, end, f"alias *{event.anchor} {reason}")
        if len(self.stack) + anchored.depth > DEEPEST:
            self._refuse_depth(start)
        steps.spend(anchored.nodes)  # which whoever reads the tree meets once more
        self._add(*anchored)

    def _add(self, node: Node, nodes: int, depth: int) -> None:
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        frame.nodes += nodes
        frame.depth = max(frame.depth, depth + 1)
        if frame.keys is None:
            frame.entries.append(node)
        elif frame.key is None:
            self._key(frame, frame.keys, node)
        else:
            if frame.key.value == "<<" and frame.key.plain:
                self._merge(frame, frame.key, node)
            elif frame.key.value is not _DUPLICATE:
                frame.entries.append((frame.key, node))
            frame.key = None

    def _key(self, frame: _OpenCollection, keys: dict[Value, Scalar], node: Node) -> None:
        if not isinstance(node, Scalar):
            self._stop("CC007", node.start, node.start + 1, "expected a name as key, found a collection")
        if not isinstance(node.value, str):  # 1, true and null are names like any other where a key stands
            node = scalar(self.source.text[node.start : node.end], node.start, node.end)
        if node.value in keys:
            twice = f"key {node.value!r} stands here twice, first in line {self.source.line(keys[node.value].start)}"
            self._problem("CC002", node.start, node.end, twice, "remove one of the two")
            frame.key = Scalar(_DUPLICATE, node.place)
        else:
            frame.key = keys[node.value] = node

    def _merge(self, frame: _OpenCollection, key: Scalar, node: Node) -> None:
        for mapping in items_of(node):
            if isinstance(mapping, Mapping):
                frame.merged.append(mapping)
            else:
                what = described(mapping)
                self._problem("CC011", key.start, key.end, f"<< merges a mapping or a list of mappings, found {what}")
