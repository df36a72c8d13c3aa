"""Every command that writes a file, ended or refused at each system call on the way; prints what came of it as JSON.

A program of its own, which forks for each of them: `python interrupted_writers.py FOLDER`.
"""

from __future__ import annotations

import builtins
import itertools
import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

from typer.testing import CliRunner

from convcalc import cli, files

SPEC = "input: [3, 8, 8]\nlayers:\n  - conv: {out_channels: 4, kernel_size: 3}\n  - batch_norm\n"
NEW = "a new file"
WRITERS = {
    "compare": ("compare", "net.yaml", "--variant", "separable", "-o", "out", "--force"),
    "export": ("export", "net.yaml", "-o", "out", "--force"),
    "import": ("import", "net.onnx", "-o", "out", "--force"),
    "lint --format": ("lint", "net.yaml", "--format", "sarif=out", "--force"),
    "lint --write-baseline": ("lint", "net.yaml", "--write-baseline", "out", "--force"),
    "lint --fix": ("lint", "out", "--fix"),
    NEW: ("import", "net.onnx", "-o", "out"),
}
CALLS = ("open", "fsync", "chown", "chmod", "replace", "link", "unlink")
KILLED = 99
Happens = Callable[[], None]


def interrupted(point: int, happens: Happens) -> None:
    """Let something happen at the call of this number, counted from 0, before it is made, or within a write."""
    numbers = itertools.count()

    def step() -> None:
        if next(numbers) == point:
            happens()

    def around(call: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*arguments: Any, **options: Any) -> Any:
            step()
            return call(*arguments, **options)

        return stepped

    for name in CALLS:
        setattr(os, name, around(getattr(os, name)))

    def opened(*arguments: Any) -> Any:
        file = builtins.open(*arguments)  # noqa: SIM115  # whoever calls closes it
        if "w" in arguments[1]:
            return _Halting(file, step)
        return file

    files.open = opened  # type: ignore[attr-defined]


class _Halting:
    """A file in the middle of whose writing something may happen."""

    def __init__(self, file: Any, step: Happens) -> None:
        self.file = file
        self.step = step

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def writelines(self, parts: Iterable[bytes]) -> None:
        data = b"".join(parts)
        self.file.write(data[: len(data) // 2])
        self.file.flush()
        self.step()
        self.file.write(data[len(data) // 2 :])


def kill() -> None:
    os._exit(KILLED)


def refuse() -> None:
    raise OSError(28, "No space left on device")


def run(arguments: Iterable[str], point: int, happens: Happens) -> dict[str, Any]:
    """One command in a process of its own, in the current folder; `happened`: its calls came to the point."""
    (reads, writes), (sees, tells) = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        sys.stdout = builtins.open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # as long as the process
        sys.stderr = builtins.open(writes, "w", encoding="utf-8")  # noqa: SIM115  # as above

        def reached() -> None:
            os.write(tells, b"x")
            happens()

        sys.argv = ["convcalc", *arguments]
        interrupted(point, reached)
        code: Any = 0
        try:
            cli.main()
        except SystemExit as error:
            code = error.code
        sys.stderr.flush()
        os._exit(code or 0)
    os.close(writes)
    os.close(tells)
    with builtins.open(reads, encoding="utf-8") as said, builtins.open(sees, "rb") as flag:
        return {
            "said": said.read(),
            "happened": bool(flag.read()),
            "code": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]),
        }


def prepare(target: Path, writer: str) -> None:
    """The file that is written over, or none."""
    target.unlink(missing_ok=True)
    if writer != NEW:
        target.write_text(SPEC, "utf-8")
        target.chmod(0o640)


def main() -> None:
    """All writers, at all points, both ways."""
    folder = Path(sys.argv[1])
    os.chdir(folder)
    os.umask(0o022)
    Path("net.yaml").write_text(SPEC, "utf-8")
    run(("export", "net.yaml", "-o", "net.onnx"), -1, kill)
    target = folder / "out"
    for writer, arguments in WRITERS.items():  # once, so that what is loaded and worked out is there in each fork
        prepare(target, writer)
        CliRunner().invoke(cli.application(), arguments)
    outcomes = []
    for (writer, arguments), happens in itertools.product(WRITERS.items(), (kill, refuse)):
        point = 0
        outcome: dict[str, Any] = {"happened": True}
        while outcome["happened"]:
            prepare(target, writer)
            outcome = run(arguments, point, happens)
            outcome |= {"writer": writer, "way": happens.__name__, "text": None, "mode": None}
            if target.exists():
                outcome |= {"text": target.read_bytes().decode("latin-1"), "mode": target.stat().st_mode & 0o777}
            left = {path.name for path in folder.iterdir()} - {"net.yaml", "net.onnx", "out"}
            for name in left:
                (folder / name).unlink()
            outcomes.append(outcome | {"left": len(left)})
            point += 1
    sys.stdout.write(json.dumps(outcomes))


if __name__ == "__main__":
    main()
