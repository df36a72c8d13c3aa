"""Every command that writes a file, interrupted around each system call on the way; prints what came of it as JSON.

A program of its own: `python interrupted_writers.py FOLDER`. Each command runs once up to where it writes, and forks
there for each of the ways and points.
"""

from __future__ import annotations

import builtins
import errno
import itertools
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

from typer.testing import CliRunner

from convcalc import cli, files
from convcalc.exports.onnx import write

SPEC = "input: [3, 8, 8]\nlayers:\n  - conv: {out_channels: 4, kernel_size: 3}\n  - batch_norm\n"
NEW = "a new file"
BESIDE = "export with a file beside"
WRITERS = {
    "compare": ("compare", "net.yaml", "--variant", "separable", "-o", "out", "--force"),
    "export": ("export", "net.yaml", "-o", "out", "--to", "onnx", "--force"),
    BESIDE: ("export", "net.yaml", "-o", "out", "--to", "onnx", "--force"),
    "import": ("import", "net.onnx", "-o", "out", "--force"),
    "lint --format": ("lint", "net.yaml", "--format", "sarif=out", "--force"),
    "lint --write-baseline": ("lint", "net.yaml", "--write-baseline", "out", "--force"),
    "lint --fix": ("lint", "out", "--fix"),
    NEW: ("import", "net.onnx", "-o", "out"),
}
CALLS = ("open", "fsync", "chown", "chmod", "replace", "link", "unlink")
PLACES = {"kill": 40}
"""Places in the data of a file at which something may happen, by what; else a few."""
FEW = 4
EVERYTHING = {"compare", BESIDE}
"""Writers to which all happens; the others are killed and refused."""
KILLED = 99
REFUSALS = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS, errno.EACCES)


def kill(point: int) -> None:
    os._exit(KILLED)


def refuse(point: int) -> None:
    number = REFUSALS[point % len(REFUSALS)]
    raise OSError(number, os.strerror(number))


def interrupt(point: int) -> None:
    raise KeyboardInterrupt


def end(point: int) -> None:
    os.kill(os.getpid(), (signal.SIGTERM, signal.SIGHUP)[point % 2])


def exhaust(point: int) -> None:
    raise MemoryError


WAYS = (kill, refuse, interrupt, end, exhaust)
Happens = Callable[[int], None]


def interrupted(point: int, happens: Happens, reached: int) -> None:
    """Let something happen at the point of this number: before or after a call, or within a write.

    A call that is refused has not been made. A point that is there is reported to the pipe `reached`.
    """
    numbers = itertools.count()

    def step() -> None:
        if next(numbers) == point:
            os.write(reached, b"x")
            happens(point)

    def around(call: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*arguments: Any, **options: Any) -> Any:
            step()
            result = call(*arguments, **options)
            if happens is not refuse:
                step()
            return result

        return stepped

    os.fsync = lambda fd: None  # the machine stays on
    for name in CALLS:
        setattr(os, name, around(getattr(os, name)))

    def opened(*arguments: Any) -> Any:
        file = builtins.open(*arguments)  # noqa: SIM115  # whoever calls closes it
        return _Halting(file, step, PLACES.get(happens.__name__, FEW)) if "w" in arguments[1] else file

    files.open = opened  # type: ignore[attr-defined]


class _Halting:
    """A file in the middle of whose writing something may happen."""

    def __init__(self, file: Any, step: Callable[[], None], places: int) -> None:
        self.file, self.step, self.places = file, step, places

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def writelines(self, parts: Iterable[bytes | memoryview]) -> None:
        data = b"".join(parts)
        ends = [len(data) * number // self.places for number in range(self.places + 1)]
        for start, end in itertools.pairwise(ends):
            self.file.write(data[start:end])
            self.file.flush()
            self.step()


class Trials:
    """Stands for `files.write`: forks for every way and point, and lets each fork write and go on from there."""

    def __init__(self, writer: str, target: Path, report: int) -> None:
        self.writer, self.target, self.report = writer, target, report
        self.write = files.write

    def __call__(self, path: str, parts: Iterable[bytes | memoryview], *, force: bool = False) -> None:
        data = list(parts)
        for happens in WAYS if self.writer in EVERYTHING else WAYS[:2]:
            point, happened = 0, True
            while happened:
                prepare(self.target, self.writer)
                (reads, writes), (sees, reached) = os.pipe(), os.pipe()
                child = os.fork()
                if not child:
                    os.dup2(writes, 2)
                    files.write = self.write
                    interrupted(point, happens, reached)
                    self.write(path, data, force=force)
                    return
                os.close(writes)
                os.close(reached)
                with builtins.open(reads, encoding="utf-8") as text, builtins.open(sees, "rb") as flag:
                    message, happened = text.read(), bool(flag.read())
                code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                outcome = {"writer": self.writer, "way": happens.__name__, "point": point, "happened": happened}
                outcome |= {"code": code, "said": message, **looked_at(self.target)}
                os.write(self.report, json.dumps(outcome).encode() + b"\n")
                point += 1
        os._exit(0)


def prepare(target: Path, writer: str) -> None:
    """The file that is written over, or none."""
    target.unlink(missing_ok=True)
    if writer != NEW:
        target.write_text(SPEC, "utf-8")
        target.chmod(0o640)


def looked_at(target: Path) -> dict[str, Any]:
    """What is there afterwards: the file, and the names of others, which are removed."""
    values: dict[str, Any] = {"text": None, "mode": None}
    if target.exists():
        values = {"text": target.read_bytes().decode("latin-1"), "mode": target.stat().st_mode & 0o777}
    left = sorted({path.name for path in target.parent.iterdir()} - {"net.yaml", "net.onnx", "out"})
    for name in left:
        (target.parent / name).unlink()
    return values | {"left": left}


def main() -> None:
    """All writers, at all points, in all ways."""
    folder = Path(sys.argv[1])
    os.chdir(folder)
    os.umask(0o022)
    Path("net.yaml").write_text(SPEC, "utf-8")
    CliRunner().invoke(cli.application(), ("export", "net.yaml", "-o", "net.onnx"))
    target, report = folder / "out", os.open(folder.parent / "outcomes", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for writer, arguments in WRITERS.items():  # once, so that what is loaded and worked out is there in each fork
        prepare(target, writer)
        CliRunner().invoke(cli.application(), arguments)
    for writer, arguments in WRITERS.items():
        prepare(target, writer)
        child = os.fork()
        if not child:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            if writer == BESIDE:
                write.MOST_BYTES = 0
            files.write = Trials(writer, target, report)
            sys.argv = ["convcalc", *arguments]
            code: Any = 70
            try:
                cli.main()
            except SystemExit as error:
                code = error.code
            finally:
                sys.stderr.flush()
                os._exit(code or 0)
        os.waitpid(child, 0)
    sys.stdout.write((folder.parent / "outcomes").read_text("utf-8"))


if __name__ == "__main__":
    main()
