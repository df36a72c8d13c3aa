"""Linting against analysing, as whole processes; and many specs in one call.

    python benchmarks/lint.py [RUNS]

Prints the wall time of `lint` and of `analyze --format json` of one ResNet-50 (median, min, max) and the ratio of the
pairs, which take turns; then milliseconds a spec where 1, 50 and 200 specs are linted in one call, and whether a
further spec costs the same among few and among many. The specs are copies of those of the zoo.
"""

import sys
import tempfile
from itertools import cycle, islice, pairwise
from pathlib import Path
from statistics import median

from startup import CONVCALC, ROOT, SPEC, run, spread

MOST_RATIO = 1.3
MOST_MILLISECONDS = 60
COUNTS = (1, 50, 200)
FLAT = 1.3
"""The milliseconds that a further spec takes may differ by so much, among few and among many."""


def pairs(runs: int) -> None:
    """One spec: lint against analyze."""
    lint = [*CONVCALC, "lint", SPEC, "--fail-level", "error"]
    analyze = [*CONVCALC, "analyze", SPEC, "--format", "json"]
    run(lint), run(analyze)  # compiles what is not compiled yet
    items = [(run(lint), run(analyze)) for _ in range(runs)]
    ratio = spread([a[0] / b[0] for a, b in items], 1, 2)
    print(f"lint {SPEC}: {ratio} of analyze, at most {MOST_RATIO}")
    for place, (unit, factor, digits) in enumerate((("wall ms", 1000, 0), ("peak MiB", 1, 1))):
        a, b = (spread([pair[side][place] for pair in items], factor, digits) for side in (0, 1))
        print(f"    {unit} {a} against {b}")


def many(runs: int) -> None:
    """Copies of the zoo's specs, more and more of them in one call."""
    texts = [path.read_text("utf-8") for path in sorted((ROOT / "specs" / "zoo").glob("*.yaml"))]
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"net{number}.yaml" for number in range(max(COUNTS))]
        for file, text in zip(files, islice(cycle(texts), len(files)), strict=True):
            file.write_text(text, "utf-8")
        totals = {}
        for count in COUNTS:
            times = [1000 * seconds(files[:count]) for _ in range(runs)]
            totals[count] = median(times)
            limit = f", at most {MOST_MILLISECONDS}" if count == max(COUNTS) else ""
            print(f"{count:4} specs: {spread([time / count for time in times], 1, 1)} ms each{limit}")
        steps = [(totals[more] - totals[less]) / (more - less) for less, more in pairwise(COUNTS)]
        print(f"     each further spec: {' and '.join(f'{step:.1f}' for step in steps)} ms, "
              f"{max(steps) / min(steps):.2f} times the least, at most {FLAT}")  # fmt: skip


def seconds(files: list[Path]) -> float:
    """Wall seconds of linting files."""
    return run([*CONVCALC, "lint", *map(str, files), "--fail-level", "error"])[0]


if __name__ == "__main__":
    asked = int(sys.argv[1]) if len(sys.argv) > 1 else 21
    pairs(asked)
    many(max(1, asked // 4))
