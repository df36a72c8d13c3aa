"""Makes the pictures of pages that the manual shows: real pages in a real browser.

    python docs/pictures/pages.py

Needs Chromium (Debian's `chromium`) and Playwright. Letters differ a little from machine to machine, so no test
compares the pictures: what the pages hold is tested in a browser.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
PAGES = {
    "report": (["zoo:resnet50", "--open", "layer3", "--open", "layer3.0"], "#layer3.0.conv2", (1280, 1180)),
    "sides": (["zoo:resnet18", "--variant", "separable"], "", (1280, 1440)),
}
"""Of each picture the networks and options, where the page is opened, and pixels."""


def main() -> None:
    """Take every picture."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, (arguments, place, (width, height)) in PAGES.items():
            file = Path(folder) / f"{name}.html"
            subprocess.run([sys.executable, "-m", "convcalc", "report", *arguments, "-o", str(file)], check=True)
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
            page.goto(file.as_uri() + place)
            page.wait_for_selector("html[data-ready]")
            page.wait_for_timeout(1000)  # charts grow until then
            page.screenshot(path=HERE / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
