"""How far long work is, on standard error where a person looks at it: a bar for points, else what is being done.

Both come when the work turns out to be long, and go when it is done.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from convcalc.views.output import console
from convcalc.visible import visible

_LONG = 1.0
"""Seconds after which a run is long enough to be told how far it is."""
Progress = Callable[[int, int, int], None]
"""Takes how many points are done, of how many, and how many of them were refused."""


@contextmanager
def points_done() -> Iterator[Progress | None]:
    """What a run tells its progress; None where there is no terminal. The bar goes when the run is done."""
    if not sys.stderr.isatty():
        yield None
        return
    bar = _Bar()
    try:
        yield bar.update
    finally:
        bar.stop()


@contextmanager
def working(text: str) -> Iterator[None]:
    """Within, a spinner with what is being done, once that takes longer than a second; nothing without a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    spinner = _Spinner(text)
    try:
        yield
    finally:
        spinner.stop()


@contextmanager
def layers_done(text: str) -> Iterator[Callable[[int, int], None] | None]:
    """What a run tells how many layers are done, of how many; None without a terminal. `text` says what runs."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn(), TextColumn("left"))
    bar = Bars(*columns, console=console(sys.stderr), transient=True)
    task, started = bar.add_task(visible(text), total=None), time.perf_counter()

    def show(done: int, count: int) -> None:
        if not bar.live.is_started and time.perf_counter() - started >= _LONG:
            bar.start()
        bar.update(task, completed=done, total=count)

    try:
        yield show
    finally:
        bar.stop()


class _Spinner:
    """Another thread shows it, as the work does not say how far it is."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._stop: Callable[[], None] | None = None
        self.timer = threading.Timer(_LONG, self._begin)
        self.timer.daemon = True
        self.timer.start()

    def stop(self) -> None:
        """Take the spinner away, or let it not come."""
        self.timer.cancel()
        self.timer.join()
        if self._stop is not None:
            self._stop()

    def _begin(self) -> None:
        from rich import progress as rich_progress
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

        text = TextColumn("{task.description}", markup=False)
        columns = (SpinnerColumn(), text, TimeElapsedColumn())
        bar = rich_progress.Progress(*columns, console=console(sys.stderr), transient=True)
        bar.add_task(visible(self.text), total=None)
        bar.start()
        self._stop = bar.stop


class _Bar:
    """A bar that comes when a run turns out to be long."""

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self._stop: Callable[[], None] | None = None
        self._show: Progress | None = None

    def update(self, done: int, points: int, refused: int) -> None:
        """Show how far it is, if it is worth it."""
        if self._show is None:
            if time.perf_counter() - self.started < _LONG:
                return
            self._begin()
        if self._show is not None:
            self._show(done, points, refused)

    def stop(self) -> None:
        """Take the bar away."""
        if self._stop is not None:
            self._stop()

    def _begin(self) -> None:
        from rich import progress as rich_progress
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn

        from convcalc.views.sweep.shared import approximately

        text = TextColumn("{task.description}", style="cyan", markup=False)
        columns = (TextColumn("sweep"), BarColumn(), text, TimeRemainingColumn(), TextColumn("left"))
        bar = rich_progress.Progress(*columns, console=console(sys.stderr), transient=True)
        task = bar.add_task("", total=None)

        def show(done: int, points: int, refused: int) -> None:
            rate = approximately(round(done / (time.perf_counter() - self.started)))
            words = [f"{approximately(done)} of {approximately(points)} points", f"{rate}/s"]
            words += [f"{approximately(refused)} refused"] if refused else []
            bar.update(task, description="  ".join(words), completed=done, total=points)

        bar.start()
        self._stop, self._show = bar.stop, show
