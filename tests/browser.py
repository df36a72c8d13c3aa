"""Pages in a real browser: headless Chromium, as Debian or the like has it, which has no network and is watched.

`page` is a page of Playwright, with which a test opens a file from disk: ``page.goto(path.as_uri())``. `new_page` makes
more of them, of another size or dark: ``new_page(viewport={"width": 375, "height": 700}, color_scheme="dark")``. At its
end such a test fails where the browser had anything to say on its console, a script threw an error, or anything but the
file itself was asked for, all of which is refused. Where there is no Chromium the test is skipped; none is ever
downloaded.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import (
        Browser,
        BrowserContext,
        ConsoleMessage,
        Page,
        Request,
        Route,
        WebError,
        WebSocketRoute,
    )

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 30_000
"""Milliseconds until what is waited for counts as not coming: many, since machines that test are busy."""

NewPage = Callable[..., "Page"]


class Watch:
    """What a context did that a page of ours never does, in words, in the order in which it happened."""

    def __init__(self, context: BrowserContext) -> None:
        self.events: list[str] = []
        self._context = context
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.route("**/*", self._route)
        context.route_web_socket("**/*", self._socket)

    def end(self) -> None:
        """Close the context, once all has come that its pages have said by now."""
        for page in self._context.pages:
            page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        self._context.close()

    def _console(self, message: ConsoleMessage) -> None:
        self.events.append(f"console {message.type}: {message.text}")

    def _error(self, error: WebError) -> None:
        self.events.append(f"error: {error.error}")

    def _socket(self, route: WebSocketRoute) -> None:
        self.events.append(f"web socket: {route.url}")  # and it is not connected

    def _route(self, route: Route, request: Request) -> None:
        is_own = request.is_navigation_request() and request.frame.parent_frame is None
        if is_own and request.url.startswith("file:"):
            route.continue_()
        else:
            self.events.append(f"request: {request.method} {request.url}")
            route.abort()


class Chromium:
    """A browser that runs, and the event loop that Playwright leaves marked as running between two calls.

    While it is marked no other loop can run in the thread, and other tests have their own: so it is only within `used`.
    """

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self._loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)

    @contextmanager
    def used(self) -> Iterator[None]:
        """Within, the browser can be called, and no other event loop be run."""
        asyncio._set_running_loop(self._loop)
        try:
            yield
        finally:
            asyncio._set_running_loop(None)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """The browser of a test process, which is started when a test first asks for it."""
    path = next((path for name in NAMES if (path := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium is installed (on Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    started = playwright.sync_playwright().start()
    chromium = Chromium(started.chromium.launch(executable_path=path))
    yield chromium
    with chromium.used():
        chromium.browser.close()
        started.stop()


@pytest.fixture
def new_page(chromium: Chromium) -> Iterator[NewPage]:
    """A function that makes a page; what it takes is what Playwright's ``new_context`` takes."""
    watches: list[Watch] = []

    def made(**options: Any) -> Page:
        context = chromium.browser.new_context(offline=True, **{"viewport": {"width": 1280, "height": 800}, **options})
        context.set_default_timeout(PATIENCE)
        watches.append(Watch(context))
        return context.new_page()

    with chromium.used():
        yield made
        for watch in watches:
            watch.end()
    assert [event for watch in watches for event in watch.events] == []


@pytest.fixture
def page(new_page: NewPage) -> Page:
    """A page of 1280 by 800 pixels."""
    return new_page()
