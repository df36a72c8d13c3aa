"""Wrong numbers and wrong columns, each planted alone: the witness of the column must tell it.

A fault takes the place of one function. It is found if one of the witnesses that are named for it, on a few networks of
the ledger, is not content; without a fault all of them are (tests/test_witnesses.py).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from itertools import product
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import ledger
import msgspec
import pytest
import witnesses
import witnesses_compare
import witnesses_explain
import witnesses_lint
from test_witnesses import TAKES
from witnesses import Case, case_of

import convcalc.analysis
import convcalc.linting
import convcalc.views
from convcalc.analysis.analyze import costs
from convcalc.analysis.compare import Delta
from convcalc.analysis.report import ReceptiveField
from convcalc.analysis.terms import Terms
from convcalc.analysis.traffic import tensor_bytes
from convcalc.arithmetic.precision import Format

Right = Any
replace = msgspec.structs.replace


class Planted(msgspec.Struct, frozen=True):
    """A fault: what is wrong, the function by its module and name, what it is made of the right one, its witnesses."""

    what: str
    place: str
    wrong: Callable[[Right], Any]
    witnesses: str


def result(change: Callable[..., Any]) -> Callable[[Right], Any]:
    """A function whose result becomes another: from it, and what was given."""
    return lambda right: lambda *given, **named: change(right(*given, **named), *given)


def given(change: Callable[..., tuple[Any, ...]]) -> Callable[[Right], Any]:
    """A function that gets something else."""
    return lambda right: lambda *values, **named: right(*change(*values), **named)


def counted(change: Callable[[dict[str, int]], dict[str, int]]) -> Callable[[Right], Any]:
    """Totals of which some are others."""
    return lambda right: lambda **numbers: right(**{**numbers, **change(numbers)})


def rows(change: Callable[..., Any]) -> Callable[[Right], Any]:
    """Rows that become others: from each, its node and the batch."""

    def made(right: Right) -> Any:
        def wrong(network: Any, layers: Any, terms: Any = None) -> Any:
            layers, terms = list(layers), terms or Terms()
            for row, (node, _) in zip(right(network, layers, terms), layers, strict=True):
                yield change(row, node, terms.batch, network)

        return wrong

    return made


def field(change: Callable[[Any], ReceptiveField]) -> Callable[[Right], Any]:
    return result(lambda seen, *_: change(seen) if seen.size and seen.stride and seen.start else seen)


def each_axis(name: str, change: Callable[[Any], Any]) -> Callable[[Right], Any]:
    """A receptive field of which one number becomes another on each axis."""
    return field(lambda seen: replace(seen, **{name: tuple(map(change, getattr(seen, name)))}))


def owned(row: Any, node: Any, batch: int, network: Any) -> Any:
    """Buffers of shared weights, counted again."""
    return replace(row, buffers=costs(node.config, network.shapes_into(node))[1])


def alone(right: Right) -> Any:
    """The first axis alone is looked at."""

    def wrong(fields: Any) -> bool:
        return bool(right([replace_axes(seen) for seen in fields]))

    return wrong


def replace_axes(seen: Any) -> Any:
    from dataclasses import is_dataclass
    from dataclasses import replace as changed

    return (changed if is_dataclass(seen) else replace)(seen, axes=seen.axes[:1])


def in_place(right: Right) -> Any:
    """A tensor is gone before the layer that reads it last has run."""

    def wrong(network: Any, terms: Any) -> list[int]:
        return [
            alive - sum(tensor_bytes(network.nodes[source], terms) for source in node.inputs[:1])
            for alive, node in zip(right(network, terms), network.layers, strict=True)
        ]

    return wrong


def layer_before(peak: Any, network: Any, terms: Any) -> Any:
    names = [node.name for node in network.nodes]
    return replace(peak, layer=names[names.index(peak.layer) - 1])


def without_input(right: Right) -> Any:
    def wrong(network: Any, terms: Any) -> list[int]:
        size = sum(tensor_bytes(node, terms) for node in network.inputs)
        return [alive - size * (place == 0) for place, alive in enumerate(right(network, terms))]

    return wrong


TRAFFIC, PRECISION = "convcalc.analysis.traffic", "convcalc.arithmetic.precision"
ANALYZE, REPORT, LINES = "convcalc.analysis.analyze", "convcalc.analysis.report", "convcalc.analysis.lines"
EXPLAIN, COMPARE, FOLDING = "convcalc.analysis.explain", "convcalc.analysis.compare", "convcalc.analysis.folding"
WORDS, CSV = "convcalc.views.words", "convcalc.views.formats.csv"
SHARED, TABLE = "convcalc.views.compare.shared", "convcalc.views.analyze.table"

MEMORY = [
    Planted("nothing is ever freed", f"{ANALYZE}:last_uses", result(lambda last, *_: [len(last)] * len(last)),
            "analyze_json analyze_table"),
    Planted("a tensor is freed while it is read", f"{ANALYZE}:alive_bytes", in_place, "analyze_json"),
    Planted("the input takes no memory", f"{ANALYZE}:alive_bytes", without_input, "analyze_json"),
    Planted("positions of a tensor without channels", f"{TRAFFIC}:tensor_bytes",
            result(lambda size, node, terms: size // node.shape[0]), "analyze_json zoo_csv"),
    Planted("a tensor that is read counts for one of a batch", f"{TRAFFIC}:tensor_bytes",
            given(lambda node, terms: (node, replace(terms, batch=1))), "analyze_json analyze_csv"),
    Planted("bits of a row filled up to a byte number by number", f"{PRECISION}:Format.bytes_of",
            lambda right: lambda format_, elements: -(-format_.bits // 8) * elements, "analyze_json"),
    Planted("an array of filters as a single row", f"{TRAFFIC}:array_bytes",
            given(lambda shape, format_: ((1, *shape), format_)), "analyze_json analyze_csv"),
    Planted("biases in the format of weights", f"{TRAFFIC}:Terms.formats", result(
            lambda formats, *_: replace(formats, bias=formats.weights)), "analyze_json several_csv"),
    Planted("weights of a shared layer in its bytes", f"{ANALYZE}:traffic_of", given(
            lambda network, node, *rest: (network, replace(node, shared=None), *rest)), "analyze_csv"),
    Planted("the bits of one factor", f"{ANALYZE}:bit_operations", result(
            lambda bits, config, shapes, formats, macs: bits // formats.weights.bits), "analyze_csv two_csv"),
    Planted("buffers in the format of activations", f"{ANALYZE}:buffer_bytes", given(
            lambda network, node, terms: (network, node, replace(terms, precision=replace(
                terms.precision, weights=terms.precision.activations)))), "analyze_json several_csv"),
    Planted("a line reads what its first layer reads", f"{LINES}:total", result(
            lambda line, name, kind, of, *_: replace(line, input_bytes=of[0].input_bytes)), "analyze_csv"),
    Planted("operations to a byte without the weights", f"{LINES}:Line.bytes_moved", lambda right: property(
            lambda line: line.input_bytes + line.output_bytes), "analyze_csv"),
    Planted("the peak at the layer before", f"{ANALYZE}:_peak", result(layer_before),
        "analyze_json analyze_markdown"),
    Planted("the peak without the tensors that are kept for later", f"{ANALYZE}:_peak", result(
        lambda peak, *_: replace(peak, tensors=peak.tensors[-1:])), "analyze_json analyze_table"),
    Planted("the peak of one element of a batch", f"{ANALYZE}:_peak", given(
        lambda network, terms: (network, replace(terms, batch=1))), "analyze_json"),
    Planted("bfloat16 of four bytes", f"{PRECISION}:_FLOATS", lambda right: {**right, "bfloat16": 32},
            "analyze_json"),
    Planted("int8 of two bytes", f"{PRECISION}:integer", lambda right: lambda bits: Format(f"int{bits}", 2 * bits),
            "analyze_json"),
    Planted("buffers among the weights", f"{ANALYZE}:Totals", counted(
        lambda n: {"weight_bytes": n["weight_bytes"] * (n["params"] + n["buffers"]) // n["params"]}),
        "analyze_json two_table several_csv zoo_json"),
    Planted("weights once for each of a batch", f"{ANALYZE}:Totals", counted(
        lambda n: {"weight_bytes": n["weight_bytes"] * 2}), "several_csv zoo_csv"),
    Planted("the peak for all activations", f"{ANALYZE}:Totals", counted(
        lambda n: {"activation_bytes": n["peak_activation_bytes"]}), "analyze_json several_csv zoo_csv"),
    Planted("activations with the input", f"{ANALYZE}:Totals", counted(
        lambda n: {"activation_bytes": n["activation_bytes"] + 1}), "analyze_json zoo_json"),
]  # fmt: skip

SUMS = [
    Planted("buffers of a shared layer", f"{ANALYZE}:rows_of", rows(owned), "analyze_csv analyze_json"),
    Planted("params of a shared layer", f"{ANALYZE}:rows_of", rows(
        lambda row, node, batch, network: replace(row, params=costs(node.config, network.shapes_into(node))[0])),
        "analyze_csv analyze_table"),
    Planted("MACs of one of a batch", f"{ANALYZE}:rows_of", rows(
        lambda row, node, batch, _: replace(row, macs=row.macs // batch)), "analyze_csv"),
    Planted("operations of one of a batch", f"{ANALYZE}:rows_of", rows(
        lambda row, node, batch, _: replace(row, elementwise_ops=row.elementwise_ops // batch)), "analyze_csv"),
    Planted("two flops an operation", f"{ANALYZE}:rows_of", rows(
        lambda row, *_: replace(row, flops=2 * (row.macs + row.elementwise_ops))), "analyze_csv analyze_json"),
    Planted("half of the flops", f"{ANALYZE}:rows_of", rows(
        lambda row, *_: replace(row, flops=row.macs + row.elementwise_ops)), "analyze_csv zoo_csv"),
    Planted("buffers counted as params are", f"{ANALYZE}:costs", result(lambda n, *_: (n[0] + n[1], *n[1:])),
            "analyze_csv block_json"),
    Planted("a line without its last layer", f"{LINES}:sums", given(lambda of, *more: (of[:-1] or of, *more)),
            "analyze_csv analyze_table"),
    Planted("a total without its last layer", f"{ANALYZE}:sums", given(lambda of, *more: (of[:-1], *more)),
            "analyze_json analyze_markdown zoo_table"),
    Planted("a block with the shape of its first layer", f"{LINES}:total", given(
        lambda name, kind, of, last=None, times=None: (name, kind, of, last and of[0], times)),
        "analyze_csv analyze_table"),
    Planted("a repeat that is not told", f"{LINES}:total", given(
        lambda name, kind, of, last=None, times=None: (name, kind, of, last, None)), "analyze_table analyze_markdown"),
    Planted("a kind with a shape", f"{LINES}:total", given(
        lambda name, kind, of, last=None, times=None: (name, kind, of, of[-1], times)), "analyze_csv"),
    Planted("a block that is one layer", f"{LINES}:total", result(lambda line, *_: replace(line, layers=1)),
            "analyze_csv"),
    Planted("blocks that are in others on lines of their own", f"{LINES}:_outermost", result(
        lambda groups, *_: groups[:1]), "analyze_csv"),
    Planted("misalignment beyond the first axis", f"{ANALYZE}:aligned", alone, "analyze_json"),
    Planted("nothing misaligned", f"{ANALYZE}:aligned", result(lambda *_: True), "analyze_json"),
    Planted("the field of the last layer for that of the network", f"{REPORT}:Report.receptive_field",
            lambda _: property(lambda report: report.layers[-1].receptive_field), "analyze_table zoo_csv several_csv"),
]  # fmt: skip

FIELDS = [
    Planted("the stride of a field for its start", f"{ANALYZE}:measured", field(
        lambda seen: replace(seen, start=seen.stride)), "analyze_csv"),
    Planted("a start with the wrong sign", f"{ANALYZE}:measured", each_axis("start", lambda n: -n),
            "analyze_csv block_text"),
    Planted("a start with the wrong sign in an explanation", "convcalc.analysis.explain:measured",
            each_axis("start", lambda n: -n), "layer_json"),
    Planted("a size one too large", f"{ANALYZE}:measured", each_axis("size", lambda n: n + 1), "analyze_markdown"),
    Planted("a stride of the first axis on all", f"{ANALYZE}:measured", field(
        lambda seen: replace(seen, stride=seen.stride[:1] * 2)), "analyze_csv block_text"),
    Planted("axes in reverse", f"{ANALYZE}:measured", field(
        lambda seen: replace(seen, size=seen.size[::-1])), "analyze_table analyze_markdown"),
    Planted("global only where nothing else is seen", f"{ANALYZE}:measured", field(
        lambda seen: replace(seen, is_global=False)), "analyze_csv"),
    Planted("field_stride prints the size", f"{CSV}:field", result(lambda cells, *_: [cells[0], cells[0], *cells[2:]]),
            "analyze_csv zoo_csv"),
    Planted("field_start prints the padding", f"{CSV}:field", result(
        lambda cells, *_: [*cells[:2], cells[2] and tuple(map(abs, cells[2])), cells[3]]), "analyze_csv zoo_csv"),
    Planted("field_global the other way", f"{CSV}:field", result(
        lambda cells, *_: [*cells[:3], None if cells[3] is None else not cells[3]]), "analyze_csv zoo_csv"),
]  # fmt: skip

COLUMNS = [
    Planted("costs in reverse", f"{CSV}:costs", result(lambda cells, *_: cells[::-1]), "analyze_csv two_csv"),
    Planted("a share of what is left", f"{WORDS}:share", given(lambda part, total: (part, total - part or 1)),
            "analyze_table analyze_markdown"),
    Planted("thousands of 1024", f"{WORDS}:scaled", given(lambda n: (n * 1000 // 1024,)), "analyze_table"),
    Planted("KiB of 1000 bytes", f"{WORDS}:binary", given(lambda n: (n * 1024 // 1000,)), "analyze_markdown zoo_table"),
    Planted("the first axis for all", f"{WORDS}:per_axis", given(lambda numbers, *more: (numbers[:1], *more)),
            "analyze_table"),
    Planted("a shape in reverse", f"{WORDS}:shape", given(lambda sizes: (sizes[::-1],)), "analyze_table zoo_csv"),
    Planted("a shape in reverse in CSV", f"{CSV}:sizes", given(lambda sizes: (sizes and sizes[::-1],)), "analyze_csv"),
    Planted("all beside a local path not said", f"{WORDS}:field", result(lambda text, *_: text.removesuffix(" + all")),
            "analyze_markdown zoo_markdown two_table"),
    Planted("buffers are params in the line of the totals", f"{WORDS}:total_parts", result(
        lambda parts, report: [part.replace(f"(buffers {report.totals.buffers:,})", f"(buffers {report.totals.params})")
                               for part in parts]),
        "analyze_table analyze_markdown"),
    Planted("bytes of buffers among the weights of the line of the totals", f"{WORDS}:total_parts", given(
        lambda report: (replace(report, totals=replace(
            report.totals, weight_bytes=report.totals.weight_bytes + report.totals.buffer_bytes)),)),
        "analyze_table analyze_markdown"),
    Planted("bit operations of half the bits", f"{WORDS}:notes", given(
        lambda report: (replace(report, totals=replace(report.totals, bit_operations=report.totals.macs)),)),
        "analyze_table analyze_markdown"),
    Planted("a bar of twice the length", f"{TABLE}:_bar", given(lambda macs, most, width: (macs, most, width * 2)
            if macs < most else (macs, most, width)), "analyze_table"),
    Planted("a bar that is never less than whole characters", f"{TABLE}:_bar", result(
        lambda text, *_: "█" * len(text)), "analyze_table"),
    Planted("digits in pairs", f"{WORDS}:exact", result(lambda text, *_: text.replace(",", "")),
            "analyze_table zoo_table"),
]  # fmt: skip


def first_shapes(right: Right) -> Any:
    def wrong(report: Any, place: int, group: Any) -> Any:
        for part in right(report, place, group):
            first = next(row for row in report.layers if row.name.startswith(part.name))
            yield replace(part, output_shape=first.output_shape)

    return wrong


def first_field(block: Any, report: Any, place: int, group: Any) -> Any:
    return replace(block, receptive_field=report.rows(group.first, group.last)[0].receptive_field)


PARTS = [
    Planted("a part with the shape of its first layer", f"{EXPLAIN}:_parts", first_shapes,
            "block_json block_text block_markdown"),
    Planted("buffers of a shared layer in explain", f"{EXPLAIN}:Work.costs", lambda right: lambda self, *, shared=False,
            borrowed=(): (formula for own in [right(self, borrowed=borrowed)] for formula in own
                          if not shared or formula.quantity != "params"), "layer_json"),
    Planted("params of a shared layer in explain", f"{EXPLAIN}:Work.costs", lambda right: lambda self, *, shared=False,
            borrowed=(): right(self, borrowed=borrowed), "layer_json"),
    Planted("a block's sum without its last layer", f"{EXPLAIN}:sums", given(lambda of, *more: (of[:-1] or of, *more)),
            "block_json block_text block_latex"),
    Planted("a block with the field of its first layer", f"{EXPLAIN}:_block", result(first_field),
            "block_json block_text block_markdown"),
    Planted("parts of parts beside them", f"{EXPLAIN}:_directly_inside", result(lambda *_: []),
            "block_json block_text"),
    Planted("a share left out", "convcalc.views.explain.shared:added", given(
        lambda shares, *more: (shares[1:], *more)), "block_text block_markdown"),
    Planted("a sum of LaTeX that is another", "convcalc.views.explain.latex:_total", given(
        lambda value, uncosted: (value + 1, uncosted)), "block_latex"),
    Planted("the parts' number with a comma of its own", "convcalc.views.explain.latex:number", result(
        lambda text, *_: text.replace("{,}", "{,}0")), "block_latex layer_latex network_latex"),
    Planted("a layer's MACs that are those of another batch", f"{EXPLAIN}:Formula.value", lambda right: property(
        lambda formula: formula.term.value * 2), "layer_json network_json"),
    Planted("element-wise operations for MACs", "convcalc.views.explain.shared:part_cost", given(
        lambda part, cost, *more: (part, part.elementwise_ops, *more)), "block_text block_markdown block_latex"),
]  # fmt: skip


def other_base(change: Any, *_: Any) -> Any:
    return change if change.base is None or change.head is None else replace(change, base=change.head)


def other_stars(ranked: Any, *_: Any) -> Any:
    return [
        (candidate, {cost: text[:-2] if text.endswith(" *") else f"{text} *" for cost, text in cells.items()})
        for candidate, cells in ranked
    ]


SIDES = [
    Planted("percent of what is there in the end", f"{COMPARE}:delta", lambda right: lambda base, head: Delta(
        base, head, head - base, 100 * (head - base) / head if head else 0.0), "two_json two_csv"),
    Planted("a change the other way", f"{COMPARE}:delta", given(lambda base, head: (head, base)),
            "two_json several_csv"),
    Planted("a change of the base alone", f"{SHARED}:exactly", result(lambda text, *_: text.replace("+", "-")),
            "two_markdown since_markdown"),
    Planted("no sign", f"{SHARED}:signed", result(lambda text, *_: text.strip("+-")), "two_table"),
    Planted("what it cost before", f"{SHARED}:left", given(lambda change, cost: (
        replace(change, head=change.base) if change.base and change.head else change, cost)), "two_markdown"),
    Planted("shapes of the head on both sides", f"{SHARED}:outputs", given(lambda change: (other_base(change),)),
            "two_markdown two_table"),
    Planted("fields of the head on both sides", f"{SHARED}:fields", given(lambda change: (other_base(change),)),
            "two_markdown two_table"),
    Planted("kinds of the head on both sides", f"{SHARED}:kinds", given(lambda change: (other_base(change),)),
            "two_markdown two_table"),
    Planted("marks exchanged", f"{SHARED}:MARKS", lambda right: {**right, "edited": "≈", "affected": "~"},
            "two_table two_markdown"),
    Planted("percent without its sign", f"{SHARED}:percent", result(lambda text, *_: text.replace("-", "+")),
            "two_table"),
    Planted("a factor the other way", f"{SHARED}:factor", result(
        lambda text, *_: text.replace("more", "fewer") if "more" in text else text.replace("fewer", "more")),
        "several_table several_markdown"),
    Planted("a total row without the bytes of weights", f"{SHARED}:totals", result(
        lambda of, *_: [row if row[0] != "weights" else (row[0], row[2], row[1], *row[3:]) for row in of]),
        "two_table two_markdown"),
    Planted("stars on what is not smallest", f"{SHARED}:ranked", result(other_stars),
            "several_csv several_table several_markdown"),
    Planted("a block that is the same where one of its layers is", f"{FOLDING}:_mark", result(
        lambda mark, changes: changes[0].mark), "two_table two_csv"),
    Planted("a block with the field of its first layer, compared", f"{FOLDING}:total", given(
        lambda name, kind, of, last=None, times=None: (name, kind, of, last and of[0], times)), "two_csv"),
    Planted("the head's field without a base", "convcalc.views.compare.csv:_side", result(
        lambda cells, *_: [*cells[:-2], "", cells[-1]]), "two_csv"),
    Planted("a layer's size without its name", f"{LINES}:layer_line", result(
        lambda line, *_: replace(line, summary="")), "analyze_table analyze_csv"),
    Planted("what was there before for what is there", "convcalc.views.revisions.shared:costs", given(
        lambda file, cost: (file, "params")), "since_markdown since_table"),
    Planted("base and head of a revision exchanged", "convcalc.views.revisions.csv:_alone", result(
        lambda pair, *_: pair[::-1]), "since_csv"),
    Planted("the inputs of a network of the zoo for its outputs", "convcalc.analysis.zoo:_zoo_network", result(
        lambda network, *_: replace(network, outputs=network.inputs)), "zoo_csv zoo_json"),
]  # fmt: skip

LINT, POSITION = "convcalc.views.lint.shared", "convcalc.views.lint"
FINDINGS = [
    Planted("the column of the line before", f"{LINT}:place", result(lambda text, *_: text.replace(":5", ":6")),
            "findings_concise findings_github findings_junit"),
    Planted("warnings counted as errors", f"{LINT}:summary", result(
        lambda counts, *_: replace(counts, errors=counts.warnings, warnings=0)), "findings_json findings_text"),
    Planted("files counted for findings", f"{LINT}:summary", result(
        lambda counts, *_: replace(counts, findings=counts.files)), "findings_json findings_text findings_markdown"),
    Planted("an edit a character further on", f"{LINT}:change", result(
        lambda change, *_: replace(change, column=change.column + 1)), "findings_json findings_sarif"),
    Planted("an edit in the line below", f"{LINT}:change", result(
        lambda change, *_: replace(change, line=change.line - 1)), "findings_json findings_sarif"),
    Planted("a rule without its name", f"{LINT}:rule", result(lambda text, *_: text.partition(" ")[0]),
            "findings_markdown findings_github findings_junit"),
    Planted("a region without its end", f"{POSITION}.sarif:_region", result(
        lambda region, *_: {**region, "endColumn": region["startColumn"]}), "findings_sarif"),
    Planted("a level of SARIF that is another", f"{POSITION}.sarif:LEVELS", lambda right: {**right, "info": "warning"},
            "findings_sarif"),
    Planted("a finding at the layer before", "convcalc.linting.records:Finding.layer", lambda right: property(
        lambda finding: f"{right.__get__(finding)}_"), "findings_json findings_sarif findings_junit"),
]  # fmt: skip

PLANTED = [*MEMORY, *SUMS, *FIELDS, *COLUMNS, *PARTS, *SIDES, *FINDINGS]
MODULES = (witnesses, witnesses_compare, witnesses_explain, witnesses_lint)
DTYPES = ("float32", "bfloat16", "int8", "weights=int3,activations=int4,bias=int32", "weights=int4")
TRIES = [(seed, batch, dtype) for seed, (batch, dtype) in zip(
    range(10), product((3, 250_007), DTYPES), strict=False)]  # fmt: skip


for package in (convcalc.analysis, convcalc.views, convcalc.linting):  # none is read first while a fault is in another
    for module in walk_packages(package.__path__, f"{package.__name__}."):
        import_module(module.name)


def named(place: str) -> tuple[Any, str]:
    """What a function stands in, and its name there."""
    module, _, path = place.partition(":")
    owner, *names = path.split(".")
    return (getattr(import_module(module), owner), names[0]) if names else (import_module(module), owner)


def made(name: str, folder: Path, seed: int, batch: int, dtype: str) -> list[Case]:
    prefix = name.partition("_")[0]
    nets = [ledger.network(seed, other) for other in range(TAKES.get(prefix, 1))]
    is_plain = prefix in ("zoo", "block", "layer", "network", "findings")
    folder = folder / str(seed)
    folder.mkdir(exist_ok=True)
    options: Any = {} if is_plain else {"batch": batch, "dtype": dtype}
    return [case_of(net, folder, name=f"net{place}.yaml", **options) for place, net in enumerate(nets)]


def is_told(name: str, folder: Path) -> bool:
    """Whether a witness is not content with what is printed of one of a few networks."""
    witness = next(getattr(module, name) for module in MODULES if hasattr(module, name))
    for seed, batch, dtype in TRIES:
        try:
            witness(*made(name, folder, seed, batch, dtype))
        except AssertionError:
            return True
    return False


@pytest.mark.parametrize("fault", PLANTED, ids=lambda fault: fault.what)
def test_its_witnesses_tell(fault: Planted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    owner, name = named(fault.place)
    right = owner.__dict__[name] if isinstance(owner, type) else getattr(owner, name)
    monkeypatch.setattr(owner, name, fault.wrong(right))
    unheard = [witness for witness in fault.witnesses.split() if not is_told(witness, tmp_path)]
    assert not unheard


def test_there_are_faults_of_every_sort() -> None:
    assert len({fault.what for fault in PLANTED}) == len(PLANTED) >= 60
    used = {witness for fault in PLANTED for witness in fault.witnesses.split()}
    assert {name.partition("_")[0] for name in used} >= {
        "analyze",
        "zoo",
        "two",
        "several",
        "since",
        "block",
        "layer",
        "findings",
    }
