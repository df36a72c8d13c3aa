"""What came of the battery as a Markdown table."""

from __future__ import annotations

from convcalc.battery.run import Battery
from convcalc.views.formats.markdown import escaped
from convcalc.views.verification.battery import cell, header, key, verdict
from convcalc.views.verification.marks import marks


def text(found: Battery, encoding: str | None = "utf-8") -> str:
    """A row a kind, block or network, then the counter-examples and the verdict."""
    mark = marks(encoding)
    rows = [
        f"| kind | | cases | {' | '.join(header(found, column) for column in found.columns)} |",
        "|:--|:--|--:|" + ":--|" * len(found.columns),
    ]
    for result in found.results:
        cells = [cell(result, column, mark) for column in found.columns]
        rows.append(f"| {escaped(result.name)} | {result.group} | {result.cases} | {' | '.join(cells)} |")
    examples = [result.counterexample for result in found.results if result.counterexample is not None]
    specs = [f"```yaml\n{example.spec}```" for example in examples]
    return "\n\n".join(["\n".join(rows), *specs, *key(found), f"**{escaped(verdict(found))}**"]) + "\n"
