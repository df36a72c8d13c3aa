"""Expressions are read right while other threads build syntax trees too, which Python 3.11 takes for a fault."""

from __future__ import annotations

import ast
import contextlib
import gc
import sys
import threading
from collections.abc import Iterator

import pytest

from convcalc.language.expressions import Expression

DEEP = "((((((1 + 2) * 3) + 4) * 5) + 6) + 7)" + " + 1" * 30


@pytest.fixture
def busy_threads() -> Iterator[None]:
    """Threads that parse, and take turns with this one as often as can be: also while a tree is being built."""
    done = threading.Event()

    def parse() -> None:
        while not done.is_set():
            with contextlib.suppress(SystemError):
                ast.parse(DEEP, mode="eval")

    def turn(phase: str, details: dict[str, int]) -> None:
        sum(range(300))

    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    threads = [threading.Thread(target=parse) for _ in range(3)]
    gc.callbacks.append(turn)
    gc.set_threshold(50)
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
        gc.set_threshold(*threshold)
        gc.callbacks.remove(turn)


def test_other_threads_do_not_come_in_between(busy_threads: None) -> None:
    for number in range(4000):
        assert (
            Expression(f"width * 8 + (a + b) * (c // 2) + {number}").evaluate({"width": 1, "a": 2, "b": 3, "c": 4})
            == 8 + 5 * 2 + number
        )
