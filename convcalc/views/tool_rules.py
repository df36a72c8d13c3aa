"""The tools that there are, and the rules of one, as sheets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from convcalc.counters import Counter, PrintedFigure, ToolFault
from convcalc.language.expressions import Expression
from convcalc.views.counts.shared import Sheet, SheetColumn
from convcalc.views.formats.json import Record

_MEASURES = {"macs": "our MACs", "flops": "2 x our MACs", "params": "our params"}
_Rule = tuple[list[str], list[str], str]
_CALLS = (
    "called: nn, a module of torch.nn; F, torch.nn.functional; torch, a function of torch; x, a tensor's method; "
    "operator, as +; subclass, of a module"
)


def listed(counters: Sequence[Counter]) -> Sheet:
    """A tool with what it prints, its options and its package, and what it counts."""
    figures = [", ".join(counter.figures) for counter in counters]
    options = [", ".join(_options(counter)) for counter in counters]
    heads = [
        f"{counter.name}: {'; '.join(filter(None, [figure, option]))}; rules of {counter.package or 'no package'}"
        for counter, figure, option in zip(counters, figures, options, strict=True)
    ]
    return Sheet(
        title=("tools whose numbers are known", "", ""),
        columns=[
            SheetColumn("tool", [counter.name for counter in counters], is_text=True),
            SheetColumn("prints", figures, is_text=True),
            SheetColumn("options, the usual first", options, is_text=True),
            SheetColumn("rules of", [counter.package for counter in counters], is_text=True),
            SheetColumn("what it counts", [counter.about for counter in counters], is_text=True),
        ],
        in_lines=[line for head, counter in zip(heads, counters, strict=True) for line in (head, f"  {counter.about}")],
        foot=["`convcalc counts --rules TOOL` has its rules; a file of your own is named with its ending: mine.yaml"],
        record={"counters": [_record(counter) for counter in counters]},
        header=("tool", "package", "figures", "options", "about"),
        rows=[
            [counter.name, counter.package, figure, option, counter.about]
            for counter, figure, option in zip(counters, figures, options, strict=True)
        ],
    )


def faults(counters: Sequence[Counter]) -> Sheet:
    """What the tools get wrong, in which kinds, and the script that shows it on the tool itself."""
    known = [(counter, fault) for counter in counters for fault in counter.faults]
    where = [_where(fault) for _, fault in known]
    shown = [f"findings/{fault.finding}.sh" if fault.finding else "" for _, fault in known]
    return Sheet(
        title=("what the tools get wrong", "", ""),
        columns=[
            SheetColumn("tool", [counter.name for counter, _ in known], is_text=True),
            SheetColumn("in", where, is_text=True),
            SheetColumn("what it does", [fault.what for _, fault in known], is_text=True),
            SheetColumn("shown by", shown, is_text=True),
        ],
        in_lines=[f"{counter.name}, {_fault(fault)}" for counter, fault in known] or ["nothing that is known"],
        record={
            "faults": [{"tool": counter.name, **_fault_record(fault)} for counter, fault in known],
        },
        header=("tool", "kinds", "when", "what", "finding"),
        rows=[
            [counter.name, " ".join(fault.kinds), fault.when.text if fault.when else "", fault.what, fault.finding]
            for counter, fault in known
        ],
    )


def _options(counter: Counter) -> list[str]:
    return [f"{name}={'|'.join(values)}" for name, values in counter.options.items()]


def sheet(counter: Counter) -> Sheet:
    """Everything that a counter's file says, kinds that have the same rule together."""
    options = ", ".join(_options(counter))
    facts = {"seen": counter.seen, "assumed": "; ".join(counter.assumes), "options, the usual first": options}
    rows = [(figure.word, *row) for figure in counter.figures.values() for row in _rows(figure)]
    lines = [line for figure in counter.figures.values() for line in (_figure(figure), *map(_line, _rows(figure)))]
    return Sheet(
        title=(counter.name, counter.package, ""),
        above=[
            *filter(None, [counter.about]),
            *(f"{name}: {text}" for name, text in facts.items() if text),
            *lines,
            *(f"fault, {_fault(fault)}" for fault in counter.faults),
        ],
        foot=[_CALLS] if any(row[2] for row in rows) else [],
        record=_record(counter),
        header=("tool", "figure", "kind", "call", "rule"),
        rows=[[counter.name, word, kind, " ".join(calls), rule] for word, kinds, calls, rule in rows for kind in kinds],
    )


def _line(row: _Rule) -> str:
    kinds, calls, rule = row
    called = f" ({', '.join(calls)})" if calls else ""
    return f"  {rule}: {', '.join(kinds)}{called}"


def _figure(figure: PrintedFigure) -> str:
    beside = [
        "what shares its weights counts once" if figure.once else "",
        "printed for one sample whatever the batch" if figure.per_sample else "",
        "what has no rule is not known" if figure.others is None else "",
    ]
    return "; ".join([f"{figure.word}, held against {_MEASURES[figure.unit]}", *filter(None, beside)])


def _rows(figure: PrintedFigure) -> Iterator[_Rule]:
    """Kinds with a rule in common, what calls it is for, any if none, and the rule; those that count nothing last."""
    alike: dict[tuple[str, str], list[str]] = {}
    for kind, rules in figure.rules.items():
        calls_of: dict[str, list[str]] = {}
        for call, rule in _ordered(rules):
            calls_of.setdefault(rule.text, []).append(call)
        for text, calls in calls_of.items():
            alike.setdefault((",".join(filter(None, calls)), text), []).append(kind)
    for (listed_calls, text), kinds in sorted(alike.items(), key=lambda item: item[0][1] == "0"):
        yield kinds, listed_calls.split(",") if listed_calls else [], text
    by_rule: dict[str, list[str]] = {}
    for call, rule in _ordered(figure.calls):
        by_rule.setdefault(rule.text, []).append(call)
    for text, calls in by_rule.items():
        yield ["any other"], list(filter(None, calls)), text
    if figure.others is not None:
        yield ["any other"], [], figure.others.text


def _ordered(rules: Mapping[str, Expression]) -> list[tuple[str, Expression]]:
    """The rules by call, that for any call behind."""
    return sorted(rules.items(), key=lambda item: item[0] == "")


def _where(fault: ToolFault) -> str:
    return ", ".join(fault.kinds) + (f" where {fault.when.text}" if fault.when is not None else "")


def _fault(fault: ToolFault) -> str:
    shown = f" (findings/{fault.finding}.sh)" if fault.finding else ""
    return f"in {_where(fault)}: {fault.what}{shown}"


def _fault_record(fault: ToolFault) -> Record:
    when = None if fault.when is None else fault.when.text
    return {"kinds": fault.kinds, "when": when, "what": fault.what, "finding": fault.finding}


def _record(counter: Counter) -> Record:
    return {
        "tool": counter.name,
        "about": counter.about,
        "package": counter.package,
        "seen": counter.seen,
        "assumes": counter.assumes,
        "options": counter.options,
        "figures": [
            {
                "figure": figure.word,
                "unit": figure.unit,
                "once": figure.once,
                "per_sample": figure.per_sample,
                "rules": {kind: _texts(rules) for kind, rules in figure.rules.items()},
                "calls": _texts(figure.calls),
                "others": None if figure.others is None else figure.others.text,
            }
            for figure in counter.figures.values()
        ],
        "faults": [_fault_record(fault) for fault in counter.faults],
    }


def _texts(rules: Mapping[str, Expression]) -> dict[str, str]:
    return {call or "other": rule.text for call, rule in rules.items()}
