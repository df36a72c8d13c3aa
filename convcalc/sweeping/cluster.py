"""The same run on Dask: workers work out parts of it, and what they keep is merged as it comes.

A part says the same wherever and however often it is worked out, so that one lost with its worker is done again
elsewhere. No part holds a result that another one needs.
"""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from convcalc.extras import require
from convcalc.language import Source, SpecError
from convcalc.sweeping.driving import known
from convcalc.sweeping.kept import KeptRows, WantedRows, nothing_yet
from convcalc.version import __version__

if TYPE_CHECKING:
    from distributed import Client, Future

    from convcalc.sweeping.plan import Plan

_SECONDS = 1.0
"""What a part is to take: so much that sending it is nothing, and so little that losing it is nothing."""
_AHEAD = 3
"""Parts for every thread that have been sent: there is always a next one."""
_FEWEST_PARTS = 8
"""Parts for every thread at least, so that all have something to do until the end."""
_ANSWER, _JOINED = 10, 30
"""Seconds after which a scheduler that does not answer, and one that no worker has joined, is given up."""

_HERE = "127.0.0.1"
Progress = Callable[[int, int, int], None]


class Done(msgspec.Struct, frozen=True):
    """What came of some points, and in which time."""

    kept: KeptRows
    unmoved: tuple[str, ...]
    seconds: float


def known_on_dask(
    plan: Any, wanted: WantedRows, progress: Progress | None, address: str
) -> tuple[KeptRows, tuple[str, ...]]:
    """What is kept of all points, or of those done when it was interrupted; and what is swept and changes no total.

    Raises:
        SpecError: there is nobody at the address, or the workers cannot work it out.
        NotInstalled: Dask is not.
    """
    require("dask", "dask", "distributed", purpose="--dask")
    kept = nothing_yet(wanted)
    unmoved = {axis.name for axis in plan.space.axes}
    try:
        with _client(address) as client:
            for part in _parts(client, plan, wanted):
                kept = kept.merged(part.kept)
                unmoved &= {*part.unmoved}
                if progress is not None:
                    progress(kept.points, plan.points, kept.refused)
    except KeyboardInterrupt:
        return kept, ()
    _look_along_axes(plan)
    return kept, tuple(name for name in plan.unmoved if name in unmoved)


def _look_along_axes(plan: Any) -> None:
    """Let the plan meet what no worker may have seen together: networks that differ along one axis."""
    if plan.draws is not None:
        plan.block(0, min(plan.points, 1_000))
        return
    step = 1
    for axis in reversed(plan.space.axes):
        for place in range(min(len(axis.values), 1_000)):
            plan.block(place * step, 1)
        step *= len(axis.values)


# ---- parts -------------------------------------------------------------------------------------------------------


def _parts(client: Client, plan: Plan, wanted: WantedRows) -> Iterator[Done]:
    """What comes of all parts, whichever is done first; those that follow are made as large as their time allows."""
    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    threads = sum(client.nthreads().values())
    # what is scattered is gone with the worker that has it; what is submitted is made again
    pickled = client.submit(bytes, pickle.dumps(plan), pure=False)
    size = max(min(plan.chunk, plan.points // (4 * _FEWEST_PARTS * threads)), 1)
    largest = max(plan.points // (_FEWEST_PARTS * threads), 1)
    first, futures = 0, as_completed(loop=client.loop)

    def send() -> None:
        nonlocal first
        count = min(_whole_chunks(first, min(size, largest), plan.chunk), plan.points - first)
        if count:
            futures.add(client.submit(_worked_out, pickled, wanted, first, count, pure=False))
            first += count

    for _ in range(_AHEAD * threads):
        send()
    for future in futures:
        part = _result(future, KilledWorker)
        send()
        yield part
        rate = part.kept.points / max(part.seconds, 1e-3)
        size = max(min(round(_SECONDS * rate), 4 * size), 1)


def _whole_chunks(first: int, size: int, chunk: int) -> int:
    """About so many points from one on, up to a place where a chunk begins if there is one."""
    end = first + size
    return max(end - end % chunk - first, 0) or size


def _result(future: Future, killed: type[Exception]) -> Done:
    try:
        part: Done = future.result()
    except killed as error:
        message = "a part of the work ended every worker that took it: is their memory enough?"
        raise _refused("--dask", message) from error
    return part


_own = threading.local()
"""The plan that a thread of a worker has at hand: what it has built for some points serves for others."""


def _worked_out(pickled: bytes, wanted: WantedRows, first: int, count: int) -> Done:
    """What a worker does."""
    if getattr(_own, "pickled", None) != pickled:
        _own.plan, _own.pickled = pickle.loads(pickled), pickled  # noqa: S301  # what was sent with this very function
    started = time.perf_counter()
    kept = nothing_yet(wanted)
    for kept in known(_own.plan, wanted, first, first + count):  # noqa: B007  # the last is wanted
        pass
    return Done(kept.settled(), _own.plan.unmoved, time.perf_counter() - started)


# ---- workers -----------------------------------------------------------------------------------------------------


@contextmanager
def _client(address: str) -> Iterator[Client]:
    from distributed import Client

    if not address:
        with _local_cluster() as cluster, Client(cluster, set_as_default=False) as client:
            yield client
        return
    try:
        client = Client(address, set_as_default=False, timeout=_ANSWER)
    except (OSError, ValueError, TypeError) as error:
        raise _refused(address, f"no scheduler answers there: {error}") from None
    with client:
        _check_workers(client, address)
        yield client


def _local_cluster() -> Any:
    """A process for each core. None listens but to this machine, and there is no page to look at them.

    Without an address for these pages Dask serves them all the same, at port 8787.
    """
    import logging

    from dask.system import CPU_COUNT
    from distributed import LocalCluster

    return LocalCluster(
        n_workers=CPU_COUNT,
        threads_per_worker=1,
        processes=True,
        host=_HERE,
        dashboard_address=f"{_HERE}:0",
        worker_dashboard_address=f"{_HERE}:0",
        scheduler_kwargs={"dashboard": False},
        silence_logs=logging.CRITICAL,
    )


def _check_workers(client: Client, address: str) -> None:
    """See that there are workers, and that they have this version of convcalc."""
    try:
        client.wait_for_workers(1, timeout=_JOINED)
    except TimeoutError:
        raise _refused(address, f"no worker has joined the scheduler within {_JOINED} s") from None

    def version() -> str:  # sent as it stands, as it is within another: workers need not have this file
        try:
            from convcalc.version import __version__
        except ImportError:
            return ""
        return __version__

    for worker, there in client.run(version).items():
        if there != __version__:
            what = f"has convcalc {there}" if there else "has no convcalc"
            raise _refused(address, f"the worker at {worker} {what}; here it is {__version__}")


def _refused(address: str, message: str) -> SpecError:
    advice = "pip install 'convcalc[dask]' on every worker, in the same version"
    return SpecError([Source("--dask", address).diagnostic("CC011", 0, len(address), message, advice)])
