"""What came of the battery as a Markdown table."""

from __future__ import annotations

from convcalc.reference.battery import Battery
from convcalc.reference.findings import COLUMNS
from convcalc.views.markdown import escaped
from convcalc.views.verification.battery import HEADERS, KEY, cell, headline, verdict
from convcalc.views.verification.marks import marks

MARKS = marks("utf-8")


def text(found: Battery) -> str:
    """A row a kind, block or network, then the counter-examples and the verdict."""
    rows = [
        f"| kind | | cases | {' | '.join(HEADERS[column] for column in COLUMNS)} |",
        "|:--|:--|--:|" + ":--|" * len(COLUMNS),
    ]
    for result in found.results:
        cells = [cell(result, column, MARKS) for column in COLUMNS]
        rows.append(f"| {escaped(result.name)} | {result.group} | {result.cases} | {' | '.join(cells)} |")
    parts = ["\n".join(rows)]
    for result in found.results:
        if result.counterexample is not None:
            parts.append(escaped(headline(result.name, result.counterexample, found.seed)))
            parts.append(f"```yaml\n{result.counterexample.spec}```")
    return "\n\n".join([*parts, KEY, f"**{escaped(verdict(found))}**"]) + "\n"
