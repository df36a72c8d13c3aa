"""A word or number that other readers of YAML take for something else.

convcalc reads YAML 1.2, where `no` is a text; YAML 1.1, which PyYAML and many tools still read, has it as false,
`010` as 8 and `1:30` as 90. Where a flag or a number is meant the loader refuses the word, as an error; a number with
a leading zero it refuses anywhere. As a warning, flagged is one of yes, no, on, off, y, n, in any of their cases,
that is written plain and taken as a text: in a variable, a parameter of a block or its argument. A name of a variable
is no such text. `--fix` puts it in quotes.

Not flagged: what is in quotes; names and texts (`name`, `source`, `about`) and where names are referred to (`from`,
`share`, `outputs`).

False positives: a word that is meant as a word, and read by convcalc alone.

Source: yamllint's truthy and octal-values; YAML 1.1's bool and int types.

Flagged:
    input: [3, 32, 32]
    layers:
      - conv: {out_channels: 16, kernel_size: 3, bias: no} # <- CC003

Flagged:
    input: [3, 32, 32]
    variables: {augment: on} # <- CC003
    layers: [relu]

Allowed:
    input: [3, 32, 32]
    variables: {augment: "on", bias: false, n: 16}
    layers:
      - conv: {name: no, out_channels: n, kernel_size: 3, bias: bias}
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from convcalc.fields import AMBIGUOUS
from convcalc.language.tree import Mapping, Node, Scalar, Sequence
from convcalc.rules._subject import Problem, Subject

SEVERITY = "warning"

_WORTH_A_LOOK = re.compile(rf"(?i)\b({'|'.join(AMBIGUOUS)})\b")
TEXTS = {"name", "source", "about", "from", "share", "outputs", "lint"}
"""Fields whose values are texts to every reader that knows them."""


def check(subject: Subject) -> Iterator[Problem]:
    """What the loader refuses, and words that it takes as texts."""
    tree = subject.places.tree
    if tree is None or not _WORTH_A_LOOK.search(subject.source.text):
        return
    reported = {(diagnostic.line, diagnostic.column) for diagnostic in subject.diagnostics}
    from convcalc.rules._fixes import quoting

    for word in _words(tree, set(subject.network.variables), set()):
        source = subject.source
        line = source.line(word.start)
        if (line, word.start - source.line_at(line)[1] + 1) in reported:
            continue
        boolean = AMBIGUOUS[str(word.value).lower()]
        message = f"`{word.value}` is a text here, and {boolean} to readers of YAML 1.1"
        advice = f'write "{word.value}", or {boolean} where that is meant'
        yield Problem(None, word.start, word.end, message, advice, quoting(word.start, word.end, str(word.value)))


def _words(node: Node, names: set[str], known: set[int]) -> Iterator[Scalar]:
    """Plain words that may be read as true or false, and name nothing; what aliases stand for is looked at once."""
    if id(node) in known:
        return
    known.add(id(node))
    if isinstance(node, Scalar):
        value = node.value
        if node.plain and isinstance(value, str) and value.lower() in AMBIGUOUS and value not in names:
            yield node
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _words(item, names, known)
    else:
        parameters = node.find("parameters")
        if isinstance(parameters, Mapping):
            names = names | {str(key.value) for key, _ in parameters.entries}
        for key, value in node.entries:
            if key.value not in TEXTS:
                yield from _words(value, names, known)
