"""The browser that pages are tested in sees what is wrong with one, and lets nothing out."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from browser import Chromium, Watch

CLEAN = "<!doctype html><meta charset=utf-8><title>a</title><link rel=icon href=data:,><p>b"


def watched(chromium: Chromium, path: Path, html: str) -> list[str]:
    """What a page does that no page of ours may do."""
    path.write_text(html, "utf-8")
    with chromium.used():
        context = chromium.browser.new_context(offline=True)
        watch = Watch(context)
        context.new_page().goto(path.as_uri())
        watch.end()
    return watch.events


@pytest.mark.parametrize(
    ("addition", "event"),
    [
        ("<script>console.log('x')</script>", "console log: x"),
        ("<script>console.error('x')</script>", "console error: x"),
        ("<script>setTimeout(() => { throw new Error('x') })</script>", "error: x"),
        ("<script>Promise.reject(new Error('x'))</script>", "error: x"),
        ("<img src='http://127.0.0.1:9/a.png'>", "request: GET http://127.0.0.1:9/a.png"),
        ("<script>fetch('https://example.com/').catch(() => 0)</script>", "request: GET https://example.com/"),
        ("<script>navigator.sendBeacon('https://example.com/', 'x')</script>", "request: POST https://example.com/"),
        ("<style>@import 'https://example.com/a.css';</style>", "request: GET https://example.com/a.css"),
        ("<script>new WebSocket('ws://127.0.0.1:9/')</script>", "web socket: ws://127.0.0.1:9/"),
        ("<iframe src='https://example.com/'></iframe>", "request: GET https://example.com/"),
        ("<script src='other.js'></script>", "request: GET {folder}/other.js"),
    ],
)
def test_what_a_page_must_not_do_is_seen(chromium: Chromium, tmp_path: Path, addition: str, event: str) -> None:
    (tmp_path / "other.js").write_text("0", "utf-8")
    events = watched(chromium, tmp_path / "a.html", CLEAN + addition)
    assert event.format(folder=tmp_path.as_uri()) in events


def test_a_page_that_does_nothing_of_it_is_let_be(chromium: Chromium, tmp_path: Path) -> None:
    assert watched(chromium, tmp_path / "a.html", CLEAN + "<script>document.title = 'c'</script>") == []


def test_other_event_loops_run_beside_it(chromium: Chromium, tmp_path: Path) -> None:
    """Between two tests with a browser; those of notebooks and of clusters have loops of their own."""
    assert asyncio.run(asyncio.sleep(0, "ran")) == "ran"
    assert watched(chromium, tmp_path / "a.html", CLEAN) == []
    assert asyncio.run(asyncio.sleep(0, "ran")) == "ran"
