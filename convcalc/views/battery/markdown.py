"""What came of the battery as a Markdown table."""

from __future__ import annotations

from convcalc.views.battery.shared import BatteryRun, cell, header, key, verdict
from convcalc.views.formats.markdown import escaped
from convcalc.views.marks import marks
from convcalc.views.output import Output


def write(run: BatteryRun, out: Output) -> None:
    """A row a kind, block or network, then the counter-examples and the verdict."""
    battery, mark = run.battery, marks(out.stream.encoding)
    rows = [
        f"| kind | | cases | {' | '.join(header(battery, column) for column in battery.columns)} |",
        "|:--|:--|--:|" + ":--|" * len(battery.columns),
    ]
    for result in battery.results:
        cells = [cell(result, column, mark) for column in battery.columns]
        rows.append(f"| {escaped(result.name)} | {result.group} | {result.cases} | {' | '.join(cells)} |")
    examples = [result.counterexample for result in battery.results if result.counterexample is not None]
    specs = [f"```yaml\n{example.spec}```" for example in examples]
    out.text("\n\n".join(["\n".join(rows), *specs, *key(battery), f"**{escaped(verdict(battery))}**"]) + "\n")
