"""The long run: as many inputs as are asked for, in processes of their own, and what the worst of them took.

    PYTHONPATH=tests python -m fuzz.run --specs 300000 --models 100000 --workers 2

Every command is held to seconds of CPU and to memory. Each distinct failure is made smaller and kept in a folder, with
a line in its README: what fails in convcalc itself becomes a case of the tests.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, cast

import msgspec

from fuzz import commands
from fuzz.commands import Arguments, Failure
from fuzz.inputs import KINDS, Input, numbered
from fuzz.shrink import shrunk

SECONDS, MEGABYTES = 5.0, 500
"""What a command may take; the memory is what it adds to a process that has everything imported."""
AT_A_TIME = 500
"""Inputs of one process."""


class OverLimit(BaseException):
    """A command has had its time; no exception, so that nobody takes it for one that they know."""


class Tried(msgspec.Struct, frozen=True):
    """A command on an input, and what it took in seconds of CPU and megabytes."""

    arguments: Arguments
    outcome: str
    failure: Failure | None
    seconds: float
    megabytes: float


def drawn(own: Input, seconds: float) -> Arguments:
    """One more command line; a network is loaded for it, which is given up where it takes too long."""
    try:
        with _limited(seconds):
            return own.arguments()
    except OverLimit:
        return ["load", own.file]


def measured(own: Input, arguments: Arguments, seconds: float) -> Tried:
    """Try a command, within its limits."""
    resident, start = _forget_peak(), time.process_time()
    try:
        with _limited(seconds):
            outcome, failure = own.tried(arguments)
    except OverLimit:
        outcome = "over time"
        failure = Failure(f"{arguments[0]} takes more than {seconds:g} s", arguments, "")
    took, grown = time.process_time() - start, _peak() - resident
    if failure is None and grown > MEGABYTES:
        failure = Failure(f"{arguments[0]} takes more than {MEGABYTES} MB", arguments, f"{grown:.0f} MB")
    return Tried(arguments, outcome, failure, took, grown)


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """End what takes longer; where no Python runs that could be ended, the process."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_VIRTUAL, 3 * seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _stop(*_: object) -> None:
    raise OverLimit


def _forget_peak() -> float:
    """Start to measure the memory anew, where Linux allows; megabytes that are in use."""
    try:
        Path("/proc/self/clear_refs").write_text("5", "ascii")
    except OSError:
        return _peak()
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * resource.getpagesize() / 1e6


def _peak() -> float:
    status = Path("/proc/self/status").read_text("ascii", "replace")
    peak = re.search(r"VmHWM:\s*(\d+)", status)
    return int(peak[1]) * 1024 / 1e6 if peak else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def work(pipe: Connection, kind: str, numbers: range, options: argparse.Namespace) -> None:
    """A process: each input is announced before it is tried, so that whoever ends the process is known."""
    signal.signal(signal.SIGPROF, _stop)
    signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
    size = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + 2**30, resource.RLIM_INFINITY))
    with tempfile.TemporaryDirectory() as folder, commands.folder(Path(folder)):
        for number in numbers:
            pipe.send((number, ["the fuzzer"]))
            own = numbered(kind, number, options.seed)
            for _ in range(options.commands):
                own.put()
                arguments = drawn(own, options.seconds)
                pipe.send((number, arguments))
                pipe.send(measured(own, arguments, options.seconds))
        os.chdir("/")
    pipe.close()


class Report:
    """What came of all inputs."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.outcomes: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
        self.codes: Counter[str] = Counter()
        self.worst: dict[str, list[tuple[float, str]]] = {"s": [], "MB": []}
        self.seconds = 0.0
        self.failures: dict[str, tuple[str, int, Failure]] = {}
        self.times: Counter[str] = Counter()
        """How often each failure came."""

    def add(self, kind: str, number: int, tried: Tried) -> None:
        command, *code = tried.outcome.split()
        self.outcomes[kind][" ".join([command, *code[:1]])] += 1
        self.codes.update(code[1:])
        self.seconds += tried.seconds
        for unit, amount in (("s", tried.seconds), ("MB", tried.megabytes)):
            worst = self.worst[unit]
            worst.append((amount, f"{kind} {number}: {' '.join(tried.arguments)}"))
            worst.sort(reverse=True)
            del worst[5:]
        if tried.failure is not None:
            self.times[tried.failure.kind] += 1
            if self.failures.setdefault(tried.failure.kind, (kind, number, tried.failure))[1] == number:
                print(f"{kind} {number}: {tried.failure.kind}: {tried.failure.arguments}", flush=True)

    def show(self) -> None:
        inputs = {kind: getattr(self.options, kind) for kind in KINDS}
        commands_run = sum(sum(outcomes.values()) for outcomes in self.outcomes.values())
        print(f"\n{inputs}, {commands_run:,} commands, {self.seconds:,.0f} s of CPU in them")
        for kind, outcomes in self.outcomes.items():
            if outcomes:
                print(f"{kind}: {', '.join(f'{outcome} {count:,}' for outcome, count in sorted(outcomes.items()))}")
        print(f"codes: {', '.join(f'{code} {count:,}' for code, count in sorted(self.codes.items()))}")
        for unit, worst in self.worst.items():
            for amount, what in worst:
                print(f"worst: {amount:.2f} {unit}, {what}")
        for kind, count in self.times.most_common():
            print(f"FAILED {count:,} times: {kind} (first: {self.failures[kind][0]} {self.failures[kind][1]})")


def explore(kind: str, report: Report, options: argparse.Namespace) -> None:
    """All inputs of a kind, in so many processes at once."""
    total = getattr(options, kind)
    first = options.first
    waiting = [range(start, min(start + AT_A_TIME, first + total)) for start in range(first, first + total, AT_A_TIME)]
    running: dict[Any, tuple[Any, range, tuple[int, Arguments] | None]] = {}
    while waiting or running:
        while waiting and len(running) < options.workers:
            numbers = waiting.pop(0)
            ours, theirs = multiprocessing.Pipe(duplex=False)
            process = multiprocessing.Process(target=work, args=(theirs, kind, numbers, options))
            process.start()
            theirs.close()
            running[ours] = process, numbers, None
        for pipe in wait(list(running)):
            process, numbers, current = running[pipe]
            try:
                message = cast("Connection", pipe).recv()
            except EOFError:
                process.join()
                del running[pipe]
                if process.exitcode:
                    number, arguments = current or (numbers[0], ["the fuzzer"])
                    failure = Failure(f"{arguments[0]} ends the process", arguments, f"exit code {process.exitcode}")
                    report.add(kind, number, Tried(arguments, "killed", failure, 3 * options.seconds, 0.0))
                    waiting.insert(0, range(number + 1, numbers.stop))
                continue
            if isinstance(message, Tried):
                report.add(kind, current[0] if current else numbers[0], message)
            else:
                running[pipe] = process, numbers, message


def keep(report: Report, options: argparse.Namespace) -> None:
    """Make the failures smaller, each in a process of its own, and list them."""
    folder = Path(options.failures).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for kind, number, failure in report.failures.values():
        suffix = Path(KINDS[kind][0]).suffix
        path = folder / f"{re.sub(r'[^a-z0-9]+', '_', failure.kind.lower())[:70]}{suffix}"
        path.write_bytes(numbered(kind, number, options.seed).data)
        process = multiprocessing.Process(target=_shrink, args=(path, KINDS[kind][0], failure, options))
        process.start()
        process.join(options.shrink)
        if process.is_alive():
            process.kill()
        why = next(iter(failure.detail.strip().splitlines()[-1:]), "")[:200]
        lines.append(f"{path.name}: {failure.kind}: {json.dumps(failure.arguments)} ({kind} {number})\n  {why}\n")
    if lines:
        with (folder / "README").open("a") as file:
            file.writelines(lines)


def _shrink(path: Path, file: str, failure: Failure, options: argparse.Namespace) -> None:
    signal.signal(signal.SIGPROF, _stop)
    signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115  # for the rest of this process

    def fails(data: bytes) -> bool:
        own = Input(file, data, random.Random(0))
        own.put()
        tried = measured(own, failure.arguments, options.seconds)
        return tried.failure is not None and tried.failure.kind == failure.kind

    with tempfile.TemporaryDirectory() as folder, commands.folder(Path(folder)):
        shrunk(file, path.read_bytes(), fails, lambda smaller: _write(path, smaller))
        os.chdir("/")


def _write(path: Path, data: bytes) -> None:
    """Whole: the process may be ended at any time."""
    beside = path.with_name(".smaller")
    beside.write_bytes(data)
    beside.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for kind in KINDS:
        parser.add_argument(f"--{kind}", type=int, default=0, metavar="N", help=f"how many {kind}")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="the number of the first input")
    parser.add_argument("--seed", default="", help="another one makes other inputs of the same numbers")
    parser.add_argument("--commands", type=int, default=2, metavar="N", help="command lines tried on an input")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), metavar="N", help="processes")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of CPU that a command may take")
    parser.add_argument("--failures", default="failures", metavar="FOLDER", help="where failing inputs are kept")
    parser.add_argument("--shrink", type=float, default=120.0, metavar="S", help="seconds to make each one smaller")
    options = parser.parse_args()
    report = Report(options)
    try:
        for kind in KINDS:
            explore(kind, report, options)
    except KeyboardInterrupt:
        print("interrupted")
    report.show()
    keep(report, options)
    sys.exit(bool(report.failures))


if __name__ == "__main__":
    main()
