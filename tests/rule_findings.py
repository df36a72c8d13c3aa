"""What one rule finds in a spec written in a test."""

from __future__ import annotations

from textwrap import dedent
from typing import Any, NamedTuple

from convcalc import rules
from convcalc.language.document import examine
from convcalc.language.source import Source
from convcalc.rules._subject import RuleSettings, Subject


class Found(NamedTuple):
    """A problem: the layer's name, the severity, what is said and advised."""

    layer: str
    severity: str
    message: str
    help: str


def subject_of(text: str, **settings: Any) -> Subject:
    source = Source("net.yaml", dedent(text))
    examined = examine(source)
    assert not examined.problems, examined.problems
    assert examined.network is not None
    asked = {name: settings.pop(name) for name in ("device", "dtype", "fused", "batch") if name in settings}
    given = RuleSettings(**settings, asked=asked)  # type: ignore[arg-type]
    return Subject(source, examined.network, examined.places, (), given, tuple(examined.warnings))


def findings(code: str, text: str, **settings: Any) -> list[Found]:
    """What a rule finds, in the order it says it; a spec with mistakes fails the test."""
    rule = rules.load(code)
    assert rule is not None
    subject = subject_of(text, **settings)
    nodes = subject.network.nodes
    return [
        Found(
            nodes[problem.index].name if problem.index is not None else "",
            problem.severity or (problem.diagnostic.severity if problem.diagnostic is not None else rule.severity),
            problem.message,
            problem.help,
        )
        for problem in rule.check(subject)
    ]


def layers_of(code: str, text: str, **settings: Any) -> list[str]:
    """The names of the layers that a rule has something to say about."""
    return [finding.layer for finding in findings(code, text, **settings)]


def written(kind: str, **fields: Any) -> str:
    """A layer as the spec language writes it."""
    return f"- {kind}: {{{', '.join(f'{name}: {_value(value)}' for name, value in fields.items())}}}"


def _value(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_value, value))}]"
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def net(shape: tuple[int, ...], *layers: str) -> str:
    """A spec of one input and layers in a row."""
    return f"input: [{', '.join(map(str, shape))}]\nlayers:\n" + "".join(f"  {layer}\n" for layer in layers)
