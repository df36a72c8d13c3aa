"""Sweeps on Dask: what comes of them is what comes without it, whatever becomes of the workers."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from formula_plan import FormulaPlan
from msgspec.structs import asdict

import convcalc
from convcalc.extras import NotInstalled
from convcalc.language import Source, SpecError
from convcalc.sweeping import cluster
from convcalc.sweeping.driving import known
from convcalc.sweeping.kept import KeptRows, WantedRows
from convcalc.version import __version__

distributed = pytest.importorskip("distributed", reason="the extra convcalc[dask] is not installed")

NET = Source(
    "small.yaml",
    """name: small
input: [3, 24, 24]
variables: {width: 1, groups: 1, depth: 1, idle: 3}
layers:
  - conv: {out_channels: width * 8, kernel_size: 3, groups: groups, bias: false}
  - conv: {out_channels: 12, kernel_size: 3, repeat: depth, padding: 1}
""",
)
SWEEP: dict[str, Any] = {
    "over": ["width=1:300", "input=8:24:2", "depth=1,2,3", "groups=1,2"],
    "where": "macs <= 3M",
    "pareto": "macs,-params,-activation_bytes",
    "sort": "-macs",
    "refused": 3,
}
WANTED = WantedRows(2, 2, refused=4)


class SlowPlan(FormulaPlan):
    """Takes its time, so that there is some to kill a worker in."""

    def block(self, first: int, count: int) -> Any:
        time.sleep(count / 400_000)
        return super().block(first, count)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A scheduler with two workers, each of which is started again when it dies."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=50
    ) as here:
        yield here.scheduler_address


def told(kept: KeptRows) -> tuple[Any, ...]:
    rows = kept.rows()
    keys = [key.tolist() for key in rows.keys]
    return kept.points, kept.satisfying, kept.refusals(9), rows.numbers.tolist(), keys, rows.like.tolist()


def plain(sweep: Any) -> dict[str, Any]:
    fields = {**asdict(sweep), "seconds": 0}
    columns = {name: getattr(cells, "tolist", lambda cells=cells: cells)() for name, cells in sweep.columns.items()}
    return {**fields, "columns": columns, "like": sweep.like.tolist()}


def test_a_worker_that_dies_in_the_middle_changes_nothing(address: str) -> None:
    plan = SlowPlan(points=400_000, chunk=10_000)
    killed: list[int] = []

    def kill(done: int, points: int, refused: int) -> None:
        if not killed and done < points // 2:
            with distributed.Client(address, set_as_default=False) as client:
                killed.extend(client.run(os.getpid).values())
            os.kill(killed[0], signal.SIGKILL)

    kept, _ = cluster.known_on_dask(plan, WANTED, kill, address)
    assert len(killed) == 2
    assert not psutil.pid_exists(killed[0]) or psutil.Process(killed[0]).status() == psutil.STATUS_ZOMBIE
    *_, alone = known(FormulaPlan(points=400_000, chunk=10_000), WANTED, 0, plan.points)
    assert told(kept) == told(alone)


def test_a_network_on_a_scheduler_of_others(address: str) -> None:
    calls: list[tuple[int, int, int]] = []
    sweep = convcalc.sweep(NET, **SWEEP, dask=address, progress=lambda *call: calls.append(call))
    assert plain(sweep) == plain(convcalc.sweep(NET, **SWEEP))
    assert sweep.refused
    assert calls == sorted(calls)
    assert len(calls) > 4
    assert calls[-1] == (sweep.points, sweep.points, sweep.refused)
    sample = {**SWEEP, "sample": 2_000, "seed": 5, "pareto": "", "top": 30}
    assert plain(convcalc.sweep(NET, **sample, dask=address)) == plain(convcalc.sweep(NET, **sample))


def test_what_moves_nothing_is_what_does_so_in_no_part(address: str) -> None:
    sweep = convcalc.sweep(NET, over=["idle=1:50", "depth=1,2", "width=1:50"], dask=address)
    assert sweep.unmoved == ("idle",)


def test_workers_of_this_machine_are_for_it_alone_and_go() -> None:
    own = psutil.Process()
    before = {child.pid for child in own.children(recursive=True)}
    ports = {at.laddr for at in own.net_connections("inet") if at.status == psutil.CONN_LISTEN}
    listening: list[Any] = []

    def interrupt(*_: int) -> None:
        for process in (own, *(child for child in own.children(recursive=True) if child.pid not in before)):
            connections = process.net_connections("inet")
            listening.extend(at.laddr for at in connections if at.status == psutil.CONN_LISTEN)
        raise KeyboardInterrupt

    sweep = convcalc.sweep(NET, **SWEEP, dask="", progress=interrupt)
    assert sweep.is_partial
    assert sweep.done > 0
    assert len(sweep.columns["macs"]) > 0
    fresh = {address for address in listening if address not in ports}
    assert fresh
    assert {address.ip for address in fresh} == {"127.0.0.1"}
    assert {child.pid for child in own.children(recursive=True)} - before <= _trackers()


def _trackers() -> set[int]:
    """Processes that Python itself keeps beside those that it has started."""
    return {
        child.pid
        for child in psutil.Process().children(recursive=True)
        if "resource_tracker" in " ".join(child.cmdline())
    }


# ---- what is refused ---------------------------------------------------------------------------------------------


def refusal(address: str) -> str:
    with pytest.raises(SpecError) as caught:
        convcalc.sweep(NET, over=["width=1,2"], dask=address)
    (problem,) = caught.value.diagnostics
    assert problem.path == "--dask"
    return problem.message


def test_workers_of_another_version_are_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    version = __version__
    monkeypatch.setattr(cluster, "__version__", "99.1")
    assert f"has convcalc {version}; here it is 99.1" in refusal(address)


def test_workers_without_convcalc_are_refused(address: str) -> None:
    def hide(is_hidden: bool) -> None:
        sys.modules.pop("convcalc.version", None)
        if is_hidden:
            sys.modules["convcalc.version"] = None  # type: ignore[assignment]  # as if it were not there

    with distributed.Client(address, set_as_default=False) as client:
        client.run(hide, True)
        try:
            assert "has no convcalc" in refusal(address)
        finally:
            client.run(hide, False)


def test_a_scheduler_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_ANSWER", 0.3)
    assert "no scheduler answers there" in refusal("tcp://127.0.0.1:1")
    assert "no scheduler answers there" in refusal("what://127.0.0.1:1")


def test_a_scheduler_without_workers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_JOINED", 0.3)
    with distributed.LocalCluster(
        n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=50
    ) as here:
        assert "no worker has joined" in refusal(here.scheduler_address)


def test_what_to_install_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convcalc.extras.find_spec", lambda name: None)
    with pytest.raises(
        NotInstalled, match=r"dask is not installed, which --dask takes: pip install 'convcalc\[dask\]'"
    ):
        convcalc.sweep(NET, over=["width=1,2"], dask="")
