"""Fixes put into the text: together where they can be, each kept only if it changes what it is meant to and no more.

What a fix means for the network is said in `_MEANT`; whatever else it changes, found by loading the text with it, makes
it refused. Fixing goes on until nothing is left to fix, so that a second run finds nothing to do.
"""

from __future__ import annotations

import bisect
import codecs
import os
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

import msgspec

from convcalc import files
from convcalc.analysis.analyze import as_written
from convcalc.files import Unwritable
from convcalc.language.coding import entries_of, without_layers
from convcalc.language.document import examine
from convcalc.language.edits import applied
from convcalc.language.source import Edit, Source
from convcalc.layers import Shape
from convcalc.linting.records import Finding, Linted
from convcalc.linting.run import subject_of
from convcalc.network import Network, Node
from convcalc.rules import load
from convcalc.rules._subject import Fix, RuleSettings

MOST_LAYERS_TRIED = 50_000
"""Layers that are built at most to find out which fixes can be made, where they cannot all be."""

_MEANT = {"CC003": "", "CC301": "bias", "CC303": "layer"}
"""What goes away with a fix: a layer's bias, the layer, or nothing but quotes."""


class Refused(msgspec.Struct, frozen=True):
    """A finding that could be fixed but for what else would change."""

    finding: Finding
    reason: str


class Fixed(msgspec.Struct, frozen=True):
    """A text with its fixes: what is left in it (`linted`), what they mended, and what was refused."""

    before: Source
    linted: Linted
    mended: tuple[Finding, ...] = ()
    refused: tuple[Refused, ...] = ()

    @property
    def after(self) -> Source:
        """The text with the fixes; the same where there are none."""
        return self.before if self.linted.source is None else self.linted.source


def fixed(linted: Linted, again: Callable[[Source], Linted]) -> Fixed | None:
    """A file with the fixes that its findings offer; `again` lints a text. None where there is none to write to."""
    source = linted.source
    if source is None or source.converted:
        return None
    mended: list[Finding] = []
    refused: list[Refused] = []
    current, before = source, None
    while current != before:  # fixes that stand in each other's way take a round each
        done, refused = _round(current, [finding for finding in linted.findings if finding.fix is not None])
        before, text = current, applied(current.text, _edits(done))
        if text != before.text:
            mended += done
            current = Source(source.path, text)
            linted = again(current)
    return Fixed(source, _without(linted, refused), tuple(mended), tuple(refused))


def _without(linted: Linted, refused: Sequence[Refused]) -> Linted:
    """A file whose findings offer no fix that has been refused."""
    fixless = {refusal.finding: msgspec.structs.replace(refusal.finding, fix=None) for refusal in refused}
    findings = tuple(fixless.get(finding, finding) for finding in linted.findings)
    return msgspec.structs.replace(linted, findings=findings)


def _round(source: Source, wanted: Sequence[Finding]) -> tuple[list[Finding], list[Refused]]:
    """Those that can be made at once, and those that cannot be made at all."""
    if not wanted:
        return [], []
    taken, trial = _Taken(), _FixTrial(source, wanted)
    chosen = [finding for finding in wanted if taken.add(finding)]  # the others next time
    if not trial.reason(chosen):
        return chosen, []
    for code in dict.fromkeys(finding.code for finding in chosen):
        trial.sift([finding for finding in chosen if finding.code == code])
    return trial.done, trial.refused


def _edits(findings: Iterable[Finding]) -> list[Edit]:
    edits = {edit for finding in findings if finding.fix is not None for edit in finding.fix.edits}
    return sorted(edits, key=_place)


def _place(edit: Edit) -> tuple[int, int, str]:
    return edit.start, edit.end, edit.text


class _Taken:
    """Edits that can be made together, in the order of the text; alike ones count as one."""

    def __init__(self) -> None:
        self.edits: list[Edit] = []
        self.known: set[Edit] = set()

    def add(self, finding: Finding) -> bool:
        """Take the edits of a finding, unless one collides with another that is there."""
        edits = finding.fix.edits if finding.fix is not None else ()
        if any(self._collides(edit) for edit in edits):
            return False
        for edit in edits:
            if edit not in self.known:
                bisect.insort(self.edits, edit, key=_place)
                self.known.add(edit)
        return True

    def _collides(self, edit: Edit) -> bool:
        if edit in self.known:
            return False
        place = bisect.bisect_left(self.edits, _place(edit), key=_place)
        beside = self.edits[max(0, place - 1) : place + 1]
        return any(_collide(edit, other) for other in beside)


def _collide(edit: Edit, other: Edit) -> bool:
    overlap = edit.start < other.end and other.start < edit.end
    return overlap or (edit.start, edit.end) == (other.start, other.end)


class _FixTrial:
    """A text whose fixes are tried; `wanted` are the findings that offer them."""

    def __init__(self, source: Source, wanted: Sequence[Finding]) -> None:
        self.source = source
        self.before = examine(source)
        self.flagged: dict[str, list[tuple[int, Fix | None]]] = {}
        subject = subject_of(source, self.before, RuleSettings(), self.before.problems)
        for code in {finding.code for finding in wanted}:
            rule = load(code)
            problems = rule.check(subject) if rule is not None else []
            flagged = self.flagged.setdefault(_MEANT.get(code, ""), [])
            flagged += [(problem.index, problem.fix) for problem in problems if problem.index is not None]
        self.network = subject.network
        self.done: list[Finding] = []
        self.refused: list[Refused] = []
        self.tries = 10 + MOST_LAYERS_TRIED // (1 + len(subject.network.nodes))

    def sift(self, findings: Sequence[Finding]) -> None:
        """Find out which can be made beside those that are done: all, or else each half."""
        self.tries -= 1
        reason = self.reason([*self.done, *findings])
        if not reason:
            self.done += findings
        elif len(findings) == 1 or self.tries < 0:
            self.refused += [Refused(finding, reason) for finding in findings]
        else:
            middle = len(findings) // 2
            self.sift(findings[:middle])
            self.sift(findings[middle:])

    def reason(self, findings: Sequence[Finding]) -> str:
        """Why fixes cannot be made together, empty where they can."""
        if self.before.network is None or self.before.problems:
            return "the spec has mistakes"
        made = {finding.fix for finding in findings}
        gone = {index for index, fix in self.flagged.get("layer", []) if fix in made}
        biasless = {index for index, _ in self.flagged.get("bias", [])}  # those behind an alias too
        source = Source(self.source.path, applied(self.source.text, _edits(findings)))
        for shapes, before in [({}, self.network), *([self.elsewhere] if gone else [])]:
            after = examine(source, inputs=shapes)
            if after.network is None or after.problems:
                first = min(after.problems, key=lambda problem: (problem.line, problem.column), default=None)
                reason = f": {first.message}" if first is not None else ""
                return f"the spec would not load any more{_at(shapes)}{reason}"
            reason = _otherwise(before, after.network, biasless, gone)
            if reason:
                return f"{reason}{_at(shapes)}"
        return ""

    @cached_property
    def elsewhere(self) -> tuple[dict[str, Shape], Network]:
        """The network at another size of its inputs, where a layer may do something that does nothing here.

        Its own, where it loads at none of those that are tried.
        """
        for factor, more in ((2, 0), (1, 32), (3, 0), (2, 1)):
            shapes = {node.name: _larger(node.shape, factor, more) for node in self.network.inputs}
            larger = examine(self.source, inputs=shapes)
            if larger.network is not None and not larger.problems:
                return shapes, larger.network
        return {}, self.network


def _larger(shape: Shape, factor: int, more: int) -> Shape:
    return (shape[0], *(factor * size + more for size in shape[1:]))


def _at(shapes: dict[str, Shape]) -> str:
    listed = ", ".join("x".join(map(str, shape)) for shape in shapes.values())
    return f" at {listed}" if listed else ""


def _otherwise(old: Network, new: Network, biasless: set[int], gone: set[int]) -> str:
    """What is not as it was in a network but for layers that are `gone`, and biases that may be; empty where all is."""
    kept = [index for index in range(len(old.nodes)) if index not in gone]
    places = {index: place for place, index in enumerate(kept)}
    for index in sorted(gone):
        node = old.nodes[index]
        if len(node.inputs) != 1 or old.nodes[node.inputs[0]].shape != node.shape:
            return f"{node.name} does something"
        places[index] = places[node.inputs[0]]
    if len(kept) != len(new.nodes):
        return f"{abs(len(new.nodes) - len(kept))} other layers would come or go"
    for index in kept:
        layer = new.nodes[places[index]]
        has_none = index in biasless and not getattr(layer.config, "bias", True)
        meant = _meant(old.nodes[index], places, without_bias=has_none)
        if not _alike(meant, layer, renumbered=bool(gone)):
            return f"{meant.name} would become another layer, which is built from the same text"
    if tuple(places[index] for index in old.outputs) != new.outputs or old.input_count != new.input_count:
        return "other tensors would leave the network"
    around = ("name", "source", "variables", "budget", "deployment", "code", "published")
    if any(getattr(old, name) != getattr(new, name) for name in around):
        return "its name, source, variables, budget, deployment, code or published would change"
    return _called_otherwise(old, new, kept, places) or _unexpected(old, new)


def _meant(node: Node, places: dict[int, int], *, without_bias: bool) -> Node:
    """A layer as it is to be with the fixes."""
    config = node.config
    if without_bias:
        config = msgspec.structs.replace(config, bias=False)
    shared = places[node.shared] if node.shared is not None else None
    borrowed = tuple(msgspec.structs.replace(array, owner=places[array.owner]) for array in node.borrowed)
    inputs = tuple(places[source] for source in node.inputs)
    return msgspec.structs.replace(node, config=config, inputs=inputs, shared=shared, borrowed=borrowed)


def _alike(meant: Node, layer: Node, *, renumbered: bool) -> bool:
    """Whether a layer is as it is to be, wherever it stands; with others gone, its number may be another."""
    layer = msgspec.structs.replace(layer, line=meant.line)
    if renumbered and re.sub(r"\d+", "", layer.name) == re.sub(r"\d+", "", meant.name):
        layer = msgspec.structs.replace(layer, name=meant.name)
    return meant == layer


def _called_otherwise(old: Network, new: Network, kept: Sequence[int], places: dict[int, int]) -> str:
    """A layer of which `code` would not say any more what it says of it now, or something else."""
    if not old.code:
        return ""
    before, after, first = entries_of(old), entries_of(new), old.input_count
    for index in kept[first:]:
        then, now = before[index - first], after[places[index] - first]
        if then != now:
            name = old.nodes[index].name
            would = f"would be about {name}" if now else f"would not be about {name} any more"
            return f"`{now or then}` of `code` {would}"
    lost = without_layers(new).keys() - without_layers(old).keys()
    return f"`{min(lost)}` of `code` would be about no layer any more" if lost else ""


def _unexpected(old: Network, new: Network) -> str:
    """A figure that the spec expects, and that would not hold any more."""
    if not old.expect or old.expect != new.expect:
        return "" if old.expect == new.expect else "what it expects would change"
    then, now = (msgspec.structs.asdict(as_written(network).totals) for network in (old, new))
    for name in old.expect:
        if name in then and old.expect[name] == then[name] != now[name]:
            return f"the spec expects {then[name]:,} {name}, and would have {now[name]:,}"
    return ""


def write(path: str, before: Source, after: Source) -> None:
    """Put a fixed text in place of a file, with its byte order mark.

    Raises:
        Unwritable: the file is another by now, or cannot be written.
    """
    try:
        if not os.path.isfile(path):
            raise Unwritable(f"cannot write {path}: it is no regular file")
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise Unwritable(f"cannot write {path}: {error.strerror or error}") from None
    mark = data[: len(data) - len(data.removeprefix(codecs.BOM_UTF8))]
    if data != mark + before.text.encode():
        raise Unwritable(f"cannot write {path}: it has changed since it was read")
    files.write(path, [mark, after.text.encode()], force=True)
