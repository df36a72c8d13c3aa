"""`convcalc report` against an analysis, and how soon the pages stand in a browser.

    python benchmarks/report.py [RUNS]

Prints the wall time of `report` and of `analyze` of ResNet-50 as whole processes (median, min, max), and the ratio of
the pairs, which take turns; the sizes of the page and of the picture. Then, where Chromium and Playwright are, the time
until the page stands in a browser, of ResNet-50 and of a chain of 10,000 layers, network off. Ends with 1 if a figure
is not kept.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from startup import CONVCALC, SPEC, run, spread

MOST_RATIO = 4.0
MOST_BYTES = {"html": 1_200_000, "svg": 60_000}
MOST_SECONDS = 3.0
LAYERS = 10_000


def against_analyze(folder: Path, runs: int) -> bool:
    """Whole processes, in pairs; whether the ratio is kept."""
    report = [*CONVCALC, "report", SPEC, "-o", str(folder / "page.html"), "--force"]
    analyze = [*CONVCALC, "analyze", SPEC]
    run(report), run(analyze)  # compiles what is not compiled yet
    pairs = [(run(report), run(analyze)) for _ in range(runs)]
    ratios = [a[0] / b[0] for a, b in pairs]
    print(f"report {SPEC}: {spread(ratios, 1, 2)} of analyze, at most {MOST_RATIO}")
    for place, (unit, factor, digits) in enumerate((("wall ms", 1000, 0), ("peak MiB", 1, 1))):
        a, b = (spread([pair[side][place] for pair in pairs], factor, digits) for side in (0, 1))
        print(f"    {unit} {a} against {b}")
    return median(ratios) <= MOST_RATIO


def sizes(folder: Path) -> bool:
    """Whether the page and the picture of ResNet-50 are small enough."""
    is_kept = True
    for format_, most in MOST_BYTES.items():
        file = folder / f"size.{format_}"
        run([*CONVCALC, "report", SPEC, "-o", str(file), "--force"])
        size = file.stat().st_size
        print(f"{format_} of {SPEC}: {size:,} bytes, at most {most:,}")
        is_kept &= size <= most
    return is_kept


def in_a_browser(folder: Path, runs: int) -> bool:
    """Seconds until a page is ready; whether the longest net's is within its figure."""
    browser = shutil.which("chromium")
    if browser is None:
        print("no chromium: pages were not opened")
        return True
    from playwright.sync_api import sync_playwright

    chain = folder / "chain.yaml"
    layer = "  - conv: {out_channels: 8, kernel_size: 3, padding: 1}\n"
    chain.write_text(f"name: chain\ninput: [8, 64, 64]\nlayers:\n{layer * LAYERS}", "utf-8")
    is_kept = True
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for spec in (SPEC, str(chain)):
            page_file = folder / f"{Path(spec).stem}.html"
            run([*CONVCALC, "report", spec, "-o", str(page_file), "--force"])
            seconds = []
            for _ in range(runs):
                context = chromium.new_context(offline=True)
                page = context.new_page()
                start = time.perf_counter()
                page.goto(page_file.as_uri())
                page.wait_for_selector("html[data-ready]")
                page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
                seconds.append(time.perf_counter() - start)
                context.close()
            print(f"{page_file.name} ({page_file.stat().st_size:,} bytes) stands after {spread(seconds, 1, 2)} s")
            is_kept &= median(seconds) <= MOST_SECONDS
        chromium.close()
    return is_kept


def main(runs: int) -> None:
    """Measure all."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kept = [against_analyze(folder, runs), sizes(folder), in_a_browser(folder, min(runs, 5))]
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
